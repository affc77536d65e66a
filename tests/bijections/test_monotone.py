"""Deep sigmoids, monotone nets, integrals of nets and compositions away from their start."""

import numpy as np
import pytest
import torch
from scipy import integrate
from scipy.special import expit, logit

from skflow.architectures import autoregressive_stack, coupling_stack
from skflow.bijections import (
    Affine,
    Composed,
    DeepSigmoid,
    MixtureLogisticCDF,
    MonotoneNet,
    UnconstrainedMonotone,
)
from skflow.bijections._mixture_cdf import UNIT_RATE, factors
from skflow.members import select_member, stack_members
from skflow.testing._case import perturbed

MAPS = {
    "DeepSigmoid": DeepSigmoid,
    "MonotoneNet": MonotoneNet,
    "UnconstrainedMonotone": UnconstrainedMonotone,
    "Flow++": lambda: Composed([MixtureLogisticCDF(), Affine()]),
}
SHARING = {name: MAPS[name] for name in ("MonotoneNet", "UnconstrainedMonotone")}


def trained(name, seed=0, size=0.5):
    """A map whose own weights, if it has any, are away from where they start."""
    torch.manual_seed(seed)
    return perturbed(MAPS[name]().double().eval(), size, seed)


def numbers(curve, n, size=1.0, seed=0):
    generator = torch.Generator().manual_seed(seed)
    raw = size * torch.randn(1, curve.n_params, generator=generator, dtype=torch.float64)
    return raw.expand(n, -1)


@pytest.mark.parametrize("name", MAPS)
class TestEveryMap:
    @pytest.mark.parametrize("size", [0.0, 0.5, 5.0])
    def test_no_search_box(self, name, size):
        curve = trained(name)
        x = torch.tensor([-1e6, -1e3, -30.0, 0.0, 30.0, 1e3, 1e6], dtype=torch.float64)
        for seed in range(5):
            raw = numbers(curve, len(x), size, seed)
            y, log_slope = curve.forward(x, raw)
            back, back_log_slope = curve.inverse(y, raw)
            rounding = (1 + (y.abs() + x.abs()) * torch.exp(-log_slope)) * 1e-13
            assert ((back - x).abs() <= rounding).all()
            torch.testing.assert_close(back_log_slope, -log_slope, rtol=0, atol=1e-6)

    @pytest.mark.parametrize("size", [0.0, 1.0, 10.0])
    def test_increasing_everywhere(self, name, size):
        curve = trained(name)
        x = torch.cat([torch.linspace(-12, 12, 4001), torch.tensor([1e2, 1e4, 1e8])]).double()
        for seed in range(5):
            y, log_slope = curve.forward(x, numbers(curve, len(x), size, seed))
            assert (y.diff() > 0).all()
            # the log-slope is that of the values, up to the rounding of a difference
            slope = (y.diff() / x.diff())[:4000]
            low = torch.minimum(log_slope[:-1], log_slope[1:])[:4000].exp()
            high = torch.maximum(log_slope[:-1], log_slope[1:])[:4000].exp()
            inside = (slope > low * (1 - 0.05)) & (slope < high * (1 + 0.05))
            assert inside.double().mean() > 0.97

    @pytest.mark.parametrize("steep", [3.0, 30.0])
    def test_float32(self, name, steep):
        curve = trained(name).float()
        x = torch.linspace(-4, 4, 101)
        raw = numbers(curve, 101, steep).float()
        y, log_slope = curve.forward(x, raw)
        back, _ = curve.inverse(y, raw)
        rounding = (1 + (y.abs() + raw.abs().max()) * torch.exp(-log_slope)) * 1e-5
        assert y.dtype == back.dtype == torch.float32
        assert ((back - x).abs() <= rounding).all()

    def test_identity_at_zero_whatever_the_weights(self, name):
        curve = trained(name, size=2.0)
        x = torch.linspace(-30, 30, 101, dtype=torch.float64)
        y, log_slope = curve.forward(x, numbers(curve, 101, 0.0))
        torch.testing.assert_close(y, x, rtol=1e-13, atol=1e-13)
        torch.testing.assert_close(log_slope, torch.zeros_like(x), rtol=0, atol=1e-13)

    def test_gradients_of_the_inverse_reach_the_weights(self, name):
        curve = trained(name)
        parameters = list(curve.parameters())
        y = torch.linspace(-2, 2.1, 5, dtype=torch.float64, requires_grad=True)
        raw = numbers(curve, 5, 0.5).clone().requires_grad_()

        def inverse(y, raw, *weights):
            for own, new in zip(parameters, weights, strict=True):
                own.data = new.detach()
            x, log_slope = curve.inverse(y, raw)
            return x.sum() + log_slope.sin().sum()

        given = [y, raw, *parameters]
        start = [t.detach().clone() for t in given]
        gradients = torch.autograd.grad(inverse(*given), given)
        for i, gradient in enumerate(gradients):
            step = 1e-6 * torch.randn(gradient.shape, dtype=torch.float64)
            above, below = (
                inverse(*start[:i], start[i] + sign * step, *start[i + 1 :]) for sign in (1, -1)
            )
            error = (above - below) / 2 - (gradient * step).sum()
            assert abs(error) < 1e-11 * max(1, gradient.norm())

    def test_learns_two_modes(self, name):
        """One feature behind a logistic base; units that coincide at the start must part."""
        flow = autoregressive_stack(1, MAPS[name](), n_layers=1, hidden_features=(4,))
        rng = np.random.default_rng(0)
        x = np.append(rng.normal(-2, 0.3, 60), rng.normal(2.5, 0.3, 60))
        x = torch.as_tensor(x, dtype=torch.float32).unsqueeze(-1)
        optimizer = torch.optim.Adam(flow.parameters(), lr=0.05)
        for _ in range(150):
            z, log_det = flow(x)
            loss = -(log_det - (z + 2 * torch.nn.functional.softplus(-z)).squeeze(-1)).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        # one logistic would be left with 2.2 nats, two modes have the entropy 0.22 + log 2
        assert loss.item() < 1.2


