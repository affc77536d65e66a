"""Planar, radial and Sylvester maps: starts, edges of the constraint, far rows, gradients."""

from functools import partial

import pytest
import torch

from skflow.architectures import low_rank_stack
from skflow.bijections import Orthogonal, Planar, Radial, Sylvester
from skflow.bijections._low_rank import MIN_SLOPE
from skflow.members import stack_members

LAYERS = {
    "planar": Planar,
    "radial": Radial,
    "sylvester": Sylvester,
    "sylvester, 2 directions": partial(Sylvester, n_directions=2),
}
every_layer = pytest.mark.parametrize("name", LAYERS)
DTYPES = pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)


def rows(n, d, seed=0):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def build(name, d=4, size=0.0, seed=0):
    """A layer in float64, its parameters moved by noise of the given size."""
    torch.manual_seed(seed)
    layer = LAYERS[name](d).double()
    with torch.no_grad():
        for p in layer.parameters():
            p.add_(size * torch.randn(p.shape, dtype=p.dtype))
    return layer


def jacobian_log_det(layer, x):
    x = x.clone().requires_grad_()
    z, _ = layer(x)
    jacobian = [torch.autograd.grad(c.sum(), x, retain_graph=True)[0] for c in z.unbind(-1)]
    return torch.linalg.slogdet(torch.stack(jacobian, -2))


def squeeze(layer, raw=-20.0):
    """Bring the slopes in the middle of all bends to their bound, and their middles near 0."""
    with torch.no_grad():
        if isinstance(layer, Planar):
            layer.u.copy_(raw * layer.w / layer.w.square().sum())
            layer.b.zero_()
        elif isinstance(layer, Radial):
            layer.raw_slope.fill_(raw)
            layer.center.zero_()
        else:
            layer.outer.diagonal().fill_(raw)
            layer.b.zero_()
    return layer


@every_layer
@pytest.mark.parametrize("d", [2, 5])
def test_starts_at_the_identity_and_all_layers_differ(name, d):
    x = rows(50, d)
    torch.manual_seed(0)
    stack = low_rank_stack(d, LAYERS[name], n_layers=3).double()
    z, log_det = stack(x)
    torch.testing.assert_close(z, x, rtol=0, atol=1e-12)
    assert log_det.abs().max() < 1e-12
    (z.square().sum() - 2 * log_det.sum()).backward()
    for i, first in enumerate(stack.bijections[:-1]):
        largest = [p.grad.abs().max() for p in first.parameters()]
        assert max(largest) > 1e-3
        for second in stack.bijections[i + 1 : -1]:
            pairs = zip(first.parameters(), second.parameters(), strict=True)
            assert any(not torch.allclose(p.grad, q.grad) for p, q in pairs)


@every_layer
@pytest.mark.parametrize("size", [0.3, 3.0, 100.0])
@pytest.mark.parametrize("d", [2, 5])
def test_invertible_whatever_the_parameters(name, d, size):
    x = torch.cat([rows(40, d), 30 * rows(40, d, seed=1)])
    for seed in range(5):
        layer = build(name, d, size, seed)
        with torch.no_grad():
            z, log_det = layer(x)
            back, back_log_det = layer.inverse(z)
            again, _ = layer(back)
        assert log_det.isfinite().all()
        assert back_log_det.isfinite().all()
        # parameters of size 100 make numbers of size 1e4 and more, which meet and cancel
        scale = z.abs().max().clamp(min=1)
        assert (again - z).abs().max() < 1e-8 * scale
        if size <= 3:
            assert (back - x).abs().max() < 1e-6 * scale
        sign, truth = jacobian_log_det(layer, x)
        if size <= 3:
            assert (sign > 0).all()
            torch.testing.assert_close(log_det, truth, rtol=1e-6, atol=1e-6)


@every_layer
@DTYPES
def test_at_the_edge_of_the_constraint(name, dtype):
    layer = squeeze(build(name)).to(dtype)
    x = torch.cat([rows(60, 4), 1e-3 * rows(60, 4, seed=1), torch.zeros(1, 4)]).to(dtype)
    with torch.no_grad():
        z, log_det = layer(x)
        back, back_log_det = layer.inverse(z)
    n_squeezed = 4 if isinstance(layer, Radial) else getattr(layer, "n_directions", 1)
    expected = torch.tensor(MIN_SLOPE, dtype=dtype).log() * n_squeezed
    torch.testing.assert_close(log_det[-1], expected, rtol=1e-4, atol=0)
    assert (log_det >= log_det[-1] - 1e-3).all()
    # what the bend squeezes by MIN_SLOPE, the inverse loses in digits
    tolerance = 1e-9 if dtype == torch.float64 else 3e-3
    assert (back - x).abs().max() < tolerance
    assert (layer(back)[0] - z).abs().max() < 20 * torch.finfo(dtype).eps
    tolerance = 1e-6 if dtype == torch.float64 else 0.5
    assert (back_log_det + log_det).abs().max() < tolerance


