"""Flows and ensembles as densities: they integrate to one, and sample what they score."""

import copy
import math

import numpy as np
import pytest
import torch

from skflow._random import seeded
from skflow.architectures import autoregressive_stack, coupling_stack
from skflow.bases import GaussianMixture, Normal, StudentT
from skflow.bijections import (
    ActNorm,
    Affine,
    Chain,
    Coupling,
    Inverse,
    RationalQuadraticSpline,
    Residual,
    SoftTails,
    Standardize,
    SupportMap,
    Whiten,
)
from skflow.flow import Ensemble, Flow
from skflow.members import select_member, stack_members
from skflow.nets import LipschitzMLP

NET = {"n_layers": 2, "hidden_features": (8, 8)}
STACKS = {
    "MAF": lambda d, c: autoregressive_stack(d, Affine(), n_context=c, **NET),
    "IAF": lambda d, c: Inverse(autoregressive_stack(d, Affine(), n_context=c, **NET)),
    "NSF": lambda d, c: autoregressive_stack(d, RationalQuadraticSpline(), n_context=c, **NET),
    "RealNVP": lambda d, c: coupling_stack(d, Affine(), n_context=c, **NET),
}
BASES = {"normal": Normal, "student_t": StudentT, "mixture": lambda d: GaussianMixture(d, 3)}


def perturbed(flow, seed=0, size=0.3):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in flow.parameters():
            fan_in = max(p.shape[-1], 1) if p.dim() > 1 else 1
            noise = torch.randn(p.shape, generator=generator, dtype=torch.float64)
            p.add_(noise * (size / fan_in**0.5))
    return flow.eval()


def make_flow(stack="NSF", base="normal", d=2, n_context=0, preprocessing=None, seed=0):
    flow = Flow(STACKS[stack](d, n_context), BASES[base](d), preprocessing).double()
    return perturbed(flow, seed)


def scaled(mean, scale):
    standardize = Standardize(len(mean))
    standardize.mean, standardize.scale = (
        torch.as_tensor(t, dtype=torch.float64) for t in (mean, scale)
    )
    return standardize


def grid(d, n, reach=9.0):
    """Points x = centre + sinh(t), dense in the middle, and the volume that each stands for."""
    t = torch.linspace(-reach, reach, n, dtype=torch.float64)
    axis, weight = t.sinh(), t.cosh() * (t[1] - t[0])
    points = torch.cartesian_prod(*[axis] * d).view(-1, d)
    return points, torch.cartesian_prod(*[weight] * d).view(-1, d).prod(dim=1)


@torch.no_grad()
def integral(flow, d):
    points, volume = grid(d, 20_001 if d == 1 else 301)
    return float((flow.log_prob(points).exp() * volume).sum())


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("stack", STACKS)
@pytest.mark.parametrize("d", [1, 2])
def test_integrates_to_one(stack, base, d):
    flow = make_flow(stack, base, d)
    assert integral(flow, d) == pytest.approx(1, abs=5e-3)
    # and it is not the base alone
    x = torch.randn(50, d, dtype=torch.float64)
    assert (flow.log_prob(x) - flow.base.log_prob(x)).abs().max() > 0.05


@pytest.mark.parametrize("d", [1, 2])
def test_integrates_to_one_behind_preprocessing(d):
    chain = Chain([scaled([0.5] * d, [2.0] * d), SoftTails(d, threshold=1.0)])
    assert integral(make_flow("MAF", "normal", d, preprocessing=chain), d) == pytest.approx(
        1, abs=5e-3
    )


def test_integrates_to_one_on_a_bounded_support():
    flow = make_flow("NSF", d=1, preprocessing=SupportMap([0.0], [2.0]))
    x = (torch.arange(20_000, dtype=torch.float64) + 0.5)[:, None] / 10_000
    with torch.no_grad():
        mass = float(flow.log_prob(x).exp().sum()) / 10_000
    assert mass == pytest.approx(1, abs=5e-3)
    outside = torch.tensor([[-0.1], [2.1]], dtype=torch.float64)
    assert (flow.log_prob(outside) == -math.inf).all()


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("stack", STACKS)
def test_sample_and_log_prob_agree(stack, base):
    flow = make_flow(stack, base, d=3, preprocessing=scaled([5.0, 0, -1], [10.0, 1, 0.5]))
    with torch.no_grad():
        x, log_prob = flow.sample_and_log_prob(50)
        torch.testing.assert_close(log_prob, flow.log_prob(x), rtol=0, atol=1e-8)
    assert log_prob.shape == (50,)


