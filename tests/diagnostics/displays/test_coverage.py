"""The coverage that is drawn is that of held-out rows."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from skflow import MixtureFlowDensity
from skflow.diagnostics import hdr_coverage
from skflow.plots import CoverageDisplay


@pytest.fixture(scope="module")
def fresh():
    return np.random.default_rng(2).normal(size=(400, 3)) * [1.0, 2.0, 3.0]


def test_numbers(gaussian3, fresh):
    display = CoverageDisplay.from_estimator(gaussian3, fresh, n_samples=500, random_state=3)
    draws = gaussian3.score_samples(_draws(gaussian3, 500, 3))
    expected = hdr_coverage(draws, gaussian3.score_samples(fresh))
    np.testing.assert_array_equal(display.observed, expected.observed)
    np.testing.assert_array_equal(display.band, expected.band)
    assert display.bias == expected.bias


def _draws(model, n, seed):
    from skflow._random import draw_seed

    return model.sample(n, random_state=draw_seed(seed))


def test_true_density_lies_in_the_band(fresh):
    many = np.random.default_rng(3).normal(size=(5_000, 3)) * [1.0, 2.0, 3.0]
    model = MixtureFlowDensity(n_components=1).fit(many)
    display = CoverageDisplay.from_estimator(model, fresh)
    low, high = display.band
    inside = (low <= display.observed) & (display.observed <= high)
    assert inside.mean() > 0.8
    assert abs(display.bias) < 0.05


def test_wider_rows_lie_below(gaussian3, fresh):
    display = CoverageDisplay.from_estimator(gaussian3, 2 * fresh)
    assert (display.observed < display.band[0]).mean() > 0.8
    assert display.bias > 0.2


def test_levels_and_line(gaussian3, fresh):
    display = CoverageDisplay.from_estimator(gaussian3, fresh, levels=[0.9, 0.5], name="one")
    line = display.ax_.lines[-1]
    np.testing.assert_array_equal(line.get_xdata(), [0.5, 0.9])
    np.testing.assert_array_equal(line.get_ydata(), display.observed[::-1])
    np.testing.assert_array_equal(display.nominal, [0.9, 0.5])
    assert display.ax_.get_xlim() == display.ax_.get_ylim() == (0, 1)


def test_named_table(gaussian, plane):
    display = CoverageDisplay.from_estimator(gaussian, plane, n_samples=200)
    assert abs(display.bias) < 0.1


def test_two_in_one_axes(gaussian3, fresh):
    ax = plt.subplots()[1]
    for name, color in (("one", "black"), ("other", "0.5")):
        CoverageDisplay.from_estimator(gaussian3, fresh, ax=ax, name=name, color=color)
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["95% band", "as claimed", "one", "other"]


def test_repeated_values_are_spread_as_in_the_fit():
    rng = np.random.default_rng(0)
    X, fresh = (np.c_[rng.normal(size=(n, 1)), np.full(n, 3.0)] for n in (500, 400))
    X, fresh = (pd.DataFrame(rows, columns=["a", "b"]) for rows in (X, fresh))
    model = MixtureFlowDensity(n_components=1, random_state=0).fit(X)
    display = CoverageDisplay.from_estimator(model, fresh)
    assert abs(display.bias) < 0.05


def test_random_state_instance(gaussian3, fresh):
    state = np.random.RandomState(0)
    assert CoverageDisplay.from_estimator(gaussian3, fresh, n_samples=50, random_state=state).ax_
