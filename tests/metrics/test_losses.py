"""Scores of arrays against closed forms and direct sums."""

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import mean_absolute_error

from skflow.metrics import crps_of_draws, interval_coverage, interval_score, pinball_loss


def crps_of_normal(y):
    """Gneiting and Raftery (2007), the display after equation 21, at mean 0 and sd 1."""
    return y * (2 * norm.cdf(y) - 1) + 2 * norm.pdf(y) - 1 / np.sqrt(np.pi)


class TestCRPS:
    @pytest.mark.parametrize("m", [2, 3, 50])
    def test_unbiased_for_any_number_of_draws(self, m):
        rng = np.random.default_rng(0)
        for y in (0.0, 1.3):
            values = np.full(200_000 // m, y)
            draws = rng.normal(size=(len(values), m))
            found = crps_of_draws(values, draws)
            assert found == pytest.approx(crps_of_normal(y), abs=0.01)

    def test_sorting_is_the_sum_over_pairs(self):
        rng = np.random.default_rng(1)
        y, draws = rng.normal(size=(5, 2)), rng.normal(size=(5, 7, 2))
        pairs = np.abs(draws[:, :, None] - draws[:, None]).sum(axis=(1, 2)) / (2 * 7 * 6)
        expected = np.abs(draws - y[:, None]).mean(axis=1) - pairs
        found = crps_of_draws(y, draws, multioutput="raw_values")
        np.testing.assert_allclose(found, expected.mean(axis=0), rtol=1e-12)
        assert crps_of_draws(y, draws) == pytest.approx(expected.mean())

    def test_of_a_point_it_is_the_absolute_error(self):
        y, guess = np.array([1.0, 5.0]), np.array([2.0, 3.0])
        draws = np.repeat(guess[:, None], 4, axis=1)
        assert crps_of_draws(y, draws) == mean_absolute_error(y, guess)

    def test_far_from_zero(self):
        rng = np.random.default_rng(2)
        y, draws = rng.normal(size=50), rng.normal(size=(50, 30))
        found = crps_of_draws(y + 2.0**30, draws + 2.0**30)
        assert found == pytest.approx(crps_of_draws(y, draws), abs=1e-6)

    @pytest.mark.parametrize("shape", [(5,), (4, 10), (5, 1), (10, 5), (5, 10, 2)])
    def test_shapes(self, shape):
        message = r"draws must be of shape \(5, n_draws\) with at least 2"
        with pytest.raises(ValueError, match=message):
            crps_of_draws(np.zeros(5), np.zeros(shape))

    def test_swapped_arguments(self):
        with pytest.raises(ValueError, match="draws must be of shape"):
            crps_of_draws(np.zeros((5, 10)), np.zeros(5))


class TestPinball:
    def test_fine_grid_is_half_the_crps(self):
        levels = (np.arange(4_000) + 0.5) / 4_000
        y = np.array([-0.4, 0.0, 2.0])
        loss = pinball_loss(y, np.tile(norm.ppf(levels), (3, 1)), levels)
        assert 2 * loss == pytest.approx(crps_of_normal(y).mean(), abs=1e-5)

    def test_median_is_half_the_absolute_error(self):
        y, guess = np.array([1.0, 5.0]), np.array([2.0, 3.0])
        assert pinball_loss(y, guess[:, None], [0.5]) == mean_absolute_error(y, guess) / 2

    def test_several_columns(self):
        rng = np.random.default_rng(0)
        y, values = rng.normal(size=(6, 2)), rng.normal(size=(6, 2, 3))
        each = [pinball_loss(y[:, j], values[:, j], [0.1, 0.5, 0.9]) for j in range(2)]
        raw = pinball_loss(y, values, [0.1, 0.5, 0.9], multioutput="raw_values")
        np.testing.assert_allclose(raw, each)

    @pytest.mark.parametrize("level", [0, 1, 1.5, "half"])
    def test_bad_levels(self, level):
        with pytest.raises(ValueError, match="quantiles must lie strictly between 0 and 1"):
            pinball_loss([1.0], [[1.0]], [level])

    def test_shape(self):
        with pytest.raises(ValueError, match=r"y_quantiles must be of shape \(2, 3\)"):
            pinball_loss([1.0, 2.0], np.zeros((2, 2)), [0.1, 0.5, 0.9])


class TestIntervals:
    def test_equation_43(self):
        y = np.array([0.0, -1.0, 3.0])
        found = interval_score(y, np.zeros(3), np.full(3, 2.0), coverage=0.8)
        assert found == pytest.approx(2 + (0 + 1 + 1) * 2 / 0.2 / 3)

    def test_true_quantiles_are_best(self):
        y = np.random.default_rng(0).normal(size=20_000)
        found = {
            share: interval_score(y, *np.full((2, len(y)), [[-1], [1]]) * norm.ppf(share))
            for share in (0.9, 0.95, 0.99)
        }
        assert min(found, key=found.get) == 0.95

    def test_coverage_counts_the_ends(self):
        y = [0.0, 1.0, 2.0, 3.0]
        assert interval_coverage(y, np.ones(4), np.full(4, 2.0)) == 0.5

    def test_low_above_high(self):
        with pytest.raises(ValueError, match="low is above high in row 1"):
            interval_score([1.0, 1.0], [0.0, 2.0], [1.0, 1.0])

    def test_both_ends_in_one_array(self):
        with pytest.raises(ValueError, match=r"Pass the two ends apart: interval\[..., 0\]"):
            interval_coverage([1.0, 1.0], np.zeros((2, 2)), np.ones((2, 2)))

    @pytest.mark.parametrize("coverage", [0, 1, 90])
    def test_bad_coverage(self, coverage):
        with pytest.raises(ValueError, match="coverage must lie strictly between 0 and 1"):
            interval_score([1.0], [0.0], [1.0], coverage)


SCORES = {
    "crps": lambda y, v, **kw: crps_of_draws(y, np.moveaxis(v, 2, 1), **kw),
    "pinball": lambda y, v, **kw: pinball_loss(y, v, [0.1, 0.2, 0.7], **kw),
    "interval": lambda y, v, **kw: interval_score(y, v.min(2), v.max(2), **kw),
    "coverage": lambda y, v, **kw: interval_coverage(y, v.min(2), v.max(2), **kw),
}


@pytest.mark.parametrize("name", SCORES)
class TestAveraging:
    score = property(lambda self: SCORES[self.name])

    @pytest.fixture(autouse=True)
    def _table(self, name):
        rng = np.random.default_rng(0)
        self.name, self.y, self.values = name, rng.normal(size=(8, 2)), rng.normal(size=(8, 2, 3))

    def test_weight_two_is_a_row_twice(self):
        weight = np.array([2, 1, 0, 1, 1, 3, 1, 1])
        twice = np.repeat(np.arange(8), weight)
        found = self.score(self.y, self.values, sample_weight=weight)
        assert found == pytest.approx(self.score(self.y[twice], self.values[twice]))

    def test_columns(self):
        raw = self.score(self.y, self.values, multioutput="raw_values")
        assert raw.shape == (2,)
        assert self.score(self.y, self.values) == pytest.approx(raw.mean())
        weighted = self.score(self.y, self.values, multioutput=[3, 1])
        assert weighted == pytest.approx((3 * raw[0] + raw[1]) / 4)

    def test_unknown_average(self):
        with pytest.raises(ValueError, match="multioutput"):
            self.score(self.y, self.values, multioutput="sum")

    def test_nan(self):
        self.y[3, 1] = np.nan
        with pytest.raises(ValueError, match="NaN"):
            self.score(self.y, self.values)
