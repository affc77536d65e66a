"""Grids are pushed through the map of the flow, and stay inside its support."""

import copy

import numpy as np
import pandas as pd
import pytest

from skflow import NSFDensity, StackedDensity
from skflow.diagnostics import standard_latents
from skflow.plots import FlowGridDisplay, LatentDisplay


@pytest.fixture(scope="module")
def display(flow, plane):
    return FlowGridDisplay.from_estimator(flow, plane, n_lines=5)


def test_grids_go_through_the_flow(display, flow, plane):
    shape = display.grid.shape
    assert shape == (2, 5, 81, 2)
    rows = pd.DataFrame(display.grid.reshape(-1, 2), columns=plane.columns)
    np.testing.assert_array_equal(display.grid_latents, flow.transform(rows).reshape(shape))
    back = flow.transform(
        pd.DataFrame(display.latent_grid_rows.reshape(-1, 2), columns=plane.columns)
    )
    np.testing.assert_allclose(back.reshape(shape), display.latent_grid, atol=1e-3)


def test_upright_and_level_lines_over_the_range_of_the_rows(display, plane):
    upright, level = display.grid
    assert (np.ptp(upright[..., 0], axis=1) == 0).all()
    assert (np.ptp(level[..., 1], axis=1) == 0).all()
    np.testing.assert_allclose(upright[:, 0, 0], np.linspace(*_range(plane["height"]), 5))
    np.testing.assert_allclose(level[:, 0, 1], np.linspace(*_range(plane["weight"]), 5))
    np.testing.assert_allclose(upright[0, [0, -1], 1], _range(plane["weight"]))


def _range(column):
    return column.min(), column.max()


def test_panels(display):
    left, right = display.axes_[0]
    assert (right.get_xlabel(), right.get_ylabel()) == ("height", "weight")
    assert left.get_xlabel() == "latent 0"
    lines = left.collections[1].get_segments()
    np.testing.assert_array_equal(lines[0], display.grid_latents[0, 0])
    styles = [c.get_linestyle()[0][1] for c in left.collections[1:]]
    assert (styles[0], styles[1] is None) == (None, False)


def test_frame_is_that_of_the_rows(display, plane):
    low, high = display.axes_[0, 1].get_xlim()
    width = np.ptp(plane["height"])
    assert plane["height"].min() - low == pytest.approx(0.15 * width)
    assert high - plane["height"].max() == pytest.approx(0.15 * width)


def test_without_rows(display):
    assert len(display.plot(show_rows=False).axes_[0, 0].collections) == 2


def test_grid_stays_inside_a_declared_support():
    X = np.random.default_rng(0).uniform(size=(100, 2))
    settings = {"n_members": 1, "n_layers": 1, "max_epochs": 1}
    model = NSFDensity(**settings, support={0: (0, 1), 1: (0, None)}).fit(X)
    display = FlowGridDisplay.from_estimator(model, X, n_lines=3)
    assert np.isfinite(display.grid_latents).all()
    assert (display.latent_grid_rows >= 0).all()


def test_latents_as_a_table(flow, plane, display):
    model = copy.deepcopy(flow).set_output(transform="pandas")
    again = FlowGridDisplay.from_estimator(model, plane, n_lines=5)
    np.testing.assert_array_equal(again.grid_latents, display.grid_latents)
    expected = standard_latents(flow, plane)
    np.testing.assert_array_equal(LatentDisplay.from_estimator(model, plane).latents, expected)


def test_errors(ensemble, space, plane):
    with pytest.raises(ValueError, match="flows of two columns; this table has 3"):
        FlowGridDisplay.from_estimator(ensemble, space)
    stack = StackedDensity(cv=2)
    with pytest.raises(TypeError, match="`inverse_transform`; StackedDensity has none"):
        FlowGridDisplay.from_estimator(stack, plane)
