"""Known answers of the leaky rectifier, the sinh-arcsinh map and the mixture of logistics."""

import math

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.special import logit
from torch import nn

from skflow.architectures import ELEMENTWISE, autoregressive_stack, coupling_stack
from skflow.bases import Normal
from skflow.bijections import MixtureLogisticCDF, MixtureNormalCDF, PReLU, SinhArcsinh
from skflow.bijections._mixture_cdf import MIN_SLOPE
from skflow.flow import Flow


def tensor(values):
    return torch.as_tensor(np.asarray(values, dtype=float))


def raw(*values, n):
    return tensor(values).expand(n, -1)


class TestPReLU:
    def test_one_slope_a_side(self):
        x = tensor([-3.0, -1e-9, 0.0, 2.0])
        y, log_slope = PReLU(max_log_slope=1e9).forward(x, raw(math.log(2), -1.0, n=4))
        rate = math.exp(-1)
        torch.testing.assert_close(y, tensor([-3 * rate, -1e-9 * rate, 0, 4]))
        torch.testing.assert_close(log_slope, tensor([-1, -1, math.log(2), math.log(2)]))

    def test_slopes_are_bounded(self):
        _, log_slope = PReLU(max_log_slope=0.5).forward(tensor([1.0, -1.0]), raw(1e9, -1e9, n=2))
        torch.testing.assert_close(log_slope, tensor([0.5, -0.5]), rtol=0, atol=1e-8)


class TestSinhArcsinh:
    @pytest.mark.parametrize(("shift", "power"), [(0.5, 0.2), (-1.0, -0.4), (0.0, 0.5)])
    def test_density_behind_a_normal_is_that_of_the_paper(self, shift, power):
        x = torch.linspace(-6, 6, 101, dtype=torch.float64)
        y, log_slope = SinhArcsinh().forward(x, raw(shift, power, n=101))
        # Jones & Pewsey, eq. 2: f = delta C / sqrt(2 pi (1 + x^2)) exp(-S^2 / 2), C^2 = 1 + S^2
        epsilon, delta = -shift / (1 + abs(shift) / 2), math.exp(power / (1 + abs(power)))
        s = np.sinh(delta * np.arcsinh(x.numpy()) - epsilon)
        density = delta * np.sqrt((1 + s**2) / (2 * np.pi * (1 + x.numpy() ** 2)))
        density *= np.exp(-(s**2) / 2)
        ours = log_slope.numpy() + stats.norm.logpdf(y.numpy())
        np.testing.assert_allclose(ours, np.log(density), rtol=1e-11, atol=1e-11)

    @pytest.mark.parametrize("size", [1.0, 10.0, 1e4])
    def test_tails_are_lines(self, size):
        curve = SinhArcsinh(bound=4.0)
        x = tensor([5.0, 6.0, 1e6, -5.0, -6.0, -1e6])
        for shift in (-size, size):
            y, log_slope = curve.forward(x, raw(shift, size, n=6))
            for side in (slice(3), slice(3, 6)):
                assert log_slope[side].unique().numel() == 1
                slope = (y[side].diff() / x[side].diff()).log()
                torch.testing.assert_close(slope, log_slope[side][:2], rtol=1e-9, atol=1e-9)

    def test_slope_is_continuous_at_the_bound(self):
        x = tensor([4 - 1e-9, 4 + 1e-9])
        y, log_slope = SinhArcsinh(bound=4.0).forward(x, raw(0.7, -0.3, n=2))
        assert abs(log_slope.diff().item()) < 1e-8
        assert abs(y.diff().item()) < 1e-8


