"""The same weights give the same continuous flow in zuko.

Its default activation, ELU, has kinks, which both solvers pass with small steps; theirs
controls the log-det a hundred times less strictly than the places.
"""

import pytest
import torch
import zuko

from skflow.bijections import Continuous
from skflow.nets import VelocityNet

TOLERANCE = 1e-5


def linear_layers(net):
    return [layer for layer in net if layer._parameters]


@pytest.mark.parametrize(
    ("d", "n_context", "hidden", "activation", "theirs"),
    [
        (1, 0, (16,), "tanh", torch.nn.Tanh),
        (2, 0, (16, 12), "tanh", torch.nn.Tanh),
        (4, 3, (16, 12), "tanh", torch.nn.Tanh),
        (3, 0, (8, 8, 8), "tanh", torch.nn.Tanh),
        (2, 3, (16, 12), "elu", torch.nn.ELU),
        (3, 0, (8, 8, 8), "elu", torch.nn.ELU),
    ],
)
def test_continuous_flow_equals_zuko(d, n_context, hidden, activation, theirs):
    torch.manual_seed(0)
    their = zuko.flows.continuous.FFJTransform(
        d, n_context, freqs=3, atol=1e-10, rtol=1e-10, hidden_features=hidden, activation=theirs
    ).double()
    # theirs takes time, features and context; ours time, context and features
    order = torch.tensor([*range(6), *range(6 + d, 6 + d + n_context), *range(6, 6 + d)])
    ours = Continuous(VelocityNet(d, hidden, n_context, 3, activation).double(), tolerance=1e-8)
    with torch.no_grad():
        for p in their.ode.parameters():
            torch.nn.init.normal_(p, std=0.5 if p.dim() == 1 else 1.5 / p.shape[-1] ** 0.5)
        for our, layer in zip(
            [*ours.net.hidden, ours.net.last], linear_layers(their.ode), strict=True
        ):
            our.weight.copy_(layer.weight[:, order] if our is ours.net.hidden[0] else layer.weight)
            our.bias.copy_(layer.bias)
    x = 1.5 * torch.randn(12, d, dtype=torch.float64)
    context = torch.randn(12, n_context, dtype=torch.float64) if n_context else None
    with torch.no_grad():
        z, log_det = ours.eval()(x, context)
        back, _ = ours.inverse(z, context)
        their_z, their_log_det = their.eval()(context).call_and_ladj(x)
    assert (z - x).std() > 0.1
    assert log_det.std() > 0.02
    assert (z - their_z).abs().max() < TOLERANCE
    assert (log_det - their_log_det).abs().max() < TOLERANCE
    assert (back - x).abs().max() < TOLERANCE
