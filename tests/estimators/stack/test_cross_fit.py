"""Folds, cross-fitting and the weights that follow: the parts that a stack is made of."""

import time
import warnings

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp
from sklearn.base import BaseEstimator
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import GroupKFold, KFold, ShuffleSplit
from sklearn.neighbors import KernelDensity

from skflow import KernelFlowDensity, MAFDensity
from skflow.estimators import _stacking
from skflow.estimators.stack._cross_fit import (
    DensityMixture,
    assign_folds,
    cross_fit_all,
    mixture_weights,
)
from tests.instances import quick


def rng(seed=0):
    return np.random.RandomState(seed)  # noqa: NPY002, as the stack has it


def rows(n=60, d=2, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d))


class Recorder(BaseEstimator):
    """A Gaussian around the mean of its rows that remembers them."""

    def fit(self, X, y=None, sample_weight=None):
        self.rows_ = X
        self.weight_ = sample_weight
        self.mean_ = X.mean(axis=0)
        return self

    def score_samples(self, X):
        return -0.5 * ((X - self.mean_) ** 2).sum(axis=1) - X.shape[1] / 2 * np.log(2 * np.pi)


class Failing(BaseEstimator):
    def fit(self, X, y=None):
        raise RuntimeError("no luck today")


class NotFinite(Recorder):
    def score_samples(self, X):
        return np.where(X[:, 0] > 0, np.nan, 0.0)


class Complaining(Recorder):
    def fit(self, X, y=None, sample_weight=None):
        warnings.warn("bad luck", UserWarning, stacklevel=2)
        return super().fit(X, y, sample_weight)


class Slow(Recorder):
    def fit(self, X, y=None, sample_weight=None):
        time.sleep(0.1)
        return super().fit(X, y, sample_weight)


class TestWeights:
    def brute_force(self, scores, share=None):
        def loss(w):
            return -np.average(logsumexp(scores, b=[w, 1 - w], axis=1), weights=share)

        return minimize_scalar(loss, bounds=(0, 1), method="bounded", options={"xatol": 1e-9})

    @pytest.mark.parametrize("weighted", [False, True])
    @pytest.mark.parametrize("seed", range(4))
    def test_of_two_against_brute_force(self, seed, weighted):
        scores = 2 * rows(80, 2, seed) + [0.3 * seed, 0]
        share = np.random.default_rng(seed).uniform(size=80) if weighted else None
        weights = mixture_weights(scores, share)
        best = self.brute_force(scores, share)
        assert weights.sum() == pytest.approx(1)
        assert weights[0] == pytest.approx(best.x, abs=2e-3)
        value = np.average(logsumexp(scores, b=weights, axis=1), weights=share)
        assert value == pytest.approx(-best.fun, abs=1e-5)

    def test_at_the_best_weights_no_component_asks_for_more(self):
        scores = rows(200, 5) * 1.5
        weights = mixture_weights(scores)
        share = np.exp(scores - logsumexp(scores, b=weights, axis=1)[:, None]).mean(axis=0)
        # the gradient: 1 for what is kept, at most 1 for what is not
        np.testing.assert_allclose(share[weights > 0], 1, atol=0.01)
        assert (share[weights == 0] < 1.02).all()

    def test_a_component_that_brings_nothing_is_dropped_at_little_cost(self):
        scores = rows(300, 3)
        copies = np.column_stack([scores, scores[:, 0] - 1e-3, scores[:, 1] - 5])
        weights = mixture_weights(copies)
        assert (weights > 0).sum() <= 3
        best = logsumexp(copies, b=np.maximum(mixture_weights_unpruned(copies), 1e-300), axis=1)
        assert best.mean() - logsumexp(copies, b=weights, axis=1).mean() < 1e-3
        assert weights.sum() == pytest.approx(1)

    def test_one_far_ahead_takes_all(self):
        scores = rows(100, 3) * 0.1 + [0, -50, -700]
        np.testing.assert_array_equal(mixture_weights(scores), [1, 0, 0])

    def test_a_single_one_has_weight_one(self):
        np.testing.assert_array_equal(mixture_weights(rows(10, 1) - 1e5), [1])

    def test_weight_two_is_a_row_twice(self):
        scores, share = 2 * rows(50, 3), np.where(np.arange(50) < 20, 2, 1)
        expected = mixture_weights(np.repeat(scores, share, axis=0))
        np.testing.assert_allclose(mixture_weights(scores, share), expected, atol=1e-9)

    @pytest.mark.parametrize("shift", [-1e4, 0.0, 1e4])
    def test_units_do_not_matter(self, shift):
        scores = 2 * rows(50, 3)
        np.testing.assert_allclose(
            mixture_weights(scores + shift), mixture_weights(scores), atol=1e-3
        )


def mixture_weights_unpruned(scores):
    share = np.full(len(scores), 1 / len(scores))
    return _stacking._em(scores, share, 1e-9, 10_000)[0]


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


