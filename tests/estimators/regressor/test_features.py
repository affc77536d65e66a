"""Cross-fitted predictions: none of a row's own y is in them."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skflow.estimators.regressor._features import cross_fitted, default_regressors

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(60, 3)), RNG.normal(size=(60, 2))
DEALS = [RNG.permutation(60) % 5, RNG.permutation(60) % 5]


def test_predictions_of_a_row_are_those_of_models_without_it():
    nearest = cross_fitted("nearest", KNeighborsRegressor(1), X, Y, None, DEALS)
    assert not np.isclose(nearest.out_of_fold, Y).any()  # its own y would come back
    expected = np.zeros(Y.shape)
    for fold in DEALS:
        for k in range(5):
            held = fold == k
            model = KNeighborsRegressor(1).fit(X[~held], Y[~held])
            expected[held] += model.predict(X[held]) / 2
    np.testing.assert_allclose(nearest.out_of_fold, expected)


def test_new_rows_get_the_mean_of_the_models():
    feature = cross_fitted("linear", LinearRegression(), X, Y, None, DEALS)
    each = [
        LinearRegression().fit(X[fold != k], Y[fold != k]).predict(X)
        for fold in DEALS
        for k in range(5)
    ]
    np.testing.assert_allclose(feature.predict(X), np.mean(each, axis=0))


class Mean(RegressorMixin, BaseEstimator):
    """The weighted mean."""

    def fit(self, X, y, sample_weight=None):
        self.mean_ = np.average(y, weights=sample_weight)
        return self

    def predict(self, X):
        return np.full(len(X), self.mean_)


@pytest.mark.parametrize("regressor", [Mean(), make_pipeline(StandardScaler(), Mean())])
def test_weights_reach_the_regressor(regressor):
    weight = np.where(Y[:, 0] > 0, 1.0, 1e-12)
    feature = cross_fitted("mean", regressor, X, Y[:, :1], weight, DEALS)
    assert (feature.out_of_fold > 0.3).all()


def test_regressors_without_weights_go_without():
    cross_fitted("nearest", KNeighborsRegressor(), X, Y, np.ones(60), DEALS)


def test_threads_change_nothing():
    one, two = (cross_fitted("ridge", Ridge(), X, Y, None, DEALS, n_jobs=n) for n in (1, 2))
    np.testing.assert_array_equal(one.out_of_fold, two.out_of_fold)


@pytest.mark.parametrize("n", [5, 300, 5_000])
def test_the_default_regressors_fit(n):
    rng = np.random.default_rng(0)
    rows, y = rng.normal(size=(n, 2)), rng.normal(size=n)
    for _, regressor in default_regressors(n, 2):
        assert np.isfinite(regressor.fit(rows, y).predict(rows)).all()
