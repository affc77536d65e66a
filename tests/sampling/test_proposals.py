"""Proposals: each draws what its log density says, and learns what it can hold."""

import numpy as np
import pytest
from scipy import stats

from skflow.sampling import (
    NormalMixture,
    PooledProposal,
    effective_number,
    fit_normals,
    fit_shares,
    fit_triangular,
)


def funnel(n, rng):
    v = 2 * rng.standard_normal(n)
    return np.column_stack([np.exp(v / 2) * rng.standard_normal(n), v])


def log_funnel(x):
    return stats.norm(0, 2).logpdf(x[:, 1]) + stats.norm(0, np.exp(x[:, 1] / 2)).logpdf(x[:, 0])


def banana(n, rng):
    x = 2 * rng.standard_normal(n)
    return np.column_stack([x, x**2 + rng.standard_normal(n)])


def log_banana(x):
    return stats.norm(0, 2).logpdf(x[:, 0]) + stats.norm(x[:, 0] ** 2, 1).logpdf(x[:, 1])


OWN = np.array([0.0, 2, -1, 3, -2])  # what is measured of effects, with an error of 3


def neck(n, rng):
    """Effects about a common mean, given one measurement of each: log deviation, mean, effects."""
    log_tau, mean = -1 + 1.5 * rng.standard_normal((n, 1)), 3 * rng.standard_normal((n, 1))
    precision = 1 / 9 + np.exp(-2 * log_tau)
    effects = (OWN / 9 + mean * np.exp(-2 * log_tau)) / precision
    effects = effects + rng.standard_normal((n, 5)) / precision**0.5
    return np.hstack([effects, mean, log_tau])


def log_neck(x):
    effects, mean, log_tau = x[:, :5], x[:, 5:6], x[:, 6:]
    precision = 1 / 9 + np.exp(-2 * log_tau)
    centre = (OWN / 9 + mean * np.exp(-2 * log_tau)) / precision
    total = stats.norm(centre, precision**-0.5).logpdf(effects).sum(axis=1)
    return total + stats.norm(-1, 1.5).logpdf(log_tau[:, 0]) + stats.norm(0, 3).logpdf(mean[:, 0])


MODES = NormalMixture(
    np.array([0.5, 0.3, 0.2]),
    np.array([[-4.0, 0], [4, 0], [0, 6]]),
    np.array([[[1.0, 0], [0, 1]], [[1, 0], [0.9, 0.4]], [[0.3, 0], [0, 0.3]]]),
)
TARGETS = {
    "funnel": (funnel, log_funnel, fit_triangular, 0.8),
    "banana": (banana, log_banana, fit_triangular, 0.85),
    "modes": (MODES.draw, MODES.log_density, fit_normals, 0.85),
}


def fitted(name, n=1_000):
    draw, _, fit, _ = TARGETS[name]
    rng = np.random.RandomState(0)
    return fit(draw(n, rng), np.full(n, 1 / n), rng)


@pytest.mark.parametrize("name", TARGETS)
class TestProposals:
    def test_hold_what_they_are_made_for(self, name):
        _, log_density, _, least = TARGETS[name]
        proposal, rng = fitted(name), np.random.RandomState(1)
        rows = proposal.draw(4_000, rng)
        ratios = log_density(rows) - proposal.log_density(rows)
        assert effective_number(ratios) > least * len(rows)
        assert np.log(np.exp(ratios).mean()) == pytest.approx(0, abs=0.05)  # both normalised

    def test_weights_count_like_repeated_rows(self, name):
        draw, _, fit, _ = TARGETS[name]
        rows = draw(400, np.random.RandomState(0))
        weight = np.where(np.arange(400) < 200, 1.0, 0.0) / 200
        plain = fit(rows[:200], np.full(200, 1 / 200), np.random.RandomState(1))
        weighted = fit(rows, weight, np.random.RandomState(1))
        np.testing.assert_allclose(
            weighted.log_density(rows), plain.log_density(rows), rtol=1e-6, atol=1e-6
        )

    def test_units_do_not_matter(self, name):
        draw, _, fit, _ = TARGETS[name]
        rows = draw(500, np.random.RandomState(0))
        weight, scale, shift = np.full(500, 1 / 500), np.array([1e-3, 40.0]), np.array([7.0, -3e2])
        plain = fit(rows, weight, np.random.RandomState(1)).log_density(rows)
        moved = rows * scale + shift
        found = fit(moved, weight, np.random.RandomState(1)).log_density(moved)
        np.testing.assert_allclose(found + np.log(scale).sum(), plain, atol=0.05)


class TestTriangular:
    def test_follows_a_neck_down(self):
        rng = np.random.RandomState(0)
        proposal = fit_triangular(neck(2_000, rng), np.full(2_000, 1 / 2_000), rng)
        rows = neck(4_000, rng)
        lost = log_neck(rows) - proposal.log_density(rows)
        # squares in the means of effects lost 100 nats and more where these are nearly the same
        assert lost.mean() < 1
        assert lost[rows[:, -1] < -3].mean() < 3

    def test_what_steers_is_looked_for_farther_than_rows_tell(self):
        rows = fitted("funnel").draw(4_000, np.random.RandomState(1))
        assert 0.01 < (np.abs(rows[:, 1]) > 8).mean() < 0.05  # four deviations; of a normal 6e-5


class TestMixture:
    def test_number_of_components_is_found(self):
        assert 3 <= len(fitted("modes").weights) <= 5

    def test_components_where_few_rows_count_go_out(self):
        rng = np.random.RandomState(0)
        rows = np.vstack([rng.standard_normal((300, 2)), [[50.0, 50.0]]])
        mixture = fit_normals(rows, np.full(301, 1 / 301), rng)
        assert np.abs(mixture.means).max() < 25

    def test_one_column(self):
        rng = np.random.RandomState(0)
        rows = np.concatenate([rng.normal(-3, 0.5, 300), rng.normal(3, 0.5, 100)])[:, None]
        mixture = fit_normals(rows, np.full(400, 1 / 400), rng)
        assert sorted(mixture.weights) == pytest.approx([0.25, 0.75], abs=0.02)

    def test_one_more_component(self):
        more = MODES.and_more(np.array([20.0, 20.0]), 0.1)
        assert more.weights.sum() == pytest.approx(1)
        apart = more.log_density(np.array([[20.0, 20.0]]))
        assert apart == pytest.approx(np.log(0.1 / (2 * np.pi * 0.09)))


class TestPool:
    def test_shares_are_those_of_the_rows(self):
        rng = np.random.RandomState(0)
        left, right, useless = (
            NormalMixture(np.ones(1), np.array([[at, 0.0]]), np.eye(2)[None]) for at in (-4, 4, 90)
        )
        rows = np.vstack([left.draw(3_000, rng), right.draw(1_000, rng)])
        pool = fit_shares([left, right, useless], rows, np.full(4_000, 1 / 4_000))
        assert pool.proposals == [left, right]
        np.testing.assert_allclose(pool.shares, [0.75, 0.25], atol=1e-3)
        drawn = pool.draw(4_000, rng)
        assert (drawn[:, 0] < 0).mean() == pytest.approx(0.75, abs=0.03)

    def test_density_is_the_mean(self):
        pool = PooledProposal.equal([MODES, MODES.with_tails()])
        rows = MODES.draw(5, np.random.RandomState(0))
        parts = [MODES.log_density(rows), MODES.with_tails().log_density(rows)]
        np.testing.assert_allclose(pool.log_density(rows), np.logaddexp(*parts) - np.log(2))
