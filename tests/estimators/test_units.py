"""Columns in whatever unit, not scaled: fits are found, and draws stay near the rows."""

import numpy as np
import pytest

from skflow import StackedDensity
from tests.instances import DENSITIES, quick

BETWEEN = [1e-40, 0.1, 1e40]
# the two ends of floats, and units of tables; those between are like the ends
UNITS = [1e-200, 1e-3, 1e3, 1e200, *(pytest.param(u, marks=pytest.mark.slow) for u in BETWEEN)]


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("cls", DENSITIES, ids=lambda cls: cls.__name__)
@pytest.mark.filterwarnings("ignore::skflow.exceptions.ConvergenceWarning")
def test_columns_that_are_not_scaled(cls, unit):
    if cls is StackedDensity:
        pytest.skip("it has no preprocessing")
    X = unit * np.random.default_rng(0).normal(size=(60, 2))
    model = quick(cls, preprocessing="none").fit(X)
    assert np.isfinite(model.score_samples(X)).all()
    draws = model.sample(500, random_state=0)
    assert np.abs(draws).max() < 100 * max(unit, 1)  # the unit of the base
