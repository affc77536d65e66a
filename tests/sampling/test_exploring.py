"""Populations, exploration, chains and their figures."""

import numpy as np
import pytest
from scipy import stats

from skflow._clock import time_limit
from skflow.exceptions import ConvergenceWarning
from skflow.sampling import (
    NormalMixture,
    Population,
    bridge_evidence,
    chain_figures,
    explore,
    run_chains,
)

LOG_CONSTANT = 3.0
AT = np.array([[12.0, 0], [-12, 5], [0, -15]])
SHARES = np.array([0.5, 0.3, 0.2])
TARGET = NormalMixture(SHARES, AT, np.repeat(0.5 * np.eye(2)[None], 3, axis=0))


def log_target(rows):
    return LOG_CONSTANT + TARGET.log_density(rows)


class Start:
    """A normal with a deviation of 10, which is its own base."""

    def draw(self, n, rng):
        return 10 * rng.standard_normal((n, 2))

    def log_density(self, rows):
        return stats.norm(0, 10).logpdf(rows).sum(axis=1)

    log_base = log_density


class TestPopulation:
    def test_evidence_of_several_proposals(self):
        rng = np.random.RandomState(0)
        population = Population(log_target, 2)
        for proposal, n in ((Start(), 3_000), (TARGET.with_tails(), 500), (Start(), 1_000)):
            own = population.add(proposal, n, rng)
            assert own.shape == (n,)
        assert len(population) == 4_500
        assert population.log_evidence() == pytest.approx(LOG_CONSTANT, abs=0.1)

    def test_rows_without_a_density_count_nothing(self):
        population = Population(lambda rows: np.where(rows[:, 0] > 0, 0.0, -np.inf), 2)
        population.add(Start(), 1_000, np.random.RandomState(0))
        for power in (0.1, 1.0):
            weights = population.log_weights(power)
            assert ((weights > -np.inf) == (population.rows[:, 0] > 0)).all()


class TestExploring:
    def test_finds_modes_far_apart(self):
        rng, told = np.random.RandomState(1), []
        explored = explore(log_target, Start(), 2, 600, 300, rng, tell=told.append)
        assert explored.power == 1
        assert told == explored.history
        rows = explored.proposal.draw(2_000, rng)
        nearest = ((rows[:, None] - AT) ** 2).sum(axis=2).argmin(axis=1)
        np.testing.assert_allclose(np.bincount(nearest) / 2_000, SHARES, atol=0.08)
        assert explored.history[-1]["efficiency"] > 0.7

    def test_refuses_what_lies_nowhere(self):
        with pytest.raises(ValueError, match="finite at none of 50 starting points"):
            explore(
                lambda rows: np.full(len(rows), -np.inf),
                Start(),
                2,
                50,
                50,
                np.random.RandomState(0),
            )


class Wider(NormalMixture):
    """A proposal twice as wide as the target, of one normal."""

    @classmethod
    def of(cls, d):
        return cls(np.ones(1), np.zeros((1, d)), 2 * np.eye(d)[None])


def normal(rows):
    return stats.norm.logpdf(rows).sum(axis=1) + LOG_CONSTANT


def chains_of(n_draws=200, n_chains=10, d=2, **settings):
    rng = np.random.RandomState(0)
    theta = rng.standard_normal((n_chains, d))
    return run_chains(normal, Wider.of(d), theta, normal(theta), n_draws, 10, rng, **settings)


class TestChains:
    def test_draws_are_those_of_the_target(self):
        told = []
        chains = chains_of(tell=told.append)
        assert chains.draws.shape == (10, 200, 2)
        assert sum(told) == 200
        rhat, ess = chain_figures(chains.draws)
        assert rhat.max() < 1.05
        assert ess.min() > 500
        rows = chains.draws.reshape(-1, 2)
        np.testing.assert_allclose(rows.mean(axis=0), 0, atol=0.15)
        np.testing.assert_allclose(rows.std(axis=0), 1, atol=0.08)

    def test_evidence_by_what_was_asked_for_anyway(self):
        chains = chains_of()
        assert chains.at_proposals.shape == (10, 200 * chains.thinning)
        found = bridge_evidence(chains.at_draws.ravel(), chains.at_proposals.ravel())
        assert found.log_evidence == pytest.approx(LOG_CONSTANT, abs=0.05)

    def test_few_draws_repeat(self):
        def repeats(chains):
            return (np.diff(chains.draws, axis=1) == 0).all(axis=2).mean()

        rough, fine = chains_of(repeats=0.5), chains_of(repeats=0.05)
        assert fine.thinning > rough.thinning
        assert repeats(fine) < 0.1 < repeats(rough)

    def test_time_is_up(self):
        with (
            pytest.warns(ConvergenceWarning, match=r"of 200 draws of each chain"),
            time_limit(1e-9),
        ):
            chains = chains_of()
        assert chains.stopped_by == "max_seconds"
        assert 0 < chains.draws.shape[1] < 200

    def test_interrupt_keeps_what_there_is(self):
        calls = []

        def interrupted(rows):
            calls.append(len(rows))
            if len(calls) > 60:
                raise KeyboardInterrupt
            return normal(rows)

        rng = np.random.RandomState(0)
        theta = rng.standard_normal((10, 2))
        settings = interrupted, Wider.of(2), theta, normal(theta), 10_000, 10, rng
        chains = run_chains(*settings)
        assert chains.stopped_by == "interrupt"
        assert chains.draws.shape[1] > 0


class TestFigures:
    def test_chains_apart_disagree(self):
        draws = np.random.default_rng(0).normal(size=(4, 100, 2))
        draws[0, :, 1] += 5
        rhat, ess = chain_figures(draws)
        assert rhat[0] < 1.05 < 1.5 < rhat[1]
        assert ess[1] < 30 < 200 < ess[0]

    def test_chains_that_never_moved(self):
        rhat, ess = chain_figures(np.ones((4, 100, 1)))
        assert (rhat == np.inf).all()
        assert (ess == 1).all()
