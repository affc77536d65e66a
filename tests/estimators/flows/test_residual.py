"""ResidualFlowDensity: its bound after training, its parameters, its deterministic scores."""

import numpy as np
import pytest
from sklearn.datasets import make_moons

from skflow import BrokenGuaranteeError, ResidualFlowDensity
from skflow.bijections import Residual

SMALL = {"n_layers": 2, "hidden_features": (8,), "max_epochs": 5, "base": "normal"}
SMALL = {**SMALL, "random_state": 0}


def moons(n=200, seed=0):
    return make_moons(n, noise=0.07, random_state=seed)[0]


def blocks(model):
    return [part for part in model.flow_.modules() if isinstance(part, Residual)]


@pytest.mark.parametrize("n_members", [1, 2])
@pytest.mark.parametrize("lipschitz", [0.5, 0.97])
def test_bound_of_every_block_holds_after_training(lipschitz, n_members):
    settings = {**SMALL, "lipschitz": lipschitz, "learning_rate": 0.5, "n_members": n_members}
    model = ResidualFlowDensity(**settings).fit(moons())
    assert len(blocks(model)) == 2
    for block in blocks(model):
        assert (block.lipschitz_bound() <= lipschitz).all()
        assert block.truncation_bound == 0


def test_the_bound_is_checked_by_fit(monkeypatch):
    monkeypatch.setattr(
        Residual, "lipschitz_bound", lambda self: self.net.log_sharpness[0].detach() + 9
    )
    with pytest.raises(BrokenGuaranteeError, match="stated Lipschitz bound"):
        ResidualFlowDensity(**SMALL).fit(moons())


@pytest.mark.parametrize("log_det", ["roulette", "exact"])
def test_scores_are_deterministic_whatever_training_did(log_det):
    model = ResidualFlowDensity(**SMALL, log_det=log_det, n_members=2).fit(moons())
    scores = model.score_samples(moons())
    np.testing.assert_array_equal(scores, model.score_samples(moons()))
    np.testing.assert_allclose(model.score_samples(moons()[:1]), scores[:1], rtol=1e-4)


def test_both_log_dets_train_to_much_the_same():
    settings = {**SMALL, "n_layers": 3, "hidden_features": (32,), "max_epochs": 25}
    settings = {**settings, "n_members": 1, "learning_rate": 0.01}
    roulette, exact = (
        ResidualFlowDensity(**settings, log_det=name).fit(moons(500)).score(moons(1000, 1))
        for name in ("roulette", "exact")
    )
    assert abs(roulette - exact) < 0.15
    assert min(roulette, exact) > -1.5  # a Gaussian gets -2.0
