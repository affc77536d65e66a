"""Posteriors given rows: where they start, what they see, and a model whose answer is known."""

import math

import pytest
import torch
from torch.distributions import MultivariateNormal

from skflow.architectures import POSTERIORS, amortized_flow
from skflow.bijections import MixtureLogisticCDF, RationalQuadraticSpline, SupportMap
from skflow.members import stack_members
from tests.bijections.test_conditioned import moved

each_flow = pytest.mark.parametrize("flow", POSTERIORS)


@each_flow
@pytest.mark.parametrize("n_features", [1, 3])
def test_starts_at_the_base_whatever_the_context(flow, n_features):
    posterior = amortized_flow(n_features, 4, flow=flow, n_layers=3)
    z = torch.randn(6, n_features)
    x, log_det = posterior.from_noise(z, 5 * torch.randn(6, 4))
    torch.testing.assert_close(x, z)
    assert not log_det.any()


@each_flow
def test_rows_and_their_context_belong_together(flow):
    posterior = moved(amortized_flow(3, 4, flow=flow)).double()
    context = torch.randn(5, 4, dtype=torch.float64)
    x, log_prob = posterior.sample_and_log_prob(5, context)
    torch.testing.assert_close(posterior.log_prob(x, context), log_prob)
    order = torch.tensor([3, 0, 4, 1, 2])
    torch.testing.assert_close(posterior.log_prob(x[order], context[order]), log_prob[order])
    assert not torch.isclose(posterior.log_prob(x, context[order]), log_prob).any()


@pytest.mark.parametrize("flow", ["iaf", "coupling"])
def test_layers_make_latents_depend_on_each_other(flow):
    def dependence(flow):
        posterior = moved(amortized_flow(3, 4, flow=flow))
        z, context = torch.zeros(3, requires_grad=True), torch.randn(1, 4)
        jacobian = torch.autograd.functional.jacobian(
            lambda z: posterior.from_noise(z[None], context)[0][0], z
        )
        return (jacobian - jacobian.diagonal().diag()).abs().max()

    assert dependence("diagonal") == 0
    assert dependence(flow) > 1e-3


def squashed(flow):
    """A policy: forces (n, 2) between -1 and 1, few of them at the ends, given states (n, 4)."""
    nets = {"hidden_features": (8,), "encoder_features": (8,)}
    policy = amortized_flow(2, 4, flow=flow, elementwise=RationalQuadraticSpline(4), **nets)
    return moved(policy).behind(SupportMap([-1.0, -1.0], [1.0, 1.0])).double()


@each_flow
def test_a_squashed_flow_is_a_density_of_its_own_draws(flow):
    policy, state = squashed(flow), torch.randn(4, dtype=torch.float64)
    edges = torch.linspace(-1, 1, 201, dtype=torch.float64)
    middles = (edges[1:] + edges[:-1]) / 2
    forces = torch.cartesian_prod(middles, middles)
    with torch.no_grad():
        density = policy.log_prob(forces, state.expand(len(forces), 4)).exp()
        draws, log_prob = policy.sample_and_log_prob(4000, state.expand(4000, 4))
    assert density.mean().item() * 4 == pytest.approx(1, abs=5e-3)
    assert draws.abs().max() < 1
    torch.testing.assert_close(policy.log_prob(draws, state.expand(4000, 4)), log_prob)
    entropy = -(density * density.log()).mean().item() * 4
    error = 4 * log_prob.std().item() / math.sqrt(len(draws))
    assert -log_prob.mean().item() == pytest.approx(entropy, abs=error + 5e-3)


@each_flow
def test_a_policy_learns_through_its_draws(flow):
    policy, state = squashed(flow), torch.randn(50, 4, dtype=torch.float64, requires_grad=True)
    force, log_prob = policy.sample_and_log_prob(50, state)
    (log_prob - force.sin().sum(dim=-1)).mean().backward()
    assert state.grad.abs().sum(dim=-1).all()
    unmoved = [name for name, p in policy.named_parameters() if not p.grad.any()]
    assert not unmoved


@each_flow
def test_policies_side_by_side_are_those_alone(flow):
    alone = [squashed(flow) for _ in range(3)]
    state = torch.randn(3, 6, 4, dtype=torch.float64)
    with torch.no_grad():
        force, log_prob = stack_members(alone).sample_and_log_prob(6, state)
        each = [p.log_prob(f, s) for p, f, s in zip(alone, force, state, strict=True)]
    assert force.shape == (3, 6, 2)
    torch.testing.assert_close(log_prob, torch.stack(each))


def test_a_posterior_may_be_narrow():
    posterior = amortized_flow(1, 1, flow="diagonal", encoder_features=())
    head = posterior.bijection.bijections[0].bijection.net
    with torch.no_grad():
        head.last.bias.copy_(torch.tensor([0.0, -20.0]))
    x = posterior.sample(1000, torch.zeros(1000, 1))
    assert x.std().item() == pytest.approx(math.exp(-20 / 3), rel=0.1)


def test_other_elementwise_maps():
    posterior = amortized_flow(3, 4, flow="coupling", elementwise=MixtureLogisticCDF(3))
    assert any(isinstance(part, MixtureLogisticCDF) for part in posterior.modules())


def test_unknown_flows_are_refused_by_name():
    with pytest.raises(ValueError, match=r"one of \['coupling', 'diagonal', 'iaf'\], got 'maf'"):
        amortized_flow(2, 2, flow="maf")


WEIGHT = torch.tensor([[1.5, 0.0], [1.2, 0.6], [-0.7, 1.0]])
NOISE = 0.7


def log_joint(z, x):
    """Log density of latents z ~ N(0, I) and observations x ~ N(W z, NOISE^2 I)."""
    residual = (x - z @ WEIGHT.mT) / NOISE
    numbers = torch.cat([z, residual], dim=-1)
    constant = 0.5 * numbers.shape[-1] * math.log(2 * math.pi) + x.shape[-1] * math.log(NOISE)
    return -0.5 * numbers.square().sum(-1) - constant


@pytest.mark.parametrize("flow", ["diagonal", "iaf"])
def test_linear_gaussian_model(flow):
    """The evidence is met where the family holds the posterior, else missed by a known gap.

    The best diagonal Gaussian has the diagonal of the precision P, and its divergence from the
    posterior is half of the sum of log P_ii less half of log det P.
    """
    torch.manual_seed(0)
    evidence = MultivariateNormal(torch.zeros(3), WEIGHT @ WEIGHT.mT + NOISE**2 * torch.eye(3))
    x = evidence.sample((4096,))
    posterior = amortized_flow(
        2, 3, flow=flow, n_layers=1, hidden_features=(16,), encoder_features=(32, 32)
    )
    optimizer = torch.optim.Adam(posterior.parameters(), lr=1e-2)
    n_steps = 600
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, n_steps)
    for _ in range(n_steps):
        rows = x[torch.randint(len(x), (512,))]
        z, log_q = posterior.sample_and_log_prob(512, rows)
        loss = (log_q - log_joint(z, rows)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    with torch.no_grad():
        rows = evidence.sample((20_000,))
        z, log_q = posterior.sample_and_log_prob(len(rows), rows)
        gap = (evidence.log_prob(rows) - log_joint(z, rows) + log_q).mean()
    precision = torch.eye(2) + WEIGHT.mT @ WEIGHT / NOISE**2
    best = 0.5 * (precision.diagonal().log().sum() - precision.logdet()) * (flow == "diagonal")
    assert best - 0.005 < gap < best + 0.02