class TestDeepSigmoid:
    def test_two_layers_by_the_formula(self):
        curve = DeepSigmoid(n_units=3, n_layers=2, min_slope=0.0)
        raw = numbers(curve, 101)
        w, a, b = raw[0].view(3, 2, 3).numpy()
        factor = factors(3, raw).numpy()
        y = x = np.linspace(-4, 4, 101)
        for i in range(2):
            rate = np.log1p(np.exp(factor * a[i] + UNIT_RATE))
            weight = np.exp(w[i]) / np.exp(w[i]).sum()
            y = logit(expit(rate * y[:, None] + factor * b[i]) @ weight)
        ours, _ = curve.forward(torch.as_tensor(x), raw)
        np.testing.assert_allclose(ours, y, rtol=1e-9, atol=1e-9)

    @pytest.mark.parametrize("sizes", [(0, 2), (2, 0)])
    def test_without_units(self, sizes):
        with pytest.raises(ValueError, match="n_units and n_layers must be positive"):
            DeepSigmoid(*sizes)


class TestUnconstrainedMonotone:
    def test_is_the_integral(self):
        curve = trained("UnconstrainedMonotone")
        raw = numbers(curve, 1)

        def slope(t):
            return curve.forward(torch.tensor([t], dtype=torch.float64), raw)[1].exp().item()

        for x in (-9.0, -3.0, 0.4, 4.0, 8.0):
            middle = np.clip(x, -curve.bound, curve.bound)
            area = integrate.quad(slope, 0, middle, epsabs=1e-11)[0]
            area += (x - middle) * slope(middle)
            y = curve.forward(torch.tensor([x], dtype=torch.float64), raw)[0].item()
            assert abs(y - raw[0, 0].item() - area) < 1e-9 * (1 + abs(area))

    @pytest.mark.parametrize(("n_nodes", "tolerance"), [(12, 1e-3), (24, 1e-8), (32, 1e-9)])
    def test_error_of_the_quadrature(self, n_nodes, tolerance):
        for seed in range(10):
            curve = trained("UnconstrainedMonotone", seed)
            curve.n_nodes = n_nodes
            x = torch.linspace(-4, 4, 401, dtype=torch.float64, requires_grad=True)
            y, log_slope = curve.forward(x, numbers(curve, 401, seed=seed))
            (slope,) = torch.autograd.grad(y.sum(), x)
            assert (slope.log() - log_slope).abs().max() < tolerance

    def test_training_takes_fewer_nodes(self):
        curve = trained("UnconstrainedMonotone")
        x = torch.linspace(-4, 4, 101, dtype=torch.float64)
        raw = numbers(curve, 101)
        exact, _ = curve.forward(x, raw)
        coarse, _ = curve.train().forward(x, raw)
        error = (coarse - exact).abs().max()
        assert 1e-15 < error < 1e-3


