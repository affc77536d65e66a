"""Distributions of one cell."""

import math

import pytest
import torch

from skflow._random import seeded
from skflow.conditionals._univariate import Levels, Mixture, interval_mass, pooled

N = 3


def mixture():
    generator = torch.Generator().manual_seed(0)
    logits, loc, log_scale = torch.randn(3, 4, N, generator=generator, dtype=torch.float64)
    return Mixture(torch.log_softmax(logits, 0), 2 * loc, 0.3 * log_scale)


def levels():
    logits = torch.randn(5, N, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return Levels(torch.log_softmax(logits, 0))


def test_the_density_integrates_to_the_cdf():
    one, grid = mixture(), torch.linspace(-12, 12, 20_001, dtype=torch.float64)
    density = torch.stack([one.log_prob(z.expand(N)).exp() for z in grid])
    mass = torch.cumulative_trapezoid(density, grid, dim=0)
    for i in (5_000, 10_000, 15_000, 19_999):
        torch.testing.assert_close(mass[i], one.cdf(grid[i + 1].expand(N)), atol=1e-6, rtol=0)


def test_moments_are_those_of_the_density():
    one, grid = mixture(), torch.linspace(-20, 20, 20_001, dtype=torch.float64)
    density = torch.stack([one.log_prob(z.expand(N)).exp() for z in grid])
    mean, variance = one.moments()
    torch.testing.assert_close(mean, torch.trapezoid(grid[:, None] * density, grid, dim=0))
    square = (grid[:, None] - mean).square()
    torch.testing.assert_close(variance, torch.trapezoid(square * density, grid, dim=0))


@pytest.mark.parametrize("q", [1e-6, 0.05, 0.5, 0.999])
def test_quantiles_invert_the_cdf(q):
    one = mixture()
    mass = one.cdf(one.quantile(q))
    torch.testing.assert_close(mass, torch.full_like(mass, q), atol=1e-9, rtol=1e-6)


def test_the_usual_is_minus_the_entropy():
    alone = Mixture(torch.zeros(1, N), torch.zeros(1, N), torch.full((1, N), math.log(2.0)))
    entropy = 0.5 * math.log(2 * math.pi * math.e * 4)
    torch.testing.assert_close(alone.usual(), torch.full((N,), -entropy), atol=0.02, rtol=0)
    share = levels().log_share
    torch.testing.assert_close(levels().usual(), (share.exp() * share).sum(0))


def test_draws_follow_the_distribution():
    wide = Mixture(*(part[:, :1].expand(-1, 20_000) for part in vars(mixture()).values()))
    with seeded(0):
        u = wide.cdf(wide.draw(torch.rand(20_000)))
    torch.testing.assert_close(
        u.sort().values, torch.linspace(0, 1, 20_000).double(), atol=0.02, rtol=0
    )
    many = Levels(levels().log_share[:, :1].expand(-1, 20_000))
    with seeded(0):
        counts = many.draw(torch.rand(20_000)).long().bincount(minlength=5)
    torch.testing.assert_close(
        counts.double() / 20_000, many.log_share[:, 0].exp(), atol=0.02, rtol=0
    )


def test_draws_between_two_ends():
    one, low, high = mixture(), -0.5, 1.0
    with seeded(0):
        z, log_mass = one.draw_between(low, high)
    assert ((low <= z) & (z <= high)).all()
    ends = (torch.full((N,), end, dtype=torch.float64) for end in (high, low))
    upto, below = map(one.cdf, ends)
    torch.testing.assert_close(log_mass.exp(), upto - below)
    with seeded(0):
        code, log_mass = levels().draw_between(1, 3)
    assert ((code >= 1) & (code <= 3)).all()
    torch.testing.assert_close(log_mass.exp(), levels().log_share[1:4].exp().sum(0))


def test_masses_of_intervals_in_both_tails():
    one = mixture()
    edges = torch.tensor([-40.0, -6.0, -1.0, 0.5, 7.0, 40.0]).double()[:, None].expand(-1, N)
    parts = [part.unsqueeze(0) for part in vars(one).values()]
    mass = interval_mass(edges[:-1], edges[1:], *parts).exp()
    torch.testing.assert_close(mass.sum(0), torch.ones(N).double())
    # the mirror image has the same masses: nothing cancels in the upper tail
    mirrored = [parts[0], -parts[1], parts[2]]
    other = interval_mass(-edges[1:], -edges[:-1], *mirrored).exp()
    torch.testing.assert_close(other, mass, rtol=1e-12, atol=0)


def test_pools_are_means_by_weight():
    one, other = mixture(), Mixture(*(part.flip(1) for part in vars(mixture()).values()))
    z, share = torch.zeros(N).double(), torch.tensor([0.1, 0.5, 1.0]).double()
    mean = share * one.log_prob(z).exp() + (1 - share) * other.log_prob(z).exp()
    weights = share.log(), (1 - share).log()
    torch.testing.assert_close(pooled([one, other], weights).log_prob(z).exp(), mean)
    shares = [levels(), Levels(levels().log_share.flip(1))]
    mean = 0.5 * (shares[0].log_share.exp() + shares[1].log_share.exp())
    halves = [-math.log(2)] * 2
    torch.testing.assert_close(pooled(shares, halves).log_share.exp(), mean)


def test_draws_ascend_with_the_numbers_they_are_from():
    # of components that lie apart, so that their order is that of what is drawn from them
    loc = torch.tensor([3.0, -5.0, 0.0])[:, None].expand(-1, 101)
    apart = Mixture(torch.full_like(loc, -math.log(3)), loc, torch.full_like(loc, -2.0))
    z = apart.draw(torch.linspace(1e-6, 1 - 1e-6, 101))
    assert (z.diff() > 0).all()
    torch.testing.assert_close(apart.cdf(z), torch.linspace(0, 1, 101), atol=1e-4, rtol=0)


def test_draws_pass_by_components_without_weight():
    loc = torch.tensor([-9.0, 0.0, 9.0])[:, None].expand(-1, 50)
    log_weight = torch.tensor([-torch.inf, 0.0, -torch.inf])[:, None].expand(-1, 50)
    z = Mixture(log_weight, loc, torch.zeros_like(loc)).draw(torch.linspace(0, 1, 50))
    assert torch.isfinite(z).all()
    assert float(z[1:-1].abs().max()) < 5
