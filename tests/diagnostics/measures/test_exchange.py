"""P-values by exchange of a parameter with its draws are exact."""

import numpy as np
import pytest
from scipy import stats

from skflow.diagnostics.measures._candidates import (
    centred_products,
    near_distances,
    scaled,
    whitened,
)
from skflow.diagnostics.measures._exchange import rank_test, ranks_among, smallest_p


def sets(seed, m=20, n=10, d=2):
    """Sets of draws alike, with atoms and unlike scales."""
    rng = np.random.default_rng(seed)
    found = rng.normal(size=(m, n, d)) * rng.lognormal(size=(m, 1, d))
    found[:, :, 0] = np.round(found[:, :, 0])
    return found


def share_below(p_values, level):
    """Whether so many p-values are at most at a level as even ones may have."""
    found = int((np.asarray(p_values) <= level).sum())
    return stats.binomtest(found, len(p_values), level).pvalue > 1e-3


class TestRanks:
    def test_ranks(self):
        values = np.array([[[3.0], [1.0], [2.0], [9.0]]])
        np.testing.assert_array_equal(
            ranks_among(values, np.random.default_rng(0)).ravel(), [2, 0, 1, 3]
        )

    def test_ties_are_broken_evenly(self):
        ranks = ranks_among(np.zeros((4_000, 5, 1)), np.random.default_rng(0))[:, 0, 0]
        assert stats.chisquare(np.bincount(ranks, minlength=5)).pvalue > 1e-3


class TestExact:
    @pytest.mark.parametrize("level", [0.02, 0.1, 0.5])
    def test_all_together_under_the_null(self, level):
        p_values = []
        for seed in range(200):
            drawn, rng = sets(seed), np.random.default_rng(seed)
            z = whitened(drawn)
            groups = [z, centred_products(z)]
            p_values.append(rank_test(drawn, rng, groups, n_null=99).p_value)
        assert share_below(p_values, level)

    def test_band_holds_whole_curves(self):
        rng = np.random.default_rng(0)
        inside = []
        low, high = rank_test(rng.normal(size=(100, 20, 1)), rng).band
        for _ in range(1_000):
            ranks = rng.integers(20, size=100)
            share = np.bincount(ranks, minlength=20).cumsum() / 100
            inside.append(((low <= share) & (share <= high)).all())
        assert 0.93 < np.mean(inside) < 0.975

    def test_smallest_p(self):
        statistics = np.array([[5.0, 1.0], [1.0, 2.0], [2.0, 3.0], [3.0, 4.0]])
        p_values, p_value = smallest_p(statistics)
        np.testing.assert_array_equal(p_values, [0.25, 1.0])
        # the last choice has a statistic as extreme
        assert p_value == 0.5


class TestFaults:
    def found(self, change, m=300):
        values = np.random.default_rng(0).normal(size=(m, 50, 1))
        values[:, 1:] = change(values[:, 1:])
        return rank_test(values, np.random.default_rng(1), n_null=999)

    def test_bias(self):
        found = self.found(lambda draws: draws - 0.4)
        assert found.bias[0] > 4
        assert found.p_values[0, 0] == found.p_value == 0.001
        assert self.found(lambda draws: draws + 0.4).bias[0] < -4

    def test_width(self):
        found = self.found(lambda draws: 0.7 * draws)
        assert found.width[0] > 4
        assert found.p_values[1, 0] == 0.001
        assert self.found(lambda draws: 1.4 * draws).width[0] < -4

    def test_shape(self):
        # neither mean nor width of the ranks is off
        rng = np.random.default_rng(0)
        values = np.tile(np.arange(50.0), (600, 1))[..., np.newaxis]
        near = np.concatenate([np.arange(5, 8), np.arange(19, 24)])
        ranks = rng.choice(np.concatenate([near, 49 - near]), size=600)
        values[:, 0, 0], values[np.arange(600), ranks, 0] = ranks, 0.0
        found = rank_test(values, rng, n_null=999)
        assert np.abs(found.bias[0]) < 3
        assert found.p_values[2, 0] == 0.001


class TestCandidates:
    def test_scaled_and_whitened(self):
        drawn = np.random.default_rng(0).normal(size=(5, 40, 3)) @ np.random.default_rng(1).normal(
            size=(3, 3)
        )
        z = whitened(1e6 + 1e3 * drawn)
        np.testing.assert_allclose(z.mean(axis=1), 0, atol=1e-9)
        covariance = z.swapaxes(1, 2) @ z / 40
        np.testing.assert_allclose(covariance, np.broadcast_to(np.eye(3), (5, 3, 3)), atol=1e-6)
        # each coordinate goes with its parameter
        correlation = (z * scaled(drawn)).mean(axis=1)
        assert (correlation > 0.4).all()

    def test_constant_columns(self):
        drawn = np.ones((3, 40, 2))
        drawn[:, :, 1] = np.random.default_rng(0).normal(size=(3, 40))
        assert (scaled(drawn)[..., 0] == 0).all()
        assert np.isfinite(whitened(drawn)).all()

    def test_products_have_mean_zero(self):
        products = centred_products(whitened(sets(0)))
        assert products.shape == (20, 10, 3)
        np.testing.assert_allclose(products.mean(axis=1), 0, atol=1e-12)

    def test_near_distances(self):
        drawn = np.random.default_rng(0).normal(size=(3, 40, 2))
        gaps = np.linalg.norm(drawn[:, :, None] - drawn[:, None], axis=3)
        expected = np.log(np.sort(gaps, axis=2)[:, :, 2])
        np.testing.assert_allclose(near_distances(drawn), expected, rtol=1e-6)