class TestCrossFit:
    X = rows()
    fold = assign_folds(X, None, 3, rng())

    def one(self, estimator, weight=None, fold=None, **settings):
        fold = self.fold if fold is None else fold
        (result,) = cross_fit_all([("it", estimator)], self.X, weight, fold, **settings)
        return result

    def test_held_out_scores_are_out_of_fold(self):
        result = self.one(Recorder())
        np.testing.assert_array_equal(result.estimator.rows_, self.X)
        for k, model in enumerate(result.fold_estimators):
            np.testing.assert_array_equal(model.rows_, self.X[self.fold != k])
            held = self.fold == k
            np.testing.assert_array_equal(result.held_out[held], model.score_samples(self.X[held]))
        assert result.failure == ""
        assert result.seconds > 0

    def test_rows_in_no_fold_train_every_model(self):
        fold = np.where(np.arange(60) < 20, np.arange(60) % 2, -1)
        result = self.one(Recorder(), fold=fold)
        assert len(result.fold_estimators) == 2
        assert [len(model.rows_) for model in result.fold_estimators] == [50, 50]
        np.testing.assert_array_equal(np.isnan(result.held_out), fold < 0)

    def test_weights_go_with_their_rows(self):
        weight = np.arange(60.0)
        fold = np.where(weight > 0, self.fold, -1)
        result = self.one(Recorder(), weight, fold)
        for k, model in enumerate(result.fold_estimators):
            used = (fold != k) & (weight > 0)
            np.testing.assert_array_equal(model.weight_, weight[used])
            np.testing.assert_array_equal(model.rows_, self.X[used])
        np.testing.assert_array_equal(result.estimator.weight_, weight[1:])

    def test_without_a_parameter_for_weights_it_fails(self):
        assert "takes no sample_weight" in self.one(GaussianMixture(), np.ones(60)).failure

    def test_a_flow_is_fitted_once(self, monkeypatch):
        fits = []
        own = MAFDensity._fit

        def counted(self, *args):
            fits.append(args[-1])
            return own(self, *args)

        monkeypatch.setattr(MAFDensity, "_fit", counted)
        result = self.one(quick(MAFDensity, n_members="auto"))
        assert len(fits) == 1
        np.testing.assert_array_equal(fits[0], self.fold)
        assert result.estimator.n_members_ == len(result.fold_estimators) == 3
        np.testing.assert_array_equal(result.held_out, result.estimator.held_out_scores_)
        for k, model in enumerate(result.fold_estimators):
            held = self.fold == k
            np.testing.assert_array_equal(result.held_out[held], model.score_samples(self.X[held]))

    def test_a_flow_of_one_member_is_fitted_fold_by_fold(self):
        result = self.one(quick(MAFDensity, n_members=1))
        scores = [model.score_samples(self.X) for model in result.fold_estimators]
        expected = np.choose(self.fold, scores)
        np.testing.assert_allclose(result.held_out, expected, rtol=1e-12)

    def test_the_estimator_passed_in_stays_unfitted(self):
        estimator = Recorder()
        self.one(estimator)
        assert not hasattr(estimator, "mean_")

    def test_failures_are_told(self):
        pairs = [("a", Failing()), ("b", NotFinite()), ("c", Recorder())]
        first, second, third = cross_fit_all(pairs, self.X, None, self.fold)
        assert first.failure == "RuntimeError: no luck today"
        assert "held-out log densities are not finite" in second.failure
        assert third.failure == ""

    def test_out_of_time(self):
        pairs = [("first", Slow()), ("second", Slow())]
        first, second = cross_fit_all(pairs, self.X, None, self.fold, max_seconds=0.2)
        assert first.failure == ""
        assert "max_seconds" in second.failure

    def test_warnings_carry_the_name(self):
        with pytest.warns(UserWarning, match="it: bad luck"):
            self.one(Complaining())


class TestMixture:
    def test_scores_and_samples(self):
        parts = [GaussianMixture(1).fit(rows()), KernelDensity(bandwidth=0.3).fit(rows() + 20)]
        mixture = DensityMixture(parts, np.array([0.25, 0.75]))
        at = np.vstack([rows(5), rows(5) + 20])
        density = 0.25 * np.exp(parts[0].score_samples(at))
        density += 0.75 * np.exp(parts[1].score_samples(at))
        np.testing.assert_allclose(mixture.score_samples(at), np.log(density), rtol=1e-9)
        draws = mixture.sample(4_000, rng())
        assert draws.shape == (4_000, 2)
        assert (draws[:, 0] > 10).mean() == pytest.approx(0.75, abs=0.03)
        assert (draws[:50, 0] > 10).any()
        assert (draws[:50, 0] < 10).any()

    def test_draws_of_a_gaussian_mixture_change_with_the_state(self):
        part = GaussianMixture(2, random_state=0).fit(rows())
        mixture = DensityMixture([part], np.ones(1))
        first, again, other = (mixture.sample(5, rng(seed)) for seed in (1, 1, 2))
        np.testing.assert_array_equal(first, again)
        assert not np.array_equal(first, other)
        assert part.random_state == 0

    def test_without_a_sample_method(self):
        mixture = DensityMixture([Recorder().fit(rows())], np.ones(1))
        with pytest.raises(TypeError, match="Recorder has no sample method"):
            mixture.sample(3, rng())

    def test_pair_with_a_flow(self):
        parts = [KernelFlowDensity().fit(rows()), quick(MAFDensity).fit(rows())]
        draws = DensityMixture(parts, np.array([0.5, 0.5])).sample(50, rng())
        assert draws.shape == (50, 2)
        assert np.isfinite(draws).all()


def test_grouped_splitter_without_groups_is_an_error():
    with pytest.raises(ValueError, match="groups"):
        assign_folds(rows(), None, GroupKFold(2), rng())
