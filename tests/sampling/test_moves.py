"""Moves and ways between densities."""

import numpy as np
import pytest
from scipy import stats

from skflow.sampling import Ends, slice_moves, tempered


def two_modes(rows, group):
    """Modes at +-1.5 with deviation 0.3 in each column; the second has weight 0.3."""
    parts = [stats.norm(m, 0.3).logpdf(rows).sum(axis=1) for m in (1.5, -1.5)]
    return np.logaddexp(parts[0] + np.log(0.7), parts[1] + np.log(0.3))


class TestMoves:
    def test_leave_a_density_as_it_is(self):
        rng = np.random.RandomState(0)
        exact = stats.multivariate_normal([1, -1], [[1, 0.9], [0.9, 1]])
        theta = exact.rvs(4_000, random_state=1).reshape(2, 2_000, 2)

        def log_target(rows, group):
            return np.atleast_1d(exact.logpdf(rows))

        value = exact.logpdf(theta)
        moved, found = slice_moves(log_target, theta, value, rng, 4)
        np.testing.assert_allclose(found, exact.logpdf(moved))
        assert (moved != theta).any(axis=2).mean() > 0.99
        for own in moved:
            np.testing.assert_allclose(own.mean(axis=0), [1, -1], atol=0.1)
            np.testing.assert_allclose(np.cov(own.T), exact.cov, atol=0.12)

    def test_do_not_leave_the_support(self):
        rng = np.random.RandomState(0)
        theta = rng.uniform(size=(1, 500, 1))

        def log_target(rows, group):
            return np.where((rows > 0).all(axis=1) & (rows < 1).all(axis=1), 0.0, -np.inf)

        moved, _ = slice_moves(log_target, theta, np.zeros((1, 500)), rng, 10)
        assert stats.kstest(moved.ravel(), "uniform").pvalue > 1e-3


class TestTempering:
    def uniform(self, rows, group):
        return np.full(len(rows), -2 * np.log(8.0))

    def test_reaches_both_modes(self):
        rng = np.random.RandomState(0)
        start = rng.uniform(-4, 4, (3, 8_000, 2))
        reached = tempered(Ends(self.uniform, two_modes), start, 2_000, rng)
        np.testing.assert_allclose(reached.log_constant, 0, atol=0.15)
        for own in reached.theta:
            assert (own[:, 0] > 0).mean() == pytest.approx(0.7, abs=0.1)
            assert np.abs(own).std(axis=0) == pytest.approx(0.3, abs=0.03)

    def test_goes_in_steps_where_the_target_is_sharp(self):
        rng = np.random.RandomState(0)
        start = rng.normal(size=(2, 1_000, 6))

        def log_start(rows, group):
            return stats.norm.logpdf(rows).sum(axis=1)

        def log_target(rows, group):
            return 7.0 + stats.norm(1, 0.02).logpdf(rows).sum(axis=1)

        reached = tempered(Ends(log_start, log_target), start, 500, rng)
        np.testing.assert_allclose(reached.log_constant, 7.0, atol=1.5)
        for own in reached.theta:
            np.testing.assert_allclose(own.mean(axis=0), 1, atol=0.01)
            np.testing.assert_allclose(own.std(axis=0), 0.02, atol=0.006)

    def test_refuses_what_lies_nowhere(self):
        rng = np.random.RandomState(0)

        def nowhere(rows, group):
            return np.full(len(rows), -np.inf)

        with pytest.raises(ValueError, match="contradict"):
            tempered(Ends(self.uniform, nowhere), rng.uniform(size=(1, 100, 2)), 50, rng)