def test_draws_and_their_densities_take_one_pass():
    flow = make_flow("RealNVP", d=3, n_context=2)
    nets = [part.net for part in flow.modules() if isinstance(part, Coupling)]
    passes = []
    for net in nets:
        net.register_forward_hook(lambda *_: passes.append(1))
    flow.sample_and_log_prob(7, torch.zeros(7, 2, dtype=torch.float64))
    assert len(passes) == len(nets) == NET["n_layers"]


@pytest.mark.parametrize("temperature", [0.3, 2.0])
def test_temperature_is_the_share_of_the_deviation(temperature):
    flow = make_flow("MAF")
    with torch.no_grad():
        latents = []
        for share in (1.0, temperature):
            with seeded(0):
                latents.append(flow.to_noise(flow.sample(20, temperature=share))[0])
    torch.testing.assert_close(latents[1], temperature * latents[0], rtol=0, atol=1e-8)


def test_to_noise_and_back():
    flow = make_flow(d=3, n_context=2, preprocessing=scaled([5.0, 0, -1], [10.0, 1, 0.5]))
    x, context = (torch.randn(20, k, dtype=torch.float64) for k in (3, 2))
    z, log_det = flow.to_noise(x, context)
    back, back_log_det = flow.from_noise(z, context)
    torch.testing.assert_close(back, x, rtol=0, atol=1e-8)
    torch.testing.assert_close(back_log_det, -log_det, rtol=0, atol=1e-8)
    torch.testing.assert_close(
        flow.log_prob(x, context), flow.base.log_prob(z) + log_det, rtol=0, atol=1e-12
    )


