"""LipschitzMLP: a bound that holds for any weights, its activation and its Jacobian."""

import pytest
import torch

from skflow.members import stack_members
from skflow.nets import LipschitzMLP
from skflow.nets._lipschitz import lip_swish
from skflow.nets._norms import norm_bound

DTYPES = pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)


def wild_net(size, seed=0, n_features=5, hidden=(16, 12), **settings):
    """Return a net whose weights are random and as large as ``size``."""
    torch.manual_seed(seed)
    net = LipschitzMLP(n_features, hidden, **settings)
    for p in net.parameters():
        torch.nn.init.normal_(p, std=size)
    return net


@DTYPES
@pytest.mark.parametrize("size", [1e-3, 1.0, 1e3, 1e8])
@pytest.mark.parametrize("shape", [(1, 1), (7, 3), (3, 7), (64, 64), (4, 30, 20)])
def test_norm_bound_is_a_close_upper_bound(shape, size, dtype):
    weight = size * torch.randn(shape, dtype=dtype)
    truth = torch.linalg.svdvals(weight.double())[..., 0]
    ratio = norm_bound(weight).double() / truth
    assert (ratio >= 1).all()
    assert (ratio <= min(shape[-2:]) ** (1 / 64) * 1.001).all()


@DTYPES
def test_norm_bound_of_equal_singular_values_and_of_rank_one(dtype):
    rotation = torch.linalg.qr(torch.randn(64, 64, dtype=dtype)).Q
    assert float(norm_bound(rotation)) == pytest.approx(64 ** (1 / 64), rel=1e-3)
    flat = torch.ones(30, 20, dtype=dtype)
    assert 0 <= float(norm_bound(flat)) / 600**0.5 - 1 < 1e-4


@pytest.mark.parametrize("shape", [(4, 6), (6, 4), (3, 5, 5)])
def test_gradient_of_the_norm_bound(shape):
    weight = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(norm_bound, weight)


def test_zero_weights_are_left_alone():
    weight = torch.zeros(3, 4, requires_grad=True)
    (gradient,) = torch.autograd.grad(norm_bound(weight), weight)
    assert norm_bound(weight).detach() == 0
    assert torch.equal(gradient, torch.zeros(3, 4))


@pytest.mark.parametrize("sharpness", [1e-3, 1.0, 50.0, 1e4])
def test_slope_of_the_activation_is_below_one(sharpness):
    u = torch.linspace(-20, 20, 100_001, dtype=torch.float64).unsqueeze(0) / sharpness
    u.requires_grad_()
    value, slope = lip_swish(u, torch.full((1, 1), sharpness, dtype=torch.float64))
    torch.testing.assert_close(torch.autograd.grad(value.sum(), u)[0], slope, rtol=0, atol=1e-12)
    assert 0.999 < slope.abs().max() < 1


def test_gradients_of_the_activation():
    u = torch.randn(2, 4, 3, dtype=torch.float64, requires_grad=True)
    sharpness = torch.rand(2, 4, 1, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lip_swish, (u, sharpness))


@DTYPES
@pytest.mark.parametrize("size", [0.1, 1.0, 100.0, 1e6])
@pytest.mark.parametrize("lipschitz", [0.3, 0.97])
def test_bound_holds_for_any_weights(lipschitz, size, dtype):
    for seed in range(3):
        net = wild_net(size, seed, lipschitz=lipschitz).to(dtype)
        assert float(net.lipschitz_bound()) <= lipschitz
        net.double()
        for spread in (1e-3, 1.0, 1e3):
            x = 3 * torch.randn(4000, 5, dtype=torch.float64)
            y = x + spread * torch.randn(4000, 5, dtype=torch.float64)
            stretch = (net(x) - net(y)).norm(dim=-1) / (x - y).norm(dim=-1)
            assert stretch.max() <= lipschitz


