"""What the stages of a fit do where a round of training was not enough."""

import torch

from skflow.bases import GaussianMixture, StudentT
from skflow.bijections import Chain
from skflow.flow import Flow
from skflow.variational._stages import HEAVY_DF, _give_tails


def test_a_base_of_one_mode_gets_heavier_tails_that_are_not_trained():
    core = Flow(Chain([]), StudentT(3, 10.0).requires_grad_(False)).double()
    _give_tails(core)
    torch.testing.assert_close(core.base.df, torch.full((3,), HEAVY_DF).double())
    assert core.base.raw_df.dtype == torch.float64
    assert not any(parameter.requires_grad for parameter in core.base.parameters())


def test_a_base_of_several_modes_stays():
    base = GaussianMixture.from_roots(
        torch.tensor([0.5, 0.5]).double(), torch.zeros(2, 1).double(), torch.ones(2, 1, 1).double()
    )
    core = Flow(Chain([]), base)
    _give_tails(core)
    assert core.base is base