def test_context_of_one_row_each():
    flow = make_flow("MAF", d=2, n_context=1)
    context = torch.linspace(-3, 3, 40, dtype=torch.float64)[:, None]
    with torch.no_grad():
        x, log_prob = flow.sample_and_log_prob(40, context)
        together = flow.log_prob(x, context)
        alone = torch.cat([flow.log_prob(x[i : i + 1], context[i : i + 1]) for i in range(len(x))])
    torch.testing.assert_close(log_prob, together, rtol=0, atol=1e-8)
    torch.testing.assert_close(alone, together, rtol=0, atol=1e-12)
    assert (flow.log_prob(x, context.flip(0)) - together).abs().max() > 0.1


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_preprocessing_is_part_of_the_density(dtype):
    """With y = a x + b scored through (y - b) / a, each log density falls by sum log a."""
    plain = make_flow(d=3).to(dtype)
    shift, scale = torch.tensor([7.0, 0, -100]), torch.tensor([4.0, 0.25, 1024])
    wrapped = Flow(plain.bijection, plain.base, scaled(shift, scale))
    x = torch.randn(50, 3, dtype=torch.float64)
    log_prob = wrapped.log_prob(x * scale + shift)
    assert log_prob.dtype == torch.float64
    expected = plain.log_prob(x.to(dtype)).double() - scale.double().log().sum()
    tolerance = 1e-9 if dtype == torch.float64 else 1e-4
    torch.testing.assert_close(log_prob, expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize("preprocessing", [Standardize, Whiten])
def test_columns_at_1e9_with_a_spread_of_one(preprocessing):
    rng = np.random.default_rng(0)
    x = torch.from_numpy(rng.normal(size=(500, 2)))
    flow = make_flow("NSF").float()
    scores, draws = [], []
    for offset in (0.0, 1e9):
        fitted = preprocessing.from_data(x + offset)
        wrapped = Flow(flow.bijection, flow.base, fitted)
        scores.append(wrapped.log_prob(x + offset))
        torch.manual_seed(0)
        draws.append(wrapped.sample(200) - offset)
    torch.testing.assert_close(scores[1], scores[0], rtol=0, atol=1e-4)
    torch.testing.assert_close(draws[1], draws[0], rtol=0, atol=1e-4)


class _Recorder(Normal):
    """Takes down what it is started with."""

    def initialize(self, z, weight=None, context=None):
        self.seen = z, weight, context


class TestStart:
    def test_weights_and_context_reach_the_bijection_and_the_base(self):
        net = LipschitzMLP(3, (8,), n_context=2)
        flow = Flow(Chain([Residual(net), ActNorm(3)]), _Recorder(3)).double()
        x, context = torch.randn(20, 3).double(), torch.randn(20, 2).double()
        weight = torch.rand(20).double()
        flow.initialize(x, weight, context)
        z, its_weight, its_context = flow.base.seen
        torch.testing.assert_close(z, flow.to_noise(x, context)[0])
        assert its_weight is weight
        assert its_context is context


class TestEnsemble:
    flows = staticmethod(lambda **kwargs: [make_flow(seed=k, **kwargs) for k in range(3)])

    def test_is_the_equal_mixture(self):
        flows = self.flows(base="student_t", d=3)
        ensemble = Ensemble(stack_members(flows), 3)
        x = torch.randn(40, 3, dtype=torch.float64)
        each = torch.stack([flow.log_prob(x) for flow in flows])
        expected = each.logsumexp(dim=0) - math.log(3)
        torch.testing.assert_close(ensemble.log_prob(x), expected, rtol=0, atol=1e-10)
        assert (each[0] - each[1]).abs().max() > 0.1

    def test_members_with_their_own_preprocessing(self):
        parts = [scaled([float(k)], [k + 1.0]) for k in range(3)]
        flows = [make_flow(d=1, seed=k, preprocessing=part) for k, part in enumerate(parts)]
        ensemble = Ensemble(stack_members(flows), 3)
        assert integral(ensemble, 1) == pytest.approx(1, abs=5e-3)
        x = torch.randn(10, 1, dtype=torch.float64)
        densities = torch.stack([flow.log_prob(x).exp() for flow in flows])
        torch.testing.assert_close(ensemble.log_prob(x).exp(), densities.mean(dim=0))

    def test_draws_from_each_member_its_share(self):
        """Members at 0, 100 and 200 tell by a draw which one made it."""
        parts = [scaled([100.0 * k], [1.0]) for k in range(3)]
        flows = [make_flow(d=1, seed=k, preprocessing=part) for k, part in enumerate(parts)]
        draws = Ensemble(stack_members(flows), 3).sample(6000)
        assert draws.shape == (6000, 1)
        member = (draws[:, 0] / 100).round().long()
        shares = torch.bincount(member, minlength=3) / 6000
        assert (shares - 1 / 3).abs().max() < 0.03
        # in random order, and no draw given twice
        assert (member[1:] == member[:-1]).double().mean() == pytest.approx(1 / 3, abs=0.04)
        assert draws.unique().numel() == 6000

    @pytest.mark.parametrize("n", [1, 2])
    def test_few_draws(self, n):
        ensemble = Ensemble(stack_members(self.flows()), 3)
        assert ensemble.sample(n).shape == (n, 2)

    def test_context_of_one_row_each(self):
        flows = self.flows(stack="MAF", n_context=1)
        ensemble = Ensemble(stack_members(flows), 3)
        x, context = (torch.randn(30, k, dtype=torch.float64) for k in (2, 1))
        each = torch.stack([flow.log_prob(x, context) for flow in flows])
        expected = each.logsumexp(dim=0) - math.log(3)
        torch.testing.assert_close(ensemble.log_prob(x, context), expected)
        with torch.no_grad():
            assert ensemble.sample(30, context).shape == (30, 2)

    def test_draws_for_a_context_from_each_member_its_share(self):
        parts = [scaled([100.0 * k], [1.0]) for k in range(3)]
        flows = [
            make_flow(d=1, seed=k, n_context=1, preprocessing=part) for k, part in enumerate(parts)
        ]
        context = torch.randn(3000, 1, dtype=torch.float64)
        with torch.no_grad():
            draws = Ensemble(stack_members(flows), 3).sample(3000, context)
        shares = torch.bincount((draws[:, 0] / 100).round().long(), minlength=3) / 3000
        assert (shares - 1 / 3).abs().max() < 0.04

    def test_row_does_not_depend_on_the_others(self):
        ensemble = Ensemble(stack_members(self.flows(d=3)), 3)
        x = torch.randn(8, 3, dtype=torch.float64)
        alone = torch.cat([ensemble.log_prob(row[None]) for row in x])
        torch.testing.assert_close(alone, ensemble.log_prob(x), rtol=0, atol=1e-12)

    def test_selected_member_is_the_flow_itself(self):
        flows = self.flows(d=3)
        ensemble = Ensemble(stack_members(copy.deepcopy(flows)), 3, reference=1)
        x = torch.randn(8, 3, dtype=torch.float64)
        reference = select_member(ensemble.members, ensemble.reference)
        assert torch.equal(reference.log_prob(x), flows[1].log_prob(x))


def test_dtype_is_that_of_the_weights():
    flow = make_flow(preprocessing=scaled([0.0, 0], [1.0, 1]))
    assert flow.dtype == torch.float64
    assert Flow(flow.bijection.float(), flow.base.float()).dtype == torch.float32
    assert Flow(Standardize(2), Normal(2).double()).dtype == torch.float64
