"""Dequantized densities: bounds against known probabilities, noise that learns, determinism."""

import math
import pickle

import pytest
import torch

from skflow.architectures import dequantizing_flow
from skflow.bases import Normal, Uniform
from skflow.bijections import PLU, ActNorm, Bijection, Chain
from skflow.dequantization import Dequantized
from skflow.flow import Flow
from skflow.members import select_member, stack_members
from skflow.testing import check_bijection

N_LEVELS = 8
MEAN, STD = 3.7, 0.8


def normal_flow(d=1, mean=MEAN, std=STD):
    """Independent normal columns."""
    scaling = ActNorm(d).double()
    with torch.no_grad():
        scaling.shift.fill_(mean)
        scaling.log_scale.fill_(-math.log(std))
    return Flow(scaling, Normal(d).double())


def exact_log_prob(x):
    """Log probability of the cells [x, x + 1) of :func:`normal_flow`, summed over columns."""
    edges = [torch.special.ndtr((x + k - MEAN) / STD) for k in (0, 1)]
    return (edges[1] - edges[0]).log().sum(-1)


class BestNoise(Bijection):
    """The noise q(u | x) = p(x + u) / P(x) of :func:`normal_flow`."""

    def forward(self, x, context=None):
        integers, low, high = self._cell(context)
        share = (torch.special.ndtr((integers + x - MEAN) / STD) - low) / (high - low)
        z = torch.special.ndtri(share)
        return z, -self.inverse(z, context)[1]

    def inverse(self, z, context=None):
        x, low, high = self._cell(context)
        score = torch.special.ndtri(low + (high - low) * torch.special.ndtr(z))
        slope = (high - low).log() + (score.square() - z.square()) / 2 + math.log(STD)
        return MEAN + STD * score - x, slope.sum(-1)

    def _cell(self, context):
        x = (context + 1) / 2 * (N_LEVELS - 1)
        return x, *(torch.special.ndtr((x + k - MEAN) / STD) for k in (0, 1))


def random_noise(shape, std=0.3, **settings):
    """A flow of noise away from its start."""
    noise = dequantizing_flow(shape, hidden_features=(8, 8), **settings)
    for p in noise.parameters():
        torch.nn.init.normal_(p, std=std)
    return noise.double()


NOISES = {
    "uniform": lambda d: None,
    "at its start": lambda d: dequantizing_flow((1, 1, d), hidden_features=(8, 8)).double(),
    "random": lambda d: random_noise((1, 1, d)),
    "best": lambda d: Flow(BestNoise(), Normal(d)).double(),
}
noises = pytest.mark.parametrize("noise", NOISES)


def integers(n, d):
    return torch.randint(N_LEVELS, (n, d)).double()


def scores_of_draws(dequantized, x, n_draws=8000):
    """Bounds at fresh draws of the noise, (n_draws, n)."""
    return dequantized.train().log_prob(x.repeat(n_draws, 1)).unflatten(0, (n_draws, len(x)))


@noises
@pytest.mark.parametrize("d", [1, 2])
def test_mean_over_draws_is_the_probability(noise, d):
    x = torch.arange(2.0, 6.0).double()[:, None].expand(4, d)
    dequantized = Dequantized(normal_flow(d), N_LEVELS, NOISES[noise](d))
    with torch.no_grad():
        ratio = (scores_of_draws(dequantized, x) - exact_log_prob(x)).exp()
    error = ratio.std(0) / math.sqrt(len(ratio))
    assert ((ratio.mean(0) - 1).abs() <= 5 * error + 1e-9).all()


@noises
def test_probabilities_of_all_levels_sum_to_one(noise):
    x = torch.arange(N_LEVELS, dtype=torch.float64)[:, None]
    dequantized = Dequantized(normal_flow(), N_LEVELS, NOISES[noise](1))
    with torch.no_grad():
        total = scores_of_draws(dequantized, x).exp().mean(0).sum()
    # all but 1e-6 of the normal distribution lies between 0 and 8
    assert abs(total - 1) < 0.01


@noises
@pytest.mark.parametrize("d", [1, 2])
def test_bound_is_below_the_probability(noise, d):
    x = torch.arange(2.0, 6.0).double()[:, None].expand(4, d)
    dequantized = Dequantized(normal_flow(d), N_LEVELS, NOISES[noise](d))
    with torch.no_grad():
        gap = exact_log_prob(x) - scores_of_draws(dequantized, x)
    if noise == "best":
        assert gap.abs().max() < 1e-9
    else:
        assert (gap.mean(0) > -5 * gap.std(0) / math.sqrt(len(gap))).all()
        assert gap.mean() > 0.05


