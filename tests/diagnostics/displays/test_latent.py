"""Displays of the latents know what a standard normal does."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from skflow import MixtureFlowDensity, StackedDensity
from skflow.diagnostics import standard_latents
from skflow.plots import LatentDisplay, LatentQQDisplay


def normal(n=400, d=3, scale=1.0):
    return scale * np.random.default_rng(0).normal(size=(n, d))


class TestLatent:
    def test_shares(self):
        display = LatentDisplay.from_latents([[0.5, 0.0], [0.0, 1.5], [-1.2, 1.2], [3.0, 0.0]])
        np.testing.assert_array_equal(display.inside, [0.25, 0.75])
        np.testing.assert_allclose(display.expected, stats.chi2(2).cdf([1, 4]))
        np.testing.assert_allclose(
            display.errors**2, display.expected * (1 - display.expected) / 4
        )

    def test_normal_latents_are_as_expected(self):
        display = LatentDisplay.from_latents(normal())
        assert (np.abs(display.inside - display.expected) < 3 * display.errors).all()

    def test_circles(self):
        display = LatentDisplay.from_latents(normal())
        assert [circle.radius for circle in display.ax_.patches] == [1, 2]
        assert display.ax_.get_aspect() == 1
        texts = [text.get_text() for text in display.ax_.get_legend().get_texts()]
        assert texts[0] == f"1 sd: {display.inside[0]:.1%} inside, 39.3% expected"

    def test_columns_of_a_flow(self, ensemble, space):
        display = LatentDisplay.from_estimator(ensemble, space, columns=(2, 1))
        expected = standard_latents(ensemble, space)[:, [2, 1]]
        np.testing.assert_array_equal(display.latents, expected)
        assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == ("latent 2", "latent 1")
        np.testing.assert_array_equal(display.ax_.collections[0].get_offsets(), expected)

    def test_all_points_are_in_the_picture(self):
        display = LatentDisplay.from_latents([[9.0, 0.0], [0.0, -1.0]])
        low, high = display.ax_.get_xlim()
        assert low == -high
        assert high > 9

    def test_style(self):
        display = LatentDisplay.from_latents(normal(), color="black", s=3)
        assert display.ax_.collections[0].get_sizes() == [3]

    def test_errors(self, space):
        one = MixtureFlowDensity(n_components=1).fit(space[:, :1])
        with pytest.raises(ValueError, match="LatentQQDisplay takes any number"):
            LatentDisplay.from_estimator(one, space[:, :1])
        for columns in (0, (0, 1, 2)):
            with pytest.raises(ValueError, match="columns must be two different columns"):
                LatentDisplay.from_latents(normal(), columns=columns)
        with pytest.raises(ValueError, match="columns holds 7"):
            LatentDisplay.from_latents(normal(), columns=(0, 7))

    def test_estimators_without_latents(self, space):
        stack = StackedDensity([("one", MixtureFlowDensity(n_components=1))], cv=2).fit(space)
        for cls in (LatentDisplay, LatentQQDisplay):
            with pytest.raises(TypeError, match="StackedDensity, which has no latents"):
                cls.from_estimator(stack, space)


@pytest.fixture(scope="module")
def tied():
    """A flow of a rounded and a constant column, and new rows."""
    rng = np.random.default_rng(0)
    tables = [np.c_[rng.normal(size=n).round(), np.full(n, 3.0)] for n in (600, 500)]
    tables = [pd.DataFrame(rows, columns=["a", "b"]) for rows in tables]
    return MixtureFlowDensity(n_components=3, random_state=0).fit(tables[0]), tables[1]


class TestRepeatedValues:
    def test_circles_hold_their_shares(self, tied):
        display = LatentDisplay.from_estimator(*tied)
        assert (np.abs(display.inside - display.expected) < 4 * display.errors).all()
        assert len(np.unique(display.latents[:, 1])) == 500

    def test_norms_without_warnings(self, tied):
        assert LatentQQDisplay.from_estimator(*tied).outside < 0.6

    def test_other_spread(self, tied):
        one, same, other = (
            LatentQQDisplay.from_estimator(*tied, random_state=k).squared_norms for k in (1, 1, 2)
        )
        np.testing.assert_array_equal(one, same)
        assert not np.array_equal(one, other)

    def test_constant_latents(self):
        assert LatentQQDisplay.from_latents(np.c_[normal(50, 2), np.zeros(50)]).n_columns == 3


class TestQQ:
    def test_norms_and_quantiles(self):
        Z = normal(50, 3)
        display = LatentQQDisplay.from_latents(Z)
        np.testing.assert_allclose(display.squared_norms, np.sort((Z**2).sum(axis=1)))
        middle = (np.arange(50) + 0.5) / 50
        np.testing.assert_allclose(display.quantiles, stats.chi2(3).ppf(middle))
        assert display.n_columns == 3

    def test_band_holds_each_point_with_its_probability(self):
        low, high = LatentQQDisplay.from_latents(normal(40, 2)).band
        rng = np.random.default_rng(1)
        norms = np.sort((rng.normal(size=(4_000, 40, 2)) ** 2).sum(axis=-1), axis=1)
        inside = ((norms > low) & (norms < high)).mean(axis=0)
        np.testing.assert_allclose(inside, 0.95, atol=0.015)

    def test_share_outside(self):
        assert LatentQQDisplay.from_latents(normal()).outside < 0.2
        assert LatentQQDisplay.from_latents(normal(scale=1.5)).outside > 0.8
        assert LatentQQDisplay.from_latents(normal(scale=0.7)).outside > 0.8

    def test_points(self, ensemble, space):
        display = LatentQQDisplay.from_estimator(ensemble, space, name="spline flow")
        points = display.ax_.lines[-1]
        np.testing.assert_array_equal(points.get_ydata(), display.squared_norms)
        assert points.get_label() == "spline flow"
        assert "3 degrees of freedom" in display.ax_.get_xlabel()

    def test_two_in_one_axes(self):
        ax = plt.subplots()[1]
        LatentQQDisplay.from_latents(normal(), ax=ax, name="one")
        LatentQQDisplay.from_latents(normal(scale=1.5), ax=ax, name="other", color="black")
        labels = [text.get_text() for text in ax.get_legend().get_texts()]
        assert labels == ["95% band", "standard normal", "one", "other"]

    def test_one_column(self):
        display = LatentQQDisplay.from_latents(normal(d=1))
        assert "1 degree of freedom" in display.ax_.get_xlabel()
