"""Scorers: right numbers, in searches, with weights, and errors that say what to do."""

import pickle

import numpy as np
import pytest
import sklearn
from scipy.stats import norm
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score, cross_validate

from skflow.metrics import (
    _scorers,
    crps_of_draws,
    get_scorer,
    get_scorer_names,
    interval_coverage,
    interval_score,
    pinball_loss,
)
from tests.metrics.toys import Normal, rows

NAMES = get_scorer_names()
PROPER = [name for name in NAMES if name != "neg_coverage_error"]


@pytest.mark.parametrize("n_targets", [None, 2])
class TestNumbers:
    def fitted(self, n_targets):
        X, y = rows(n_targets=n_targets)
        return Normal().fit(X, y), X, y

    def test_log_density(self, n_targets):
        model, X, y = self.fitted(n_targets)
        expected = norm.logpdf(y, model.predict(X)).reshape(len(y), -1).sum(axis=1).mean()
        assert get_scorer("log_density")(model, X, y) == pytest.approx(expected)

    def test_crps(self, n_targets):
        model, X, y = self.fitted(n_targets)
        found = get_scorer("neg_crps", n_samples=2_000)(model, X, y)
        draws = model.sample(X, 2_000, random_state=5)
        assert found == pytest.approx(-crps_of_draws(y, draws), abs=0.003)
        assert get_scorer("neg_crps")(model, X, y) == get_scorer("neg_crps")(model, X, y)

    def test_pinball(self, n_targets):
        model, X, y = self.fitted(n_targets)
        levels = (0.05, 0.25, 0.5, 0.75, 0.95)
        expected = -pinball_loss(y, model.predict_quantiles(X, levels), levels)
        assert get_scorer("neg_pinball_loss")(model, X, y) == expected

    def test_intervals(self, n_targets):
        model, X, y = self.fitted(n_targets)
        low, high = np.moveaxis(model.predict_interval(X, 0.8), -1, 0)
        found = get_scorer("neg_interval_score", coverage=0.8)(model, X, y)
        assert found == -interval_score(y, low, high, 0.8)
        error = get_scorer("neg_coverage_error", coverage=0.8)(model, X, y)
        shares = interval_coverage(y, low, high, multioutput="raw_values")
        assert error == -np.abs(shares - 0.8).mean()


@pytest.mark.parametrize("name", PROPER)
def test_searches_find_the_true_spread(name):
    X, y = rows(2_000)
    grid = {"sd": [0.5, 0.8, 1.0, 1.25, 2.0]}
    search = GridSearchCV(Normal(), grid, scoring=get_scorer(name), cv=2).fit(X, y)
    assert search.best_params_ == {"sd": 1.0}


def test_all_at_once_in_processes():
    X, y = rows(60)
    scoring = {name: get_scorer(name) for name in NAMES}
    found = cross_validate(Normal(), X, y, scoring=scoring, cv=2, n_jobs=2)
    for name in NAMES:
        alone = cross_val_score(Normal(), X, y, scoring=get_scorer(name), cv=2)
        np.testing.assert_array_equal(found[f"test_{name}"], alone)


@pytest.mark.parametrize("name", NAMES)
class TestWeights:
    def test_weight_two_is_a_row_twice(self, name):
        X, y = rows(40)
        model, weight = Normal(sd=0.7).fit(X, y), np.arange(40) % 3
        twice = np.repeat(np.arange(40), weight)
        settings = {"n_samples": 4_000} if name == "neg_crps" else {}
        scorer = get_scorer(name, **settings)
        found = scorer(model, X, y, sample_weight=weight)
        tolerance = 0.01 if settings else 1e-12
        assert found == pytest.approx(scorer(model, X[twice], y[twice]), abs=tolerance)

    def test_routing(self, name):
        X, y = rows(40)
        weight = np.arange(40.0)
        with sklearn.config_context(enable_metadata_routing=True):
            scorer = get_scorer(name).set_score_request(sample_weight=True)
            model = Normal().set_fit_request(sample_weight=False)
            params = {"sample_weight": weight}
            cv = KFold(2)
            found = cross_val_score(model, X, y, scoring=scorer, cv=cv, params=params)
            search = GridSearchCV(model, {"sd": [1.0]}, scoring=scorer, cv=cv)
            search.fit(X, y, sample_weight=weight)
        expected = [
            scorer(Normal().fit(X, y), X[test], y[test], sample_weight=weight[test])
            for _, test in cv.split(X)
        ]
        np.testing.assert_array_equal(found, expected)
        assert search.best_score_ == pytest.approx(np.mean(expected))

    def test_pickle(self, name):
        X, y = rows(40)
        scorer, model = get_scorer(name), Normal().fit(X, y)
        assert pickle.loads(pickle.dumps(scorer))(model, X, y) == scorer(model, X, y)

    def test_regressor_without_a_distribution(self, name):
        X, y = rows(40)
        with pytest.raises(TypeError, match="LinearRegression has none. Take one that predicts"):
            get_scorer(name)(LinearRegression().fit(X, y), X, y)


def test_an_impossible_row_of_weight_zero_is_none():
    X, y = rows(40)
    model = Normal(sd=1e-3).fit(X, X[:, 0])
    y, weight = np.r_[1e200, X[1:, 0]], np.r_[0.0, np.ones(39)]
    with np.errstate(over="ignore"):  # the square of what is that far
        assert get_scorer("log_density")(model, X, y) == -np.inf
        found = get_scorer("log_density")(model, X, y, sample_weight=weight)
    assert found == pytest.approx(norm.logpdf(0, scale=1e-3))


def test_weights_that_the_scorer_did_not_ask_for():
    X, y = rows(40)
    with sklearn.config_context(enable_metadata_routing=True):
        model, given = Normal().set_fit_request(sample_weight=True), {"sample_weight": np.ones(40)}
        with pytest.raises(ValueError, match="not requested for .*CRPSScorer"):
            cross_val_score(model, X, y, scoring=get_scorer("neg_crps"), params=given)


def test_draws_in_blocks(monkeypatch):
    X, y = rows(95)
    monkeypatch.setattr(_scorers, "BLOCK", 10)
    model, weight = Normal().fit(X, y), np.r_[np.zeros(10), np.arange(85)]
    scorer = get_scorer("neg_crps", n_samples=2_000)
    for given in (None, weight):
        expected = -crps_of_draws(y, model.sample(X, 2_000, 1), sample_weight=given)
        assert scorer(model, X, y, given) == pytest.approx(expected, abs=0.02)


class TestArguments:
    def test_unknown_name(self):
        with pytest.raises(ValueError, match="scoring must be one of .*'neg_crps'.* got 'crps'"):
            get_scorer("crps")

    def test_unknown_setting(self):
        with pytest.raises(TypeError, match="takes n_samples, random_state, got 'coverage'"):
            get_scorer("neg_crps", coverage=0.9)
        with pytest.raises(TypeError, match="'log_density' takes no settings, got 'levels'"):
            get_scorer("log_density", levels=3)

    def test_bad_coverage(self):
        with pytest.raises(ValueError, match="coverage must lie strictly between 0 and 1, got 90"):
            get_scorer("neg_interval_score", coverage=90)

    def test_bad_quantiles(self):
        with pytest.raises(ValueError, match="quantiles must lie strictly between 0 and 1, got 5"):
            get_scorer("neg_pinball_loss", quantiles=(5, 95))

    def test_too_few_draws(self):
        with pytest.raises(ValueError, match="n_samples must be an integer of at least 2, got 1"):
            get_scorer("neg_crps", n_samples=1)