def test_the_best_noise_has_exact_scores():
    x = torch.arange(1.0, 7.0).double()[:, None].expand(6, 2)
    dequantized = Dequantized(normal_flow(2), N_LEVELS, NOISES["best"](2)).eval()
    torch.testing.assert_close(dequantized.log_prob(x), exact_log_prob(x))


def test_uniform_noise_is_best_for_a_flow_that_is_flat_in_cells():
    flat = Flow(Chain([]), Uniform(3, 0.0, float(N_LEVELS)))
    x = torch.randint(N_LEVELS, (5, 3)).float()
    wanted = torch.full((5,), -3 * math.log(N_LEVELS))
    for dequantized in (Dequantized(flat, N_LEVELS), Dequantized(flat, N_LEVELS).eval()):
        torch.testing.assert_close(dequantized.log_prob(x), wanted)


def test_several_draws_are_a_tighter_bound():
    x = integers(2000, 2)
    dequantized = Dequantized(normal_flow(2), N_LEVELS, random_noise((1, 1, 2)))
    with torch.no_grad():
        gap = exact_log_prob(x) - dequantized.eval().log_prob(x)
        gap_of_one = exact_log_prob(x) - dequantized.train().log_prob(x)
    assert 0 < gap.mean() < 0.7 * gap_of_one.mean()


def test_training_the_noise_tightens_the_bound():
    flow = normal_flow(2).requires_grad_(False)
    noise = dequantizing_flow((1, 1, 2), hidden_features=(16, 16)).double()
    dequantized = Dequantized(flow, N_LEVELS, noise)
    x = integers(256, 2)
    exact = exact_log_prob(x).mean()
    gaps = []
    optimizer = torch.optim.Adam(noise.parameters(), lr=0.02)
    for _ in range(150):
        optimizer.zero_grad()
        gap = exact - dequantized.log_prob(x).mean()
        gap.backward()
        optimizer.step()
        gaps.append(gap.item())
    start, end = sum(gaps[:10]) / 10, sum(gaps[-10:]) / 10
    assert 0 < end < 0.1 * start


def test_flow_and_noise_train_together():
    dequantized = Dequantized(normal_flow(4), N_LEVELS, random_noise((1, 2, 2)))
    dequantized.log_prob(integers(5, 4)).mean().backward()
    assert all(p.grad is not None for p in dequantized.parameters())


@noises
def test_deterministic_in_eval_mode(noise):
    dequantized = Dequantized(normal_flow(2), N_LEVELS, NOISES[noise](2)).eval()
    x = integers(6, 2)
    state = torch.get_rng_state()
    scores = dequantized.log_prob(x)
    assert torch.equal(dequantized.log_prob(x), scores)
    assert torch.equal(torch.get_rng_state(), state)
    if noise != "best":
        dequantized.train()
        assert not torch.equal(dequantized.log_prob(x), dequantized.log_prob(x))


@noises
def test_rows_do_not_influence_each_other(noise):
    dequantized = Dequantized(normal_flow(2), N_LEVELS, NOISES[noise](2)).eval()
    x = integers(6, 2)
    alone = torch.cat([dequantized.log_prob(row[None]) for row in x])
    torch.testing.assert_close(dequantized.log_prob(x), alone, rtol=0, atol=1e-12)
    twice = dequantized.log_prob(torch.cat([x, x]))
    torch.testing.assert_close(twice[:6], twice[6:], rtol=0, atol=1e-12)


@pytest.mark.parametrize("make", [lambda: None, lambda: random_noise((1, 2, 2))])
def test_members_equal_single_densities(make):
    singles = [Dequantized(normal_flow(4, 3.0 + k), N_LEVELS, make()).eval() for k in range(3)]
    stacked = stack_members(singles)
    x = torch.stack([integers(5, 4) for _ in singles])
    together = stacked.log_prob(x)
    assert stacked.train().log_prob(x).shape == together.shape == (3, 5)
    for k, single in enumerate(singles):
        torch.testing.assert_close(together[k], single.log_prob(x[k]))
        torch.testing.assert_close(
            select_member(stacked, k).eval().log_prob(x[k]), single.log_prob(x[k])
        )


