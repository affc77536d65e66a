"""Maps steered by a context alone, and bijections that see a context through a net."""

import torch
from torch.distributions import Normal as TorchNormal

from skflow.bases import Normal
from skflow.bijections import (
    Affine,
    Autoregressive,
    ConditionalElementwise,
    Conditioned,
    Coupling,
    Inverse,
    LinearShift,
    Planar,
    Residual,
)
from skflow.flow import Flow
from skflow.nets import MADE, MLP, Encoder, LipschitzMLP


def moved(module):
    for p in module.parameters():
        torch.nn.init.normal_(p, std=0.3)
    return module.eval()


def test_diagonal_gaussian_against_torch():
    net = moved(MLP(3, 2, 2, (8,)))
    flow = Flow(Inverse(ConditionalElementwise(Affine(), net)), Normal(2))
    x, context = torch.randn(6, 2), torch.randn(6, 3)
    mean, r = net(context).unbind(-1)
    scale = torch.exp(r / (1 + r.abs() / 2))
    expected = TorchNormal(mean, scale).log_prob(x).sum(-1)
    torch.testing.assert_close(flow.log_prob(x, context), expected)
    z = torch.randn(6, 2)
    torch.testing.assert_close(flow.from_noise(z, context)[0], mean + scale * z)


def test_the_inner_bijection_sees_what_the_net_makes_of_the_context():
    net, inner = moved(Encoder(3, (8, 4))), moved(Coupling(2, Affine(), MLP(1, 1, 2, (8,), 4)))
    x, context = torch.randn(6, 2), torch.randn(6, 3)
    ours, theirs = Conditioned(net, inner), net(context)
    for direction in ("forward", "inverse", "retrace"):
        got = getattr(ours, direction)(x, context)
        assert all(map(torch.equal, got, getattr(inner, direction)(x, theirs)))


def test_facts_are_those_of_the_inner_bijection():
    residual = Residual(LipschitzMLP(2, (4,), 3))
    wrapped = Conditioned(Encoder(1, (3,)), residual)
    assert (wrapped.invertible, wrapped.tolerance) == (residual.invertible, residual.tolerance)
    assert Conditioned(Encoder(1, (3,)), Planar(2)).invertible == Planar(2).invertible


def test_initialize_reaches_the_inner_bijection():
    class Recorder(Planar):
        def initialize(self, x, context=None, weight=None):
            self.seen = context, weight
            return super().initialize(x, context, weight)

        def initialize_inverse(self, z, context=None, weight=None):
            self.seen = context, weight
            return super().initialize_inverse(z, context, weight)

    net, inner = Encoder(3, (8,)), Recorder(2)
    x, context, weight = torch.randn(6, 2), torch.randn(6, 3), torch.rand(6)
    conditioned = Conditioned(net, inner)
    for initialize in (conditioned.initialize, conditioned.initialize_inverse):
        inner.seen = None, None
        initialize(x, context, weight)
        assert torch.equal(inner.seen[0], net(context))
        assert inner.seen[1] is weight


def test_gradients_reach_the_encoder_once_the_layers_have_moved():
    inner = Autoregressive(Affine(), MADE(2, 2, (8,), 4))
    model = Conditioned(Encoder(3, (8, 4)), inner)
    x, context = torch.randn(6, 2), torch.randn(6, 3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(2):
        optimizer.zero_grad()
        z, log_det = model(x, context)
        (z.square().sum() - log_det.sum()).backward()
        optimizer.step()
    assert all(p.grad.any() for p in model.net.parameters())


def test_a_linear_shift_starts_at_the_regression():
    generator = torch.Generator().manual_seed(0)
    context = torch.randn(500, 3, generator=generator)
    noise = torch.randn(500, 2, generator=generator)
    x = context @ torch.tensor([[1.0, -2.0], [0.0, 3.0], [0.5, 0.0]]) + 4 + 0.1 * noise
    shift = LinearShift(2, 3)
    z = shift.initialize(x, context)
    torch.testing.assert_close(z.std(dim=0), torch.full((2,), 0.1), rtol=0.1, atol=0)
    torch.testing.assert_close(z, shift(x, context)[0])
    other_way = Inverse(LinearShift(2, 3))
    torch.testing.assert_close(other_way.initialize(x, context), z)
