"""Small flows and rows to train, and a stacked pair of them."""

import torch

from skflow.architectures import autoregressive_stack
from skflow.bases import Normal
from skflow.bijections import Affine
from skflow.flow import Flow
from skflow.training import Batch, TrainingConfig


def make_flow(seed=0, d=2, dropout=0.0):
    """A small MAF in float64, its last layers away from zero."""
    torch.manual_seed(seed)
    stack = autoregressive_stack(
        d, Affine(), n_layers=2, hidden_features=(8,), mixing="plu", dropout=dropout
    )
    for p in stack.parameters():
        p.data += 0.1 * torch.randn_like(p)
    return Flow(stack, Normal(d)).double()


def make_rows(n=64, d=2, seed=0, weight=False):
    """Rows off centre and of another scale than the base."""
    generator = torch.Generator().manual_seed(seed)
    x = 1 + 2 * torch.randn(n, d, generator=generator, dtype=torch.float64)
    w = torch.rand(n, generator=generator, dtype=torch.float64) if weight else None
    return Batch(x, None, w)


def config(**settings):
    defaults = {"max_epochs": 5, "learning_rate": 0.01, "n_iter_no_change": None}
    return TrainingConfig(**{**defaults, **settings})


def state(flow):
    return {name: p.detach().clone() for name, p in flow.named_parameters()}


def assert_states(ours, theirs, tolerance=0.0):
    assert ours.keys() == theirs.keys()
    for name, tensor in ours.items():
        torch.testing.assert_close(tensor, theirs[name], rtol=0, atol=tolerance, msg=name)


class Scripted:
    """The usual loss, with something done to it at given steps of training.

    Parameters
    ----------
    script : dict {step: function of the losses}
        Steps of training count from 0; calls in eval mode do not count.
    """

    def __init__(self, script, always=None):
        self.script, self.always, self.step = script, always, 0

    def __call__(self, flow, batch):
        losses = -flow.log_prob(batch.x, batch.context)
        if not flow.training:
            return losses
        change = self.script.get(self.step, self.always)
        self.step += 1
        return losses if change is None else change(losses)