def test_bound_is_nearly_reached_after_training():
    torch.manual_seed(0)
    net, x = LipschitzMLP(2, (32, 32), lipschitz=0.9).double(), torch.randn(256, 2).double()
    net.initialize(x)
    optimizer = torch.optim.Adam(net.parameters(), 0.05)
    for _ in range(60):
        optimizer.zero_grad()
        (net(x) - 3 * x).square().mean().backward()
        optimizer.step()
    assert 0.85 < float(net.lipschitz_bound()) < 0.9
    jacobian = net.linearize(x)[1].matrix()
    assert 0.5 < torch.linalg.matrix_norm(jacobian, 2).max() < 0.9


def test_context_does_not_count_in_the_bound():
    net = wild_net(1.0, n_context=2)
    before = net.lipschitz_bound()
    net.context_weight.data *= 1e3
    assert net.lipschitz_bound() == before
    x, context = torch.randn(7, 5), torch.randn(7, 2)
    assert (net(x, context) - net(x, context + 1)).abs().max() > 1e-3


@pytest.mark.parametrize("hidden", [(6,), (6, 7), (3, 6, 2)])
def test_jacobian_is_that_of_autodiff(hidden):
    net = wild_net(1.0, n_features=4, hidden=hidden).double()
    x = torch.randn(9, 4, dtype=torch.float64)
    truth = torch.autograd.functional.jacobian(lambda x: net(x).sum(0), x).movedim(1, 0)
    jacobian = net.linearize(x)[1]
    torch.testing.assert_close(jacobian.matrix(), truth)
    v = torch.randn(9, 4, 1, dtype=torch.float64)
    columns = v.squeeze(-1).mT
    torch.testing.assert_close(jacobian.times(columns).mT, (truth @ v).squeeze(-1))
    torch.testing.assert_close(jacobian.transposed_times(columns).mT, (truth.mT @ v).squeeze(-1))
    core = jacobian.core()
    assert core.shape[-1] == jacobian.order == net.order == min(4, *hidden)
    for k in (1, 2, 5):
        powers = (torch.linalg.matrix_power(m, k) for m in (core, truth))
        ours, theirs = (p.diagonal(dim1=-2, dim2=-1).sum(-1) for p in powers)
        torch.testing.assert_close(ours, theirs)


def test_starts_at_zero_and_stays_there_when_initialized():
    net = LipschitzMLP(3, (16, 16))
    x = torch.randn(50, 3)
    net.initialize(x)
    assert not net(x).any()


def test_initialize_bends_every_unit_inside_the_rows():
    net, x = LipschitzMLP(3, (16, 16)), torch.randn(500, 3) * 1e3 + 1e4
    net.initialize(x, weight=(torch.arange(500) < 400).float())
    for slopes in net.linearize(x)[1].slopes:
        assert (slopes.amax(-1) - slopes.amin(-1) > 0.5).all()


def test_initialize_survives_constant_columns():
    net = LipschitzMLP(1, (8,))
    net.initialize(torch.full((5, 1), 3.0))
    assert all(p.isfinite().all() for p in net.parameters())


def test_members_equal_single_nets():
    nets = [wild_net(1.0, seed) for seed in range(3)]
    together, x = stack_members(nets), torch.randn(3, 7, 5)
    value, jacobian = together.linearize(x)
    for k, net in enumerate(nets):
        alone, alone_jacobian = net.linearize(x[k])
        torch.testing.assert_close(value[k], alone)
        torch.testing.assert_close(jacobian.core()[k], alone_jacobian.core())
        torch.testing.assert_close(together.lipschitz_bound()[k], net.lipschitz_bound())


@pytest.mark.parametrize(
    "settings", [{"lipschitz": 1.0}, {"lipschitz": 0}, {"hidden_features": ()}]
)
def test_what_is_refused(settings):
    with pytest.raises(ValueError, match="lipschitz must|at least one hidden"):
        LipschitzMLP(3, **settings)