class TestMixtureLogisticCDF:
    def test_one_component_is_affine(self):
        x = torch.linspace(-30, 30, 101, dtype=torch.float64)
        y, log_slope = MixtureLogisticCDF(1).forward(x, raw(0.3, 1.0, 0.5, n=101))
        # its raw mean and log-scale count by 1/2
        scale = math.exp(0.25 / (1 + 0.25 / 2))
        expected = (1 - MIN_SLOPE) * (x - 0.5) / scale + MIN_SLOPE * x
        torch.testing.assert_close(y, expected, rtol=1e-12, atol=1e-12)
        slope = math.log((1 - MIN_SLOPE) / scale + MIN_SLOPE)
        torch.testing.assert_close(log_slope, torch.full_like(x, slope), rtol=0, atol=1e-12)

    def test_two_components(self):
        x = np.linspace(-6, 6, 101)
        numbers = [0.4, -0.4, 2.0, 2.0, 0.0, 0.0]  # weights, means 1 and 4
        y, _ = MixtureLogisticCDF(2).forward(tensor(x), raw(*numbers, n=101))
        weight = np.exp([0.4, -0.4]) / np.exp([0.4, -0.4]).sum()
        whole = weight[0] * stats.logistic.cdf(x - 1) + weight[1] * stats.logistic.cdf(x - 4)
        np.testing.assert_allclose(y, (1 - MIN_SLOPE) * logit(whole) + MIN_SLOPE * x, rtol=1e-9)

    def test_slopes_are_bounded(self):
        curve = MixtureLogisticCDF(max_log_scale=1.5)
        x = torch.linspace(-300, 300, 2001, dtype=torch.float64)
        for seed in range(10):
            generator = torch.Generator().manual_seed(seed)
            numbers = 100 * torch.randn(curve.n_params, generator=generator, dtype=torch.float64)
            _, log_slope = curve.forward(x, numbers.expand(len(x), -1))
            assert (log_slope >= math.log(MIN_SLOPE) - 1e-12).all()
            assert (log_slope <= 1.5).all()

    def test_steps_from_zero_separate_the_components(self):
        """At raw = 0 all coincide, with gradients that point the same way."""
        curve = MixtureLogisticCDF(4)
        numbers = torch.zeros(curve.n_params, dtype=torch.float64, requires_grad=True)
        rng = np.random.default_rng(0)
        x = tensor(np.append(rng.normal(-2, 0.3, 150), rng.normal(2.5, 0.3, 150)))
        optimizer = torch.optim.Adam([numbers], lr=0.05)
        for _ in range(300):
            y, log_slope = curve.forward(x, numbers.expand(len(x), -1))
            # behind a logistic base
            loss = -(log_slope - y - 2 * torch.nn.functional.softplus(-y)).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        # one logistic would be left with 2.2 nats, two with the entropy 0.22 + log 2 and a little
        assert loss.item() < 1.1

    def test_without_components(self):
        with pytest.raises(ValueError, match="n_components must be at least 1, got 0"):
            MixtureLogisticCDF(0)


@pytest.mark.parametrize("n_components", [1, 2, 8])
def test_mixtures_start_near_the_identity_and_apart(n_components):
    curve = MixtureNormalCDF(n_components)
    x = torch.linspace(-3, 3, 61)
    y, log_slope = curve.forward(x, curve.start().expand(61, -1))
    assert (y - x).abs().max() < 1
    _, loc, log_scale = curve._constrain(curve.start().double())
    assert (loc.square() + torch.exp(2 * log_scale)).mean().item() == pytest.approx(1, abs=1e-6)
    assert len(loc.unique()) == n_components


def test_behind_a_normal_a_mixture_is_that_of_its_components():
    curve = MixtureNormalCDF(3, max_log_scale=3.0)
    raw_ = torch.randn(9, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    x = torch.linspace(-4, 4, 81, dtype=torch.float64)
    y, log_slope = curve.forward(x, raw_.expand(81, -1))
    log_weight, loc, log_scale = (p.numpy() for p in curve._constrain(raw_))
    density = (np.exp(log_weight) * stats.norm.pdf(x[:, None], loc, np.exp(log_scale))).sum(1)
    ours = log_slope.exp().numpy() * stats.norm.pdf(y)
    np.testing.assert_allclose(ours, density, rtol=0, atol=4 * MIN_SLOPE)


@pytest.mark.parametrize("stack", [coupling_stack, autoregressive_stack])
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_every_elementwise_map_works_in_a_stack(name, stack):
    flow = Flow(stack(3, ELEMENTWISE[name](), n_layers=2, hidden_features=(8,)), Normal(3))
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(50, 3, generator=generator)
    if not ELEMENTWISE[name]().start().any():
        torch.testing.assert_close(flow.log_prob(x), Normal(3).log_prob(x))
    for p in flow.parameters():
        nn.init.normal_(p, std=0.2, generator=generator)
    z, log_det = flow.to_noise(x)
    back, back_log_det = flow.from_noise(z)
    torch.testing.assert_close(back, x, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(back_log_det, -log_det, rtol=1e-2, atol=1e-2)
