"""Candidates fitted fold by fold, and what becomes of those that fail."""

import numpy as np
import pytest
from sklearn.mixture import GaussianMixture

from skflow import MAFDensity
from skflow.estimators.stack._folds import FoldedRows, assign_folds
from skflow.estimators.stack._turns import cross_fit_all
from skflow.exceptions import ConvergenceWarning
from tests.estimators.stack.toys import Complaining, Failing, NotFinite, Recorder, rng, rows
from tests.instances import quick


class TestCrossFit:
    X = rows()
    fold = assign_folds(X, None, 3, rng())

    def one(self, estimator, weight=None, fold=None, **settings):
        fold = self.fold if fold is None else fold
        table = FoldedRows(self.X, weight, fold)
        (result,) = cross_fit_all([("it", estimator)], table, **settings)
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
            fits.append(args[2])
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
        first, second, third = cross_fit_all(pairs, FoldedRows(self.X, None, self.fold))
        assert first.failure == "RuntimeError: no luck today"
        assert "held-out log densities are not finite" in second.failure
        assert third.failure == ""

    def test_own_warnings_carry_the_name_and_others_pass_as_they_are(self):
        with pytest.warns() as caught:
            self.one(Complaining())
        said = [str(warning.message) for warning in caught]
        assert said == ["it: bad luck", "a foreign word"] * 4
        assert {warning.category for warning in caught} == {ConvergenceWarning, UserWarning}
