"""Peers keep the contract of regressors that predict densities, and are what they are called."""

import sys
import types

import numpy as np
import pytest
from scipy import stats
from sklearn.base import BaseEstimator
from sklearn.dummy import DummyRegressor
from sklearn.linear_model import LinearRegression, RidgeCV
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skflow.diagnostics.report._peers import (
    GaussianResiduals,
    QuantileBoosting,
    QuantileForest,
    weights_for,
)
from tests.metrics.toys import rows


class ForestOfOneLeaf(BaseEstimator):
    """What stands in for the forest of quantile_forest: quantiles of all of y."""

    def __init__(self, min_samples_leaf=1, random_state=None):
        self.min_samples_leaf = min_samples_leaf
        self.random_state = random_state

    def fit(self, X, y, sample_weight=None):
        self.y_ = y
        return self

    def predict(self, X, quantiles):
        assert isinstance(quantiles, list)
        return np.tile(np.quantile(self.y_, quantiles), (len(X), 1))


@pytest.fixture(scope="class")
def forest_module():
    module = types.ModuleType("quantile_forest")
    module.RandomForestQuantileRegressor = ForestOfOneLeaf
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "quantile_forest", module)
        yield


PEERS = {
    "gaussian": (GaussianResiduals(LinearRegression(), random_state=0), None),
    "gaussian, two columns": (GaussianResiduals(LinearRegression(), random_state=0), 2),
    "boosting": (QuantileBoosting(random_state=0), None),
    "forest": (QuantileForest(random_state=0), None),
}
ONE_COLUMN = [name for name, (_, n_targets) in PEERS.items() if n_targets is None]


class TestContract:
    @pytest.fixture(scope="class", params=PEERS)
    @classmethod
    def case(cls, request, forest_module):
        peer, n_targets = PEERS[request.param]
        X, y = rows(300, n_targets)
        return peer.fit(X, y), X, y

    def test_shapes(self, case):
        model, X, y = case
        assert model.predict(X).shape == model.predict_std(X).shape == y.shape
        assert model.cdf(X, y).shape == y.shape
        assert model.log_density(X, y).shape == (300,)
        assert model.predict_quantiles(X, [0.1, 0.9]).shape == (*y.shape, 2)
        assert model.predict_interval(X, 0.8).shape == (*y.shape, 2)
        assert model.sample(X, 7, random_state=0).shape == (300, 7, *y.shape[1:])

    def test_methods_agree(self, case):
        model, X, y = case
        low, high = np.moveaxis(model.predict_interval(X, 0.8), -1, 0)
        np.testing.assert_allclose(model.cdf(X, low), 0.1)
        np.testing.assert_allclose(model.cdf(X, high), 0.9)
        draws = model.sample(X[:1], 20_000, random_state=0)[0]
        np.testing.assert_allclose(draws.mean(axis=0), model.predict(X[:1])[0], atol=0.05)
        np.testing.assert_allclose(draws.std(axis=0), model.predict_std(X[:1])[0], rtol=0.05)
        ranks = model.cdf(np.repeat(X[:1], 20_000, axis=0), draws).reshape(20_000, -1)
        assert stats.kstest(ranks[:, 0], "uniform").pvalue > 1e-3
        again = model.sample(X[:1], 20_000, random_state=0)[0]
        np.testing.assert_array_equal(draws, again)

    @pytest.mark.parametrize("case", ONE_COLUMN, indirect=True, scope="class")
    def test_density_is_the_slope_of_the_cdf(self, case):
        model, X, y = case
        slope = (model.cdf(X, y + 1e-6) - model.cdf(X, y - 1e-6)) / 2e-6
        apart = np.abs(np.log(slope) - model.log_density(X, y))
        assert (apart < 1e-3).mean() > 0.99  # the others lie at a corner

    def test_calibrated_on_fresh_rows(self, case):
        model, _, seen = case
        X, y = rows(2_000, None if seen.ndim == 1 else 2, seed=1)
        low, high = np.moveaxis(model.predict_interval(X, 0.8), -1, 0)
        assert ((low <= y) & (y <= high)).mean() == pytest.approx(0.8, abs=0.06)


class TestGaussianResiduals:
    def test_deviation_is_that_of_out_of_fold_residuals(self):
        X, y = rows(60)
        learner = KNeighborsRegressor(1)  # knows its rows by heart
        model = GaussianResiduals(learner, random_state=0).fit(X, y)
        assert 1.0 < model.predict_std(X)[0] < 2.0
        # all folds of a constant learner are nearly the same, whatever their rows
        flat = GaussianResiduals(DummyRegressor(), random_state=0).fit(X, y)
        guess = cross_val_predict(DummyRegressor(), X, y, cv=KFold(5))
        expected = np.sqrt(((y - guess) ** 2).mean())
        assert flat.predict_std(X)[0] == pytest.approx(expected, rel=0.03)

    def test_covariance_of_columns(self):
        rng = np.random.default_rng(0)
        X = rng.normal(size=(3_000, 1))
        y = X + rng.multivariate_normal([0, 0], [[1, 0.8], [0.8, 2]], size=3_000)
        model = GaussianResiduals(LinearRegression(), random_state=0).fit(X, y)
        residuals = y - model.predict(X)
        expected = stats.multivariate_normal([0, 0], model.factor_ @ model.factor_.T)
        np.testing.assert_allclose(model.log_density(X, y), expected.logpdf(residuals))
        np.testing.assert_allclose(np.cov(residuals.T), model.factor_ @ model.factor_.T, rtol=0.01)
        draws = model.sample(X[:1], 50_000, random_state=0)[0]
        np.testing.assert_allclose(np.cov(draws.T), model.factor_ @ model.factor_.T, rtol=0.05)

    def test_nothing_left_to_explain(self):
        X, _ = rows(50)
        for y in (X[:, 0], np.ones(50)):
            model = GaussianResiduals(LinearRegression(), random_state=0).fit(X, y)
            assert np.isfinite(model.log_density(X, y)).all()


class TestWeights:
    def test_pipelines(self):
        X, y = rows(60)
        weight = np.r_[np.ones(30), np.full(30, 1e-9)]
        inner = make_pipeline("passthrough", make_pipeline(StandardScaler(), RidgeCV()))
        assert list(weights_for(inner, weight)) == ["pipeline__ridgecv__sample_weight"]
        y[30:] += 100
        model = GaussianResiduals(inner, random_state=0).fit(X, y, weight)
        assert model.predict_std(X)[0] < 2
        assert np.abs(model.predict(X)).max() < 10

    def test_none_to_hand_on(self):
        assert weights_for(KNeighborsRegressor(), None) == {}
        with pytest.raises(TypeError, match="its fit takes no sample_weight"):
            weights_for(KNeighborsRegressor(), np.ones(3))

    def test_boosting(self):
        X, y = rows(80)
        weight = np.r_[np.ones(40), np.zeros(40)]
        y[40:] += 100
        model = QuantileBoosting(random_state=0).fit(X, y, weight)
        assert model.predict_interval(X, 0.9).max() < 20


def test_quantiles_take_one_column():
    with pytest.raises(ValueError, match="expected one column of y, got 2"):
        QuantileBoosting().fit(*rows(20, 2))


def test_the_forest_of_the_package():
    pytest.importorskip("quantile_forest")
    X, y = rows(300)
    model = QuantileForest(random_state=0).fit(X, y)
    fresh, values = rows(300, seed=1)
    assert -1.7 < model.log_density(fresh, values).mean() < -1.4
