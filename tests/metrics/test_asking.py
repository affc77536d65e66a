"""Answers through pipelines, searches and transformers of y, in the units of y."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.compose import TransformedTargetRegressor
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    PowerTransformer,
    QuantileTransformer,
    StandardScaler,
)

from skflow.metrics import get_scorer, get_scorer_names
from skflow.metrics._asking import ask
from tests.metrics.toys import Normal, rows

LEVELS = (0.1, 0.5, 0.9)
QUESTIONS = {
    "log_density": lambda y: {"y": y},
    "cdf": lambda y: {"y": y},
    "predict_quantiles": lambda y: {"quantiles": LEVELS},
    "predict_interval": lambda y: {"coverage": 0.8},
    "sample": lambda y: {"n_samples": 5, "random_state": 0},
}


def transformed(transformer, X, y, **settings):
    return TransformedTargetRegressor(Normal(**settings), transformer=transformer).fit(X, y)


def functions(func, inverse):
    return FunctionTransformer(func, inverse, check_inverse=False)


@pytest.mark.parametrize("question", QUESTIONS)
class TestWrappers:
    @pytest.mark.parametrize("n_targets", [None, 2])
    def test_transparent(self, question, n_targets):
        X, y = rows(50, n_targets)
        frame = pd.DataFrame(X, columns=["a", "b"])
        pipeline = make_pipeline(StandardScaler(), "passthrough", Normal())
        search = GridSearchCV(pipeline, {"normal__sd": [2.0]}, cv=2).fit(frame, y)
        wrapped = TransformedTargetRegressor(FrozenEstimator(search)).fit(frame, y)
        inner = Normal(sd=2.0).fit(X, y)
        given = QUESTIONS[question](y)
        expected = getattr(inner, question)(StandardScaler().fit_transform(X), **given)
        for model in (search, FrozenEstimator(search), make_pipeline(FrozenEstimator(search))):
            found = ask(model, question, frame, **given)
            np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
        found = ask(wrapped, question, frame, **given)
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)

    def test_unfitted(self, question):
        X, y = rows(10)
        for model in (make_pipeline(StandardScaler(), Normal()), GridSearchCV(Normal(), {})):
            with pytest.raises(NotFittedError):
                ask(model, question, X, **QUESTIONS[question](y))

    def test_no_such_method_inside(self, question):
        X, y = rows(10)
        model = make_pipeline(StandardScaler(), LinearRegression()).fit(X, y)
        message = f"a regressor with `{question}` is needed; LinearRegression has none"
        with pytest.raises(TypeError, match=message):
            ask(model, question, X, **QUESTIONS[question](y))


# transformers of y, and the law of y where t is normal around x with deviation 0.3
TRANSFORMS = {
    "log": (functions(np.log, np.exp), lambda x: stats.lognorm(0.3, scale=np.exp(x))),
    "falling": (functions(np.negative, np.negative), lambda x: stats.norm(-x, 0.3)),
    "affine": (
        functions(lambda y: (y - 7) / 3, lambda t: 3 * t + 7),
        lambda x: stats.norm(3 * x + 7, 0.9),
    ),
    "tiny": (
        functions(lambda y: y * 1e12, lambda t: t / 1e12),
        lambda x: stats.norm(x / 1e12, 3e-13),
    ),
    "minus log": (
        functions(lambda y: -np.log(y), lambda t: np.exp(-t)),
        lambda x: stats.lognorm(0.3, scale=np.exp(-x)),
    ),
    "logit": (
        functions(lambda y: stats.logistic.ppf(y), lambda t: stats.logistic.cdf(t)),
        None,
    ),
}


@pytest.mark.parametrize("name", [name for name in TRANSFORMS if TRANSFORMS[name][1]])
class TestLawOfY:
    @pytest.fixture
    def case(self, name):
        transformer, law = TRANSFORMS[name]
        x = np.random.default_rng(0).normal(size=60)
        law = law(x)
        y = law.rvs(random_state=1)
        return transformed(transformer, x[:, None], y, sd=0.3), x[:, None], y, law

    def test_log_density(self, case):
        model, X, y, law = case
        np.testing.assert_allclose(ask(model, "log_density", X, y=y), law.logpdf(y), atol=1e-6)

    def test_cdf(self, case):
        model, X, y, law = case
        np.testing.assert_allclose(ask(model, "cdf", X, y=y), law.cdf(y), atol=1e-9)

    def test_quantiles(self, case):
        model, X, _, law = case
        found = ask(model, "predict_quantiles", X, quantiles=LEVELS)
        np.testing.assert_allclose(found.T, [law.ppf(q) for q in LEVELS], rtol=1e-9)
        one = ask(model, "predict_quantiles", X[:1], quantiles=[0.9])
        np.testing.assert_allclose(one, found[:1, 2:], rtol=1e-9)

    def test_interval(self, case):
        model, X, _, law = case
        found = ask(model, "predict_interval", X, coverage=0.8)
        np.testing.assert_allclose(found.T, [law.ppf(0.1), law.ppf(0.9)], rtol=1e-9)

    def test_draws(self, case):
        model, X, _, law = case
        draws = ask(model, "sample", X, n_samples=500, random_state=0)
        ranks = np.column_stack([law.cdf(column) for column in draws.T])
        assert stats.kstest(ranks.ravel(), "uniform").pvalue > 1e-3


class TestLogDensity:
    @pytest.mark.parametrize(
        "transformer",
        [
            StandardScaler(),
            PowerTransformer(),
            PowerTransformer("box-cox"),
            TRANSFORMS["logit"][0],
        ],
    )
    def test_integrates_to_one(self, transformer):
        rng = np.random.default_rng(0)
        y = rng.beta(2, 3, size=200)
        model = transformed(transformer, np.zeros((200, 1)), y, sd=0.8)
        edges = np.linspace(y.min(), y.max(), 4_001)
        middles = (edges[1:] + edges[:-1]) / 2
        inside = np.exp(ask(model, "log_density", np.zeros((4_000, 1)), y=middles))
        low, high = ask(model, "cdf", np.zeros((2, 1)), y=[middles[0], middles[-1]])
        assert inside.mean() * np.ptp(y) == pytest.approx(high - low, abs=2e-3)

    def test_far_from_zero(self):
        X, y = rows(200)
        model = transformed(StandardScaler(), X, y)
        moved = transformed(StandardScaler(), X, y + 1e9)
        expected = ask(model, "log_density", X, y=y)
        np.testing.assert_allclose(ask(moved, "log_density", X, y=y + 1e9), expected, atol=1e-4)

    def test_columns_that_are_mixed(self):
        X, y = rows(100, 2)
        y = y @ [[2.0, 1.0], [0.5, 3.0]]
        model = transformed(PCA(whiten=True), X, y)
        t = model.transformer_.transform(y)
        slopes = model.transformer_.transform(np.eye(2)) - model.transformer_.transform(
            np.zeros((2, 2))
        )
        expected = model.regressor_.log_density(X, t) + np.linalg.slogdet(slopes)[1]
        np.testing.assert_allclose(ask(model, "log_density", X, y=y), expected, atol=1e-7)
        draws = ask(model, "sample", X, n_samples=3, random_state=0)
        assert draws.shape == (100, 3, 2)

    def test_two_columns_of_their_own(self):
        X, y = rows(100, 2)
        y = np.exp(y)
        model = transformed(functions(np.log, np.exp), X, y)
        expected = stats.lognorm.logpdf(y, 1, scale=np.exp(X)).sum(axis=1)
        np.testing.assert_allclose(ask(model, "log_density", X, y=y), expected, atol=1e-6)


def test_one_column_rises_and_the_other_falls():
    X, y = rows(100, 2)
    turned = functions(lambda y: y * [1, -1], lambda t: t * [1, -1])
    model = transformed(turned, X, y)
    law = stats.norm(X * [1, -1])
    np.testing.assert_allclose(ask(model, "cdf", X, y=y), law.cdf(y), atol=1e-12)
    found = ask(model, "predict_quantiles", X, quantiles=LEVELS)
    np.testing.assert_allclose(np.moveaxis(found, -1, 0), [law.ppf(q) for q in LEVELS])
    found = ask(model, "predict_interval", X, coverage=0.8)
    np.testing.assert_allclose(np.moveaxis(found, -1, 0), [law.ppf(0.1), law.ppf(0.9)])


class TestRefused:
    def test_rows_beyond_a_quantile_transformer(self):
        X, y = rows(300)
        smooth = QuantileTransformer(n_quantiles=100, output_distribution="normal")
        model = transformed(smooth, X, y)
        y[3] = 9.0
        message = r"QuantileTransformer.* maps y = \[9.0\] in row 3 to .* no density in the units"
        with pytest.raises(ValueError, match=message):
            get_scorer("log_density")(model, X, y)
        assert np.isfinite(get_scorer("neg_crps")(model, X, y))
        assert np.isfinite(get_scorer("neg_pinball_loss")(model, X, y))

    def test_inverse_without_a_slope(self):
        X, y = rows(100)
        model = transformed(functions(lambda y: y**3, np.cbrt), X, y)
        assert np.isfinite(ask(model, "log_density", X, y=y)).all()
        y[5] = 0.0
        with pytest.raises(ValueError, match="has no smooth inverse at t = .0.0. in row 5"):
            ask(model, "log_density", X, y=y)

    @pytest.mark.parametrize("question", ["cdf", "predict_quantiles", "predict_interval"])
    def test_mixed_columns_have_no_quantiles(self, question):
        X, y = rows(100, 2)
        model = transformed(PCA(), X, y)
        with pytest.raises(ValueError, match="PCA.* does not keep or reverse the order"):
            ask(model, question, X, **QUESTIONS[question](y))

    def test_inverse_that_turns_around(self):
        X, y = rows(100)
        model = transformed(functions(np.sqrt, np.square), X, np.exp(y))
        with pytest.raises(ValueError, match="does not keep or reverse the order"):
            ask(model, "predict_interval", X, coverage=0.9)

    def test_values_that_the_transformer_does_not_take(self):
        X, y = rows(100)
        model = transformed(functions(np.log, np.exp), X, np.exp(y))
        y[7] = 0.0
        with pytest.raises(ValueError, match=r"maps y = \[0.0\] in row 7 to \[-inf\]"):
            ask(model, "log_density", X, y=np.abs(y))

    def test_predictions_that_cannot_be_undone(self):
        X, y = rows(100)
        model = transformed(functions(np.square, np.sqrt), X, np.exp(y))
        with pytest.raises(ValueError, match="cannot be undone at t = .* its inverse is .nan."):
            ask(model, "sample", X, n_samples=9, random_state=0)

    def test_fewer_columns(self):
        X, y = rows(100, 2)
        model = TransformedTargetRegressor(Normal(), transformer=PCA(1), check_inverse=False)
        model.fit(X, y)
        with pytest.raises(ValueError, match="PCA.* no density in the units of y"):
            ask(model, "log_density", X, y=y)


@pytest.mark.parametrize("name", get_scorer_names())
def test_scorers_take_all_of_it(name):
    X, y = rows(200)
    inner = GridSearchCV(
        make_pipeline(StandardScaler(), Normal()), {"normal__sd": [0.5, 1.0]}, cv=2
    )
    model = TransformedTargetRegressor(inner, func=np.log, inverse_func=np.exp).fit(X, np.exp(y))
    assert np.isfinite(get_scorer(name)(model, X, np.exp(y)))