@every_layer
@DTYPES
@pytest.mark.parametrize("far", [1e6, 1e15])
def test_far_rows(name, dtype, far):
    layer = build(name, size=1.0).to(dtype)
    x = (far * rows(20, 4)).to(dtype)
    with torch.no_grad():
        z, log_det = layer(x)
        back, back_log_det = layer.inverse(z)
    assert z.isfinite().all()
    torch.testing.assert_close(back, x, rtol=20 * torch.finfo(dtype).eps, atol=1e-3)
    torch.testing.assert_close(back_log_det, -log_det, rtol=0, atol=1e-4)
    # bends are bounded: far out the map is a shift, for radial one in the direction of the row
    assert ((z - x).norm(dim=-1) <= 1e-4 * far + 100).all()


@every_layer
def test_rows_do_not_depend_on_those_beside_them(name):
    layer = build(name, size=1.0)
    z = torch.cat([rows(32, 4), 1e6 * rows(32, 4, seed=1)])
    with torch.no_grad():
        together = layer.inverse(z)
        apart = [layer.inverse(z[:32]), layer.inverse(z[32:])]
    for whole, *parts in zip(together, *apart, strict=True):
        torch.testing.assert_close(whole, torch.cat(parts), rtol=1e-14, atol=1e-13)


@every_layer
@pytest.mark.parametrize("direction", ["forward", "inverse"])
def test_gradients_of_both_directions(name, direction):
    layer = build(name, d=3, size=0.5)
    x = rows(5, 3).requires_grad_()
    parameters = dict(layer.named_parameters())
    values = [p.detach().clone().requires_grad_() for p in parameters.values()]

    def function(x, *values):
        given = dict(zip(parameters, values, strict=True))
        return torch.func.functional_call(Direction(layer, direction), prefixed(given), (x,))

    assert torch.autograd.gradcheck(function, (x, *values))


class Direction(torch.nn.Module):
    def __init__(self, layer, name):
        super().__init__()
        self.layer, self.name = layer, name

    def forward(self, x):
        return getattr(self.layer, self.name)(x)


def prefixed(parameters):
    return {f"layer.{name}": value for name, value in parameters.items()}


def test_radial_at_its_centre():
    layer = build("radial", size=1.0)
    x = layer.center.detach()[None].clone().requires_grad_()
    for function in (layer.forward, layer.inverse):
        y, log_det = function(x)
        torch.testing.assert_close(y, x)
        (gradient,) = torch.autograd.grad(y.sum() + log_det.sum(), x)
        assert gradient.isfinite().all()


def test_planar_without_a_direction():
    layer = build("planar", size=1.0)
    with torch.no_grad():
        layer.w.zero_()
    x = rows(5, 4)
    z, log_det = layer(x)
    torch.testing.assert_close(z - x, (torch.tanh(layer.b) * layer.u).expand(5, 4))
    assert log_det.abs().max() == 0
    (z.sum() + log_det.sum()).backward()
    assert all(p.grad.isfinite().all() for p in layer.parameters())


def test_planar_is_a_sylvester_map_of_one_direction():
    sylvester = build("sylvester, 2 directions", d=4, size=0.7)
    one = Sylvester(4, 1).double()
    planar = Planar(4).double()
    with torch.no_grad():
        one.rotation.vectors.copy_(sylvester.rotation.vectors)
        one.outer.copy_(sylvester.outer[:1, :1])
        one.inner.copy_(sylvester.inner[:1, :1])
        q, r, s, k = one._effective()
        planar.w.copy_(s[0, 0] * q[0])
        # u along w alone, with the raw number of the slope as its product with w
        planar.u.copy_(one.outer[0, 0] * planar.w / planar.w.square().sum())
        planar.b.copy_(one.b)
    for ours, theirs in zip(one(rows(9, 4)), planar(rows(9, 4)), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_directions_are_orthonormal():
    q = build("sylvester, 2 directions", d=5, size=1.0)._effective()[0]
    torch.testing.assert_close(q @ q.mT, torch.eye(2, dtype=q.dtype))
    first, second = (Orthogonal(5, start="random").matrix() for _ in range(2))
    assert not torch.allclose(first, second)


@pytest.mark.parametrize("n_directions", [0, 5])
def test_sylvester_refuses_directions_that_there_are_not(n_directions):
    message = f"from 1 to the number of features, 4, got {n_directions}"
    with pytest.raises(ValueError, match=message):
        Sylvester(4, n_directions)


@every_layer
def test_members_side_by_side(name):
    single = [build(name, size=1.0, seed=k) for k in range(3)]
    stacked = stack_members(single)
    x = torch.stack([rows(6, 4, seed=k) for k in range(3)])
    with torch.no_grad():
        z, log_det = stacked(x)
        back, _ = stacked.inverse(z)
        for k, layer in enumerate(single):
            torch.testing.assert_close(z[k], layer(x[k])[0])
            torch.testing.assert_close(log_det[k], layer(x[k])[1])
    torch.testing.assert_close(back, x, rtol=1e-8, atol=1e-8)
