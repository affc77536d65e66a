"""Which rows are held out together."""

import numpy as np
import pytest
from sklearn.model_selection import GroupKFold, KFold, ShuffleSplit

from skflow.estimators.stack._folds import assign_folds
from tests.estimators.stack.toys import rng, rows


class TestFolds:
    def test_every_row_is_held_out_once(self):
        fold = assign_folds(rows(61), None, 5, rng())
        assert sorted(np.bincount(fold)) == [12, 12, 12, 12, 13]

    def test_equal_rows_share_a_fold(self):
        X = np.repeat(rows(40), 3, axis=0)[rng().permutation(120)]
        fold = assign_folds(X, None, 4, rng())
        _, group = np.unique(X, axis=0, return_inverse=True)
        for k in range(40):
            assert len(set(fold[group == k])) == 1

    def test_rows_of_weight_zero_are_in_none(self):
        weight = np.where(np.arange(60) % 3, 1.5, 0.0)
        fold = assign_folds(rows(), weight, 5, rng())
        np.testing.assert_array_equal(fold[weight == 0], -1)
        assert (fold[weight > 0] >= 0).sum() == 40

    def test_large_tables_hold_out_two_tenths(self):
        fold = assign_folds(rows(6_000), None, 5, rng())
        np.testing.assert_array_equal(np.bincount(fold + 1), [4_800, 600, 600])

    @pytest.mark.parametrize("cv", [KFold(3), ShuffleSplit(2, test_size=0.2, random_state=0)])
    def test_splitter(self, cv):
        fold = assign_folds(rows(), None, cv, rng())
        for k, (_, test) in enumerate(cv.split(rows())):
            assert (fold[test] >= 0).all()
            assert (fold[test] == k).any()

    def test_splitter_and_weights(self):
        weight = np.where(np.arange(60) < 10, 0.0, 1.0)
        fold = assign_folds(rows(), weight, KFold(5), rng())
        np.testing.assert_array_equal(np.bincount(fold + 1), [10] * 6)

    @pytest.mark.parametrize("X", [rows(2), np.ones((5, 1)), np.array([[1], [1], [1], [2.0]])])
    def test_nothing_is_held_out_where_too_little_would_be_left(self, X):
        np.testing.assert_array_equal(assign_folds(X, None, 5, rng()), -1)

    @pytest.mark.parametrize("n", [3, 4])
    def test_fewer_rows_than_folds(self, n):
        fold = assign_folds(rows(n), None, 5, rng())
        assert sorted(fold) == list(range(n))

    def test_same_seed_same_folds(self):
        folds = [assign_folds(rows(), None, 5, rng(seed)) for seed in (0, 0, 1)]
        np.testing.assert_array_equal(folds[0], folds[1])
        assert not np.array_equal(folds[0], folds[2])


def test_grouped_splitter_without_groups_is_an_error():
    with pytest.raises(ValueError, match="groups"):
        assign_folds(rows(), None, GroupKFold(2), rng())
