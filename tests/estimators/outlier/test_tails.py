"""Tails of single columns: which count, and what they add to the default."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from skflow import FlowOutlierDetector
from skflow.estimators.outlier._pool import PooledKernels
from skflow.estimators.outlier._tails import LongTails


def tails(z, weight=None):
    weight = np.ones(len(z)) if weight is None else np.asarray(weight, dtype=float)
    return LongTails.of(z, weight / weight.sum(), np.zeros(z.shape[1], dtype=bool))


def columns(n, seed=0):
    """A normal, a uniform, a heavy, a right-skewed, a left-skewed and a constant column."""
    rng = np.random.default_rng(seed)
    skewed = rng.gamma(6.0, size=(2, n))
    kinds = [
        rng.normal(size=n),
        rng.uniform(size=n),
        rng.standard_t(2, size=n),
        skewed[0],
        -skewed[1],
        np.full(n, 3.0),
    ]
    return np.column_stack(kinds)


class TestWhichColumns:
    @pytest.mark.parametrize("seed", [1, 3, 4])
    def test_heavy_and_skewed_ones(self, seed):
        found = tails(columns(2_000, seed))
        assert found.columns.tolist() == [2, 3, 4]
        assert found.side.tolist() == [0, 1, -1]

    @pytest.mark.parametrize("scale", [1e-300, 1e300])
    def test_in_any_unit(self, scale):
        z = columns(500)
        z[0, 2] = 1e5
        found, scaled = tails(z), tails(scale * z)
        assert scaled.side.tolist() == found.side.tolist()
        np.testing.assert_allclose(scaled.log_p(scale * z), found.log_p(z))

    def test_none_where_all_are_constant_or_few(self):
        assert tails(np.ones((10, 2))).log_p(np.zeros((3, 2))).tolist() == [0.0] * 3
        assert tails(np.array([[1.0]])).log_p(np.zeros((3, 1))).tolist() == [0.0] * 3

    def test_not_those_that_are_told_to_be_constant(self):
        z = columns(2_000, seed=1)
        constant = np.arange(z.shape[1]) == 2
        found = LongTails.of(z, np.full(2_000, 1 / 2_000), constant)
        assert found.columns.tolist() == [3, 4]


class TestProbabilities:
    def test_of_both_tails_by_hand(self):
        z = np.array([[0.0]] * 17 + [[-9.0], [9.0], [9.5]])
        found = tails(z)
        assert found.side.tolist() == [0]
        expected = np.array([1, 2 * 3 / 21, 2 * 2 / 21, 2 * 1 / 21, 2 * 1 / 21])
        new = np.array([[0.0], [9.0], [9.3], [99.0], [-np.inf]])
        np.testing.assert_allclose(found.log_p(new), np.log(expected))

    def test_of_the_longer_tail_by_hand(self):
        z = columns(2_000)[:, [3]]
        upper = (1 + (z >= 9.0).sum()) / 2_001
        np.testing.assert_allclose(tails(z).log_p(np.array([[9.0]])), np.log(upper) / 3)
        np.testing.assert_allclose(tails(-z).log_p(np.array([[-9.0]])), np.log(upper) / 3)

    def test_a_column_given_four_times_counts_twice(self):
        z = columns(2_000)[:, [2]]
        once, often = tails(z), tails(z.repeat(4, axis=1))
        np.testing.assert_allclose(often.log_p(z.repeat(4, axis=1)), 2 * once.log_p(z))
        assert once.scale == 1

    def test_columns_that_have_nothing_to_do_with_each_other_count_in_full(self):
        z = np.random.default_rng(0).standard_t(2, size=(4_000, 6))
        assert tails(z).scale == pytest.approx(1, abs=0.1)

    def test_of_the_rows_themselves_are_uniform(self):
        z = np.random.default_rng(0).standard_t(2, size=(2_000, 1))
        new = np.random.default_rng(1).standard_t(2, size=(4_000, 1))
        p = np.exp(tails(z).log_p(new))
        for level in (0.01, 0.1, 0.5):
            assert (p <= level).mean() == pytest.approx(level, abs=4 * (level / 2_000) ** 0.5)

    def test_weights_of_which_only_ratios_matter(self):
        z, weight = columns(300), np.random.default_rng(1).uniform(0.5, 2, size=300)
        first, second = tails(z, weight), tails(z, 7 * weight)
        np.testing.assert_allclose(first.log_p(z), second.log_p(z))
        assert 200 < first.size < 300


class TestDetector:
    def test_a_weight_of_two_is_a_row_twice(self):
        X, times = columns(150), 1 + np.arange(150) % 2
        weighted = PooledKernels(tails=1.0, random_state=0).fit(X, sample_weight=times)
        repeated = PooledKernels(tails=1.0, random_state=0).fit(X.repeat(times, axis=0))
        np.testing.assert_allclose(weighted.score_samples(X), repeated.score_samples(X))

    def test_rows_far_out_in_many_heavy_columns_are_found_beside_rows_far_out_in_one(self):
        rng = np.random.default_rng(0)
        X, normal = rng.standard_t(2, size=(2, 500, 20))
        odd = np.abs(rng.standard_t(2, size=(100, 20))) + 1
        area = {}
        for weight in (0.0, 1.0):
            pool = PooledKernels(tails=weight, random_state=0).fit(X)
            scores = [pool.score_samples(rows) for rows in (normal, odd)]
            area[weight] = roc_auc_score(np.repeat([0, 1], (500, 100)), -np.concatenate(scores))
        assert area[1.0] > area[0.0] + 0.05
        assert area[1.0] > 0.9

    def test_explain_names_the_column(self):
        X = columns(400)
        detector = FlowOutlierDetector(random_state=0).fit(X)
        for j in (2, 3, 4):
            odd = X[:3].copy()
            odd[:, j] = 5 * np.abs(X[:, j]).max() * np.sign(X[:, j].sum())
            assert (detector.explain(odd).argmax(axis=1) == j).all()
