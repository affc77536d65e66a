"""Reverse KL against closed forms: its value, its gradient, and where it leads."""

import pytest
import torch
from torch.distributions import MultivariateNormal, kl_divergence

from skflow.bases import GaussianMixture, Normal, StudentT
from skflow.bijections import Chain, Triangular
from skflow.flow import Flow
from skflow.members import select_member, stack_members
from skflow.training import Batch, ReverseKL, SeedBatches, train
from tests.training.problems import assert_states, config, make_flow, state

MEAN = torch.tensor([1.0, -2.0], dtype=torch.float64)
COVARIANCE = torch.tensor([[2.0, 0.6], [0.6, 0.5]], dtype=torch.float64)
TARGET = MultivariateNormal(MEAN, COVARIANCE)


def gaussian_flow():
    """A mixture of a single, skew Gaussian and no layers; and what it is."""
    base = GaussianMixture(2, 1).double()
    with torch.no_grad():
        base.log_diagonal.copy_(torch.tensor([[0.3, -0.4]]))
        base.off_diagonal[0, 0, 1] = 0.7
    factor = base._factor()[0][0].detach()
    own = MultivariateNormal(base.means[0].detach(), precision_matrix=factor @ factor.mT)
    return Flow(Chain([]), base), own


def mixture_line(seed=0):
    """Three Gaussians on a line, float64."""
    base = GaussianMixture(1, 3, random_state=seed).double()
    generator = torch.Generator().manual_seed(seed)
    for p in base.parameters():
        p.data += 0.4 * torch.randn(p.shape, generator=generator, dtype=p.dtype)
    return base


def bumps(x):
    """A smooth density of two bumps on a line, up to a constant."""
    x = x.squeeze(-1)
    return torch.logaddexp(-2 * (x - 1).square(), -0.5 * (x + 2).square())


def exact_gradient(base, n=20_001):
    """Gradient of the reverse KL by quadrature."""
    x = torch.linspace(-12, 12, n, dtype=torch.float64)
    log_q = base.log_prob(x.unsqueeze(-1))
    kl = torch.trapezoid(log_q.exp() * (log_q - bumps(x.unsqueeze(-1))), x)
    return torch.autograd.grad(kl, list(base.parameters()), allow_unused=True)


class TestValue:
    def test_of_gaussians(self):
        flow, own = gaussian_flow()
        torch.manual_seed(0)
        with torch.no_grad():
            losses = ReverseKL(TARGET.log_prob)(flow, Batch(flow.base.draw_seeds(100_000)))
        exact = kl_divergence(own, TARGET).item()
        assert losses.shape == (100_000,)
        assert losses.mean().item() == pytest.approx(
            exact, abs=5 * float(losses.std()) / 100_000**0.5
        )

    def test_of_a_flow_to_itself_is_zero_row_by_row(self):
        flow = make_flow()
        losses = ReverseKL(flow.log_prob)(flow, Batch(flow.base.draw_seeds(50)))
        assert losses.abs().max() < 1e-10

    def test_of_members(self):
        flows = [make_flow(seed) for seed in range(2)]
        stacked = stack_members(flows)
        seeds = stacked.base.draw_seeds(9)
        objective = ReverseKL(TARGET.log_prob)
        together = objective(stacked, Batch(seeds))
        for k, flow in enumerate(flows):
            torch.testing.assert_close(together[k], objective(flow, Batch(seeds[k])))


class TestGradient:
    @pytest.mark.parametrize(("n", "batch"), [(2_000, 2), (500, 50)])
    def test_of_a_mixture_is_that_of_the_integral(self, n, batch):
        # weights, means and scales; the mean over many batches of any size
        base = mixture_line()
        flow, objective = Flow(Chain([]), base), ReverseKL(bumps)
        torch.manual_seed(0)
        parameters = [base.log_weights, base.means, base.log_diagonal]
        stacked = stack_members([flow] * n)
        losses = objective(stacked, Batch(stacked.base.draw_seeds(batch)))
        own = [stacked.base.log_weights, stacked.base.means, stacked.base.log_diagonal]
        each = torch.autograd.grad(losses.mean(-1).sum(), own)
        by_name = dict(zip(map(id, base.parameters()), exact_gradient(base), strict=True))
        for parameter, gradients in zip(parameters, each, strict=True):
            error = gradients.std(0) / n**0.5
            assert ((gradients.mean(0) - by_name[id(parameter)]).abs() < 5 * error).all()
            assert (error < 0.15).all()

    def test_of_layers_is_that_of_the_losses(self):
        flow = make_flow()
        seeds, objective = flow.base.draw_seeds(5), ReverseKL(TARGET.log_prob)
        parameters = list(flow.parameters())

        def losses(*parameters):
            return objective(flow, Batch(seeds))

        assert torch.autograd.gradcheck(losses, parameters)

    def test_one_draw_a_batch_is_finite(self):
        base = mixture_line()
        losses = ReverseKL(bumps)(Flow(Chain([]), base), Batch(base.draw_seeds(1)))
        losses.sum().backward()
        assert all(p.grad is None or p.grad.isfinite().all() for p in base.parameters())


