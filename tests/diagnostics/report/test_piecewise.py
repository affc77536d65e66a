"""Densities made of quantiles: whole, in agreement with themselves, and calibrated."""

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import trapezoid

from skflow.diagnostics.report._piecewise import QuantileCalibration

NOMINAL = np.array([0.05, 0.25, 0.5, 0.75, 0.95])


def calibration(floor=0.1, tails=(0.3, 0.5)):
    return QuantileCalibration(NOMINAL, tails, floor, least=1e-3)


@pytest.fixture
def law():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(20, 1)) + rng.gamma(2, size=(20, 1)) * stats.norm.ppf(NOMINAL)
    values[3] = values[3, [1, 0, 2, 4, 3]]  # crossing
    values[4] = 2.0  # equal
    return calibration().law(values)


class TestLaw:
    def test_quantiles_and_cdf_are_inverse(self, law):
        p = np.linspace(0.001, 0.999, 301)
        values = law.quantile(p)
        assert (np.diff(values) > 0).all()
        np.testing.assert_allclose(law.cdf(values), np.tile(p, (20, 1)), rtol=1e-9)

    def test_density_is_the_slope_of_the_cdf(self, law):
        p = np.linspace(0.002, 0.998, 250)
        p = p[np.abs(p[:, None] - NOMINAL).min(axis=1) > 1e-3]  # away from corners
        low, high = (law.quantile(p + side * 1e-4) for side in (-1, 1))
        slopes = 2e-4 / (high - low)
        np.testing.assert_allclose(np.exp(law.log_density((low + high) / 2)), slopes, rtol=1e-2)

    def test_moments_are_those_of_the_density(self, law):
        mean, std = law.moments()
        p = (np.arange(200_000) + 0.5) / 200_000
        draws = law.quantile(p)
        np.testing.assert_allclose(draws.mean(axis=1), mean, rtol=1e-3, atol=1e-4)
        np.testing.assert_allclose(draws.std(axis=1), std, rtol=1e-3)

    def test_integrates_to_one(self, law):
        low, high = law.quantile(np.array([1e-9, 1 - 1e-9])).T
        points = np.linspace(low, high, 200_001).T
        for row in (0, 3, 4):
            area = trapezoid(np.exp(law.log_density(points)[row]), points[row])
            assert area == pytest.approx(1, abs=1e-3)

    def test_levels_are_at_the_values(self):
        values = np.array([[-2.0, -1.0, 0.0, 3.0, 4.0]])
        law = calibration().law(values)
        np.testing.assert_allclose(law.quantile(NOMINAL), values)
        np.testing.assert_allclose(law.cdf(values)[0], NOMINAL)

    def test_equal_quantiles_are_as_wide_as_the_least_reach(self):
        law = calibration(floor=1.0).law(np.full((1, 5), 7.0))
        assert law.values[0, -1] - law.values[0, 0] == pytest.approx(1e-3)
        assert law.values[0, 2] == 7.0


class TestCalibration:
    def predicted(self, scale, n=4_000, noise=0.0):
        rng = np.random.default_rng(0)
        mean = rng.normal(size=(n, 1))
        y = mean[:, 0] + rng.normal(size=n)
        values = mean + scale * stats.norm.ppf(NOMINAL) + noise * rng.normal(size=(n, 5))
        return values, y

    def test_right_quantiles_keep_their_levels(self):
        values, y = self.predicted(1.0)
        found = QuantileCalibration.of(NOMINAL, values, y, None, 1e-3)
        np.testing.assert_allclose(found.levels, NOMINAL, atol=0.02)

    @pytest.mark.parametrize("scale", [0.4, 2.0])
    def test_wrong_ones_get_the_levels_that_they_have(self, scale):
        values, y = self.predicted(scale)
        found = QuantileCalibration.of(NOMINAL, values, y, None, 1e-3)
        truth = stats.norm.cdf(scale * stats.norm.ppf(NOMINAL))
        np.testing.assert_allclose(found.levels, truth, atol=0.02)
        pits = found.law(values).cdf(y[:, None])[:, 0]
        assert np.abs(np.sort(pits) - np.linspace(0, 1, len(y))).max() < 0.05

    def test_noisy_quantiles_get_wide_pieces(self):
        floors = [
            QuantileCalibration.of(NOMINAL, *self.predicted(1.0, noise=noise), None, 1e-3).floor
            for noise in (0.0, 1.0)
        ]
        assert floors[0] < floors[1]

    def test_near_the_truth_on_fresh_rows(self):
        values, y = self.predicted(0.5)
        found = QuantileCalibration.of(NOMINAL, values[::2], y[::2], None, 1e-3)
        score = found.law(values[1::2]).log_density(y[1::2, None]).mean()
        assert -1.55 < score < -1.38  # minus the entropy of the normal is -1.42

    def test_weight_two_is_a_row_twice(self):
        values, y = self.predicted(0.6, n=40)
        weight = np.r_[np.full(20, 2.0), np.ones(20)]
        twice = np.repeat(np.arange(40), weight.astype(int))
        one = QuantileCalibration.of(NOMINAL, values, y, weight * 2 / 3, 1e-3)
        other = QuantileCalibration.of(NOMINAL, values[twice], y[twice], None, 1e-3)
        # two rows of prior weigh more among 40 than among 60
        np.testing.assert_allclose(one.levels, other.levels, atol=0.02)

    def test_no_row_beyond(self):
        values = np.tile([-9.0, -8.0, 0.0, 8.0, 9.0], (30, 1))
        y = np.linspace(-1, 1, 30)
        found = QuantileCalibration.of(NOMINAL, values, y, None, 1e-3)
        assert (np.diff(found.levels) > 0).all()
        assert found.tails == pytest.approx((0.2, 0.2))
        assert np.isfinite(found.law(values).log_density(100 * y[:, None])).all()
