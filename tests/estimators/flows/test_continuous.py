"""The continuous flow as an estimator: what training's steps miss, settings."""

import numpy as np
import pytest
import torch
from sklearn.datasets import make_moons
from sklearn.utils._param_validation import InvalidParameterError

from skflow import ContinuousFlowDensity
from tests.instances import quick


def test_steps_of_training_follow_the_exact_flow():
    """From one Gaussian to two moons, so that the flow has all of the way to go."""
    X = make_moons(600, noise=0.07, random_state=0)[0]
    settings = {"base": "normal", "n_members": 1, "hidden_features": (32, 32)}
    training = {"max_epochs": 50, "learning_rate": 0.02, "random_state": 0}
    model = ContinuousFlowDensity(**settings, **training).fit(X)
    fresh = torch.from_numpy(make_moons(1000, noise=0.07, random_state=1)[0])
    with torch.no_grad():
        exact = model.flow_.log_prob(fresh)
        model.flow_.bijection.train()
        in_steps = model.flow_.log_prob(fresh)
    assert exact.mean() > -1.2  # a Gaussian has about -1.9
    assert abs((exact - in_steps).mean()) < 0.05


def test_auto_trace():
    X = np.random.default_rng(0).normal(size=(30, 3))
    for hidden, n_features, trace in [
        ((8, 8), 3, "exact"),
        ((8, 8, 8), 3, "hutchinson"),
        ((8, 8, 8), 2, "exact"),
    ]:
        model = quick(ContinuousFlowDensity, hidden_features=hidden, max_epochs=1)
        assert model.fit(X[:, :n_features]).trace_ == trace
    assert model.set_params(trace="hutchinson").fit(X).trace_ == "hutchinson"


def test_tolerance():
    X = np.random.default_rng(0).normal(size=(60, 3))
    model = quick(ContinuousFlowDensity, n_layers=2, dtype="float64", tolerance=1e-9).fit(X)
    np.testing.assert_allclose(model.inverse_transform(model.transform(X)), X, atol=1e-7)


@pytest.mark.parametrize(
    ("name", "value"),
    [("n_steps", 0), ("kinetic", -1), ("trace", "none"), ("tolerance", 0), ("tolerance", 1)],
)
def test_bad_parameter_is_named(name, value):
    with pytest.raises(InvalidParameterError, match=f"The '{name}' parameter"):
        quick(ContinuousFlowDensity, **{name: value}).fit([[0.0, 1], [2, 3]])