@noises
def test_pickle(noise):
    dequantized = Dequantized(normal_flow(2), N_LEVELS, NOISES[noise](2)).eval()
    x = integers(6, 2)
    restored = pickle.loads(pickle.dumps(dequantized))
    assert torch.equal(restored.log_prob(x), dequantized.log_prob(x))
    assert not {"places", "powers"} & set(dequantized.state_dict())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("make", [lambda: None, lambda: random_noise((1, 1, 2)).float()])
def test_dtypes(make, dtype):
    """Rows may be float64 where the flow has a preprocessing, whatever the nets are."""
    preprocessing = normal_flow(2).bijection
    flow = Flow(PLU(2), Normal(2), preprocessing)
    dequantized = Dequantized(flow, N_LEVELS, make()).eval()
    x = integers(6, 2).to(dtype)
    assert dequantized.log_prob(x).isfinite().all()
    assert dequantized.train().log_prob(x).isfinite().all()


def test_values_stay_below_the_number_of_levels():
    dequantized = Dequantized(Flow(Chain([]), Uniform(1)), 256)
    x = torch.tensor([[255.0], [0.0]])
    below = dequantized._inside(x + (1 - 2**-24))
    assert below[0] < 256
    assert below[1] == 1 - 2**-24


def test_samples_are_integers_in_range():
    dequantized = Dequantized(normal_flow(2, std=4.0), N_LEVELS)
    x = dequantized.sample(1000)
    assert x.shape == (1000, 2)
    assert torch.equal(x.unique(), torch.arange(N_LEVELS).to(x))


def test_samples_follow_the_probabilities():
    x = torch.arange(2.0, 6.0).double()[:, None]
    drawn = Dequantized(normal_flow(), N_LEVELS).sample(40_000).T
    share = (drawn == x).double().mean(-1)
    torch.testing.assert_close(share, exact_log_prob(x).exp(), rtol=0, atol=0.01)


def test_latents_lead_back_to_the_integers():
    dequantized = Dequantized(normal_flow(2), N_LEVELS)
    x = integers(50, 2)
    z, log_det = dequantized.to_noise(x)
    back, back_log_det = dequantized.from_noise(z)
    assert torch.equal(back, x)
    torch.testing.assert_close(back_log_det, -log_det)


def test_one_level():
    dequantized = Dequantized(normal_flow(2), 1, random_noise((1, 1, 2))).eval()
    assert dequantized.log_prob(torch.zeros(3, 2, dtype=torch.float64)).isfinite().all()


SHAPES = [(1, 1, 1), (3, 1, 1), (1, 3, 3), (2, 4, 4), (1, 3, 4)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_dequantizing_flow_starts_uniform(shape):
    noise = dequantizing_flow(shape)
    d = math.prod(shape)
    z, x = 2 * torch.randn(1000, d), 2 * torch.rand(1000, d) - 1
    u, log_det = noise.from_noise(z, x)
    assert u.dtype == torch.float32
    assert 0 < u.min() < u.max() < 1
    torch.testing.assert_close(u, torch.special.ndtr(z), rtol=0, atol=1e-6)
    log_q = noise.base.log_prob(z) - log_det
    torch.testing.assert_close(log_q, torch.zeros_like(log_q), rtol=0, atol=1e-4)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_dequantizing_flow_is_a_bijection(shape):
    noise = dequantizing_flow(shape, hidden_features=(8, 8))
    u, context = torch.rand(2, 5, math.prod(shape), dtype=torch.float64)
    check_bijection(noise.bijection, u, context)


def test_noise_sees_the_image_at_its_place():
    noise = random_noise((1, 9, 8), n_steps=1)
    z, x = torch.randn(2, 1, 72).double()
    other = x.clone()
    other[0, 0] += 1
    change = noise.from_noise(z, x)[0] - noise.from_noise(z, other)[0]
    change = change.view(9, 8).abs()
    # two convolutions reach two places of a colour, two lines and four columns at most
    assert change[:2, :2].max() > 1e-3
    assert not change[3:].any()
    assert not change[:, 6:].any()


def test_the_best_noise_is_a_bijection():
    u = torch.rand(9, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    given = torch.linspace(-0.5, 0.5, 9, dtype=torch.float64).unsqueeze(-1)
    check_bijection(BestNoise(), u, given)
