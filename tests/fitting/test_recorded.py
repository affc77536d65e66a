"""Calls of a few rows that come again and again: recorded, with the bits that they had."""

import copy
import gc
import pickle
import warnings
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

import skflow
from skflow.fitting import _recorded
from skflow.fitting._blocks import log_density
from tests.instances import FLOWS, quick

NOT_RECORDED = {"ContinuousFlowDensity"}  # it takes as many steps as a row needs
# of each kind of layer and of base one
ORDINARY = {"KernelFlowDensity", "GaussianizationFlowDensity", "NSFDensity", "ResidualFlowDensity"}


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    monkeypatch.setattr(_recorded, "AGAIN", 2)


def table(n=60):
    rng = np.random.default_rng(0)
    X = rng.standard_t(3, size=(n, 3))
    X[:, 1] += X[:, 0] ** 2
    return X


def rows():
    """Rows that go several ways: near, far, very far, and near again."""
    X = table(40)
    X[5], X[10], X[15, 0], X[20] = 30.0, 1e6, -1e150, 0.0
    return X


def one_by_one(density, X):
    return np.concatenate([density.score_samples(X[i : i + 1]) for i in range(len(X))])


def recorded(density):
    return _recorded._RECORDS[density.flow_].recorded


def unrecorded(density, X, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(_recorded, "AGAIN", np.inf)
        return one_by_one(copy.deepcopy(density), X)


@pytest.mark.parametrize(
    "cls",
    [
        pytest.param(cls, marks=[] if cls.__name__ in ORDINARY else pytest.mark.slow)
        for cls in FLOWS
        if cls.__name__ not in NOT_RECORDED
    ],
)
def test_the_same_bits(cls, monkeypatch):
    density, X = quick(cls, preprocessing="auto").fit(table()), rows()
    expected = unrecorded(density, X, monkeypatch)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(3):
            np.testing.assert_array_equal(one_by_one(density, X), expected)
    assert 1 <= len(recorded(density)) <= _recorded.MOST


def test_defaults_bounds_and_ties(monkeypatch):
    X = np.column_stack([table(), table()[:, 0].round(), np.maximum(table()[:, 1], 0)])
    density = skflow.RealNVPDensity(max_epochs=2, support={4: (0, None)}, random_state=0).fit(X)
    X[3, 4], X[7, 4] = -1.0, 0.0
    expected = unrecorded(density, X, monkeypatch)
    assert expected[3] == -np.inf
    for _ in range(2):
        np.testing.assert_array_equal(one_by_one(density, X), expected)
    assert recorded(density)


def test_given_a_context():
    X, context = table(), table()[:, :2] + 1
    density = quick(skflow.RealNVPDensity).fit(X, context=context)
    scores = [density.score_samples(X[:1], context=context[:1]) for _ in range(9)]
    assert recorded(density)
    np.testing.assert_array_equal(scores, scores[:1] * 9)


def test_whole_blocks_are_not_recorded():
    density = quick(skflow.MAFDensity).fit(table())
    for _ in range(5):
        density.score_samples(table())
    assert not recorded(density)


def test_another_number_of_rows_is_recorded_as_well():
    density, X = quick(skflow.MAFDensity, dtype="float64").fit(table()), table()
    whole = density.score_samples(X)
    for size in (1, 20, 32):
        for _ in range(5):
            np.testing.assert_allclose(density.score_samples(X[:size]), whole[:size], rtol=1e-12)
    assert recorded(density)


def test_training_goes_on(monkeypatch):
    density, X = quick(skflow.MAFDensity), table(1_000)
    density.partial_fit(X)
    before = one_by_one(density, X[:9])
    assert recorded(density)
    density.partial_fit(X[::-1])
    after = one_by_one(density, X[:9])
    np.testing.assert_array_equal(after, unrecorded(density, X[:9], monkeypatch))
    assert (after != before).all()


def test_weights_that_change_in_place_are_seen():
    density, X = quick(skflow.MAFDensity).fit(table()), table()
    one_by_one(density, X)
    stale = recorded(density)[0]
    with torch.no_grad():
        next(density.flow_.parameters()).add_(0.1)
    np.testing.assert_array_equal(one_by_one(density, X), one_by_one(copy.deepcopy(density), X))
    assert stale not in recorded(density)


def test_nothing_is_kept_that_nobody_has():
    density = quick(skflow.MAFDensity).fit(table())
    one_by_one(density, table())
    flow = weakref.ref(density.flow_)
    assert recorded(density)
    for twin in (copy.deepcopy(density), pickle.loads(pickle.dumps(density))):
        assert twin.flow_ not in _recorded._RECORDS
    del density
    gc.collect()
    assert flow() is None


class Loud(skflow.flow.Flow):
    """A flow that does not give the same twice."""

    def log_prob(self, x, context=None):
        return super().log_prob(x, context) + torch.rand(())


class Numeric(skflow.flow.Flow):
    """A flow that leaves torch, and does not come back where it is recorded."""

    def log_prob(self, x, context=None):
        if torch.jit.is_tracing():
            raise NotImplementedError
        return super().log_prob(x, context)


@pytest.mark.parametrize("kind", [Loud, Numeric])
def test_what_cannot_be_recorded_is_scored(kind):
    flow = quick(skflow.MAFDensity).fit(table()).flow_
    flow = kind(flow.bijection, flow.base, flow.preprocessing).eval()
    scores = [log_density(flow, table()[:1]) for _ in range(9)]
    assert np.isfinite(scores).all()
    assert not _recorded._RECORDS[flow].recorded


def test_in_inference_mode(monkeypatch):
    density, X = quick(skflow.MAFDensity).fit(table()), table()
    expected = unrecorded(density, X, monkeypatch)
    with torch.inference_mode():
        for twin in (density, copy.deepcopy(density)):
            np.testing.assert_array_equal(one_by_one(twin, X), expected)


def test_in_threads(monkeypatch):
    density, X = quick(skflow.MAFDensity).fit(table()), table()
    expected = unrecorded(density, X, monkeypatch)
    with ThreadPoolExecutor(4) as pool:
        for scores in pool.map(lambda _: one_by_one(density, X), range(8)):
            np.testing.assert_array_equal(scores, expected)
    assert recorded(density)