class TestMonotoneNet:
    def test_slopes_reach_from_the_floor_to_the_bound(self):
        curve = trained("MonotoneNet")
        x = torch.linspace(-50, 50, 1001, dtype=torch.float64)
        for gain in (-1e9, 1e9):
            raw = numbers(curve, 1001).clone()
            raw[:, 1], raw[:, 2] = 0.0, gain
            _, log_slope = curve.forward(x, raw)
            assert (log_slope > np.log(1e-3)).all()
            assert (log_slope < curve.max_log_gain).all()
            assert abs(log_slope).max() > 0.3


class TestComposed:
    def test_is_one_map_after_the_other(self):
        curve, affine = MixtureLogisticCDF(4), Affine()
        whole = Composed([curve, affine])
        x = torch.linspace(-4, 4, 101, dtype=torch.float64)
        raw = numbers(whole, 101)
        y, first = curve.forward(x, raw[:, :12])
        y, second = affine.forward(y, raw[:, 12:])
        result, log_slope = whole.forward(x, raw)
        assert torch.equal(result, y)
        assert torch.equal(log_slope, first + second)

    def test_settings_show(self):
        text = repr(Composed([MixtureLogisticCDF(4), Affine(0.5)]))
        assert "MixtureLogisticCDF(n_components=4" in text
        assert "Affine(max_log_scale=0.5)" in text


@pytest.mark.parametrize("name", SHARING)
class TestWeightsOfTheirOwn:
    def test_every_layer_has_its_own(self, name):
        curve = SHARING[name]()
        for stack in (autoregressive_stack, coupling_stack):
            first, second = (
                part.elementwise.net
                for part in stack(3, curve, n_layers=2, mixing="none").bijections
            )
            assert not torch.equal(first.layers[0].weight, second.layers[0].weight)
        nested = Composed([curve, Affine()])
        assert nested.fresh().parts[0] is not curve
        assert nested.fresh().parts[1] is nested.parts[1]

    def test_fresh_has_the_same_settings(self, name):
        curve = SHARING[name](n_signal=3, hidden_features=(4, 6))
        assert curve.fresh().extra_repr() == curve.extra_repr()

    def test_members_in_either_shape(self, name):
        members = [trained(name, seed) for seed in range(3)]
        stacked = stack_members(members)
        raw = numbers(stacked, 20).reshape(1, 4, 5, -1).repeat(3, 1, 1, 1)
        raw = raw + torch.randn_like(raw)
        x = torch.randn(3, 4, 5, dtype=torch.float64)
        for shape in ((3, 4, 5), (3, 20)):
            rows, own = x.view(shape), raw.view(*shape, -1)
            for f in ("forward", "inverse"):
                together = getattr(stacked, f)(rows, own)
                alone = [getattr(m, f)(rows[k], own[k]) for k, m in enumerate(members)]
                for a, b in zip(together, map(torch.stack, zip(*alone, strict=True)), strict=True):
                    torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-9)
        single = select_member(stacked, 1)
        assert torch.equal(single.forward(x[0], raw[0])[0], members[1].forward(x[0], raw[0])[0])