class TestTraining:
    def fit(self, flow, objective, **settings):
        torch.manual_seed(0)
        return train(
            flow,
            objective,
            SeedBatches(flow.base, 64, 20),
            config(**{"max_epochs": 30, "learning_rate": 0.05, "weight_decay": 0.0, **settings}),
            validation=Batch(flow.base.draw_seeds(500)),
        )

    @pytest.mark.parametrize("kind", ["layers", "base"])
    def test_finds_a_gaussian(self, kind):
        if kind == "layers":
            flow = Flow(Triangular(2), Normal(2)).double()
        else:
            flow, _ = gaussian_flow()
        history = self.fit(flow, ReverseKL(TARGET.log_prob))
        assert history.validation_loss[0] == pytest.approx(0, abs=0.01)
        with torch.no_grad():
            x = flow.sample(20_000)
        torch.testing.assert_close(x.mean(0), MEAN, rtol=0, atol=0.05)
        torch.testing.assert_close(torch.cov(x.T), COVARIANCE, rtol=0, atol=0.2)

    def test_finds_the_weights_of_modes(self):
        # the same two Gaussians in both, so that the weights alone are to be learnt
        base, goal = (GaussianMixture(1, 2).double() for _ in range(2))
        for mixture, share in ((base, 0.5), (goal, 0.9)):
            with torch.no_grad():
                mixture.means.copy_(torch.tensor([[-4.0], [4.0]]))
                mixture.log_weights.copy_(torch.tensor([share, 1 - share]).log())
        goal.requires_grad_(False)
        history = self.fit(Flow(Chain([]), base), ReverseKL(goal.log_prob))
        weights = base.log_weights.softmax(-1)
        assert weights[0].item() == pytest.approx(0.9, abs=0.02)
        assert history.validation_loss[0] == pytest.approx(0, abs=0.01)

    def test_finds_the_tail_index(self):
        base, goal = StudentT(1, df=30).double(), StudentT(1, df=2.0).double()
        goal.requires_grad_(False)
        self.fit(Flow(Chain([]), base), ReverseKL(goal.log_prob))
        assert base.df.item() == pytest.approx(2.0, abs=0.3)

    def test_a_target_without_its_normaliser_shifts_the_loss(self):
        shifted = []
        for constant in (0.0, 3.0):
            flow = Flow(Triangular(2), Normal(2)).double()
            history = self.fit(flow, ReverseKL(lambda x, c=constant: TARGET.log_prob(x) + c))
            shifted.append((history.validation_loss[0], state(flow)))
        assert shifted[0][0] - shifted[1][0] == pytest.approx(3.0, abs=1e-6)
        assert_states(shifted[0][1], shifted[1][1], tolerance=1e-6)

    def test_members_end_as_each_alone(self):
        flows = [make_flow(seed) for seed in range(2)]
        stacked = stack_members(flows)
        seeds = [Batch(stacked.base.draw_seeds(16)) for _ in range(3)]
        objective = ReverseKL(TARGET.log_prob)
        train(stacked, objective, seeds, config(), n_members=2)
        for k, flow in enumerate(flows):
            train(flow, objective, [Batch(b.x[k]) for b in seeds], config())
            assert_states(state(select_member(stacked, k)), state(flow), tolerance=1e-9)


def test_seed_batches_are_fresh_in_every_epoch():
    base = GaussianMixture(2, 3)
    batches = SeedBatches(base, 5, 4)
    first, second = list(batches), list(batches)
    assert len(batches) == len(first) == 4
    assert all(batch.x.shape == (5, 3) and batch.weight is None for batch in first)
    values = torch.cat([batch.x for batch in first + second]).flatten()
    assert len(values.unique()) == len(values)
