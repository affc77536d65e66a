"""A constant column is scored and drawn within what it is spread over, whatever the estimator."""

import numpy as np
import pytest

from skflow import KernelFlowDensity, MAFDensity, StackedDensity
from tests.instances import DENSITIES, quick


@pytest.mark.parametrize("cls", DENSITIES, ids=lambda cls: cls.__name__)
@pytest.mark.parametrize("value", [7.0, 1e15])
def test_a_constant_stays_near_its_value(cls, value):
    width = 0.05 * value
    X = np.column_stack([np.random.default_rng(0).normal(size=100), np.full(100, value)])
    kinds = ["auto"] if cls is StackedDensity else ["whiten", "none"]
    for kind in kinds:
        settings = {} if kind == "auto" else {"preprocessing": kind}
        model = quick(cls, **settings).fit(X)
        draws = (model.sample(500, random_state=0)[:, 1] - value) / width
        assert abs(draws.mean()) < 0.1
        assert np.abs(draws).max() < 3
        assert -3 < model.score(X) + np.log(width) < 0


@pytest.mark.parametrize("cls", DENSITIES, ids=lambda cls: cls.__name__)
def test_a_constant_that_is_declared_unspread_is_no_error(cls):
    if cls is StackedDensity:
        pytest.skip("beside listed estimators each declares its own")
    X = np.column_stack([np.full(60, 3.0), np.random.default_rng(0).normal(size=60)])
    # which preprocessing is chosen is no matter of the layers
    chosen = {"preprocessing": "auto"} if cls in (MAFDensity, KernelFlowDensity) else {}
    model = quick(cls, **chosen, resolution={0: 0}).fit(X)
    assert np.isfinite(model.score_samples(X)).all()
    assert np.isfinite(model.sample(100, random_state=0)).all()
