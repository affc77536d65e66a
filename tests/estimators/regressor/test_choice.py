"""What a regressor's density is behind: normal scores of y where rows are likelier so."""

from functools import partial

import numpy as np
import pytest

from skflow import FlowRegressor, NSFDensity
from skflow.estimators.regressor import _fit
from skflow.estimators.regressor._choice import likelier
from skflow.exceptions import ConvergenceWarning

SMALL = {"n_layers": 1, "hidden_features": (16,), "max_epochs": 60, "n_members": 2}


@pytest.fixture(autouse=True)
def _small_default(monkeypatch):
    """As the default density, but of few and small nets, which are quick."""
    monkeypatch.setattr(_fit, "NSFDensity", partial(NSFDensity, **SMALL))


class Scored:
    """A density of which only the scores of held-out rows are known."""

    def __init__(self, scores):
        self.held_out_scores_ = np.array(scores)


def rows(bend, n=150):
    """Draw X (n, 2), and y (n,) as a bent line in X with equal noise."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 2))
    return X, bend(X[:, 0] + 0.3 * rng.normal(size=n))


def test_a_line_is_left_as_it_is():
    model = FlowRegressor(features=[], random_state=0).fit(*rows(np.asarray))
    assert model.density_.preprocessing_ == "standardize"


def test_a_bent_line_is_learnt_better_behind_normal_scores():
    X, y = rows(np.exp, n=450)
    known, new = slice(150), slice(150, None)
    plain = FlowRegressor(density=NSFDensity(**SMALL), features=[], random_state=0)
    default = FlowRegressor(features=[], random_state=0)
    scores = [m.fit(X[known], y[known]).log_density(X[new], y[new]) for m in (plain, default)]
    assert default.density_.preprocessing_ == "gaussianize"
    gains = scores[1] - scores[0]
    assert gains.mean() > 2 * gains.std() / np.sqrt(len(gains))


def test_what_is_likelier_is_so_by_more_than_its_error():
    first = Scored([0.0, 0.0, np.nan, 0.0])
    better, unsure = Scored([1.0, 1.1, 5.0, 0.9]), Scored([3.0, -2.9, 5.0, 0.1])
    assert likelier("another", lambda: better, first) is better
    assert likelier("another", lambda: unsure, first) is first


def test_a_density_that_was_passed_stays_as_it_is():
    X, y = rows(np.exp)
    model = FlowRegressor(density=NSFDensity(**SMALL), features=[], random_state=0).fit(X, y)
    assert model.density_.preprocessing_ == "standardize"


def test_without_time_it_is_not_tried_and_that_is_said():
    X, y = rows(np.exp)
    model = FlowRegressor(features=[], random_state=0, max_seconds=0.05)
    with pytest.warns(ConvergenceWarning, match="a trial of normal scores of y"):
        model.fit(X, y)
    assert model.density_.preprocessing_ == "standardize"
