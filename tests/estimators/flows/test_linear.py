"""The linear flow is the Gaussian of maximum likelihood, whatever its parametrization."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm
from sklearn.datasets import load_breast_cancer, load_iris, load_wine
from sklearn.utils._param_validation import InvalidParameterError

from skflow import LinearFlowDensity

FULL = ("triangular", "orthogonal", "plu", "qr")
every_full = pytest.mark.parametrize("parametrization", FULL)


def gaussian(seed=0, n=300, d=4):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d)) @ rng.normal(size=(d, d))
    return X * np.logspace(-6, 6, d) + np.linspace(-1e3, 1e9, d)


def heavy(seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_t(2, size=(500, 3)) @ rng.normal(size=(3, 3))


TABLES = {
    "gaussian": gaussian,
    "heavy tails": heavy,
    "one column": lambda: gaussian(d=1),
    "iris": lambda: load_iris().data,
    "wine": lambda: load_wine().data,
    "breast cancer": lambda: load_breast_cancer().data,
}


def truth(X, rows, weight=None):
    """Log density of the Gaussian fitted to X, computed in standard units of its columns."""
    mean, scale = X.mean(axis=0), X.std(axis=0)
    U = (X - mean) / scale
    fitted = multivariate_normal(
        np.average(U, axis=0, weights=weight), np.cov(U.T, bias=True, aweights=weight)
    )
    return fitted.logpdf((rows - mean) / scale) - np.log(scale).sum()


@every_full
@pytest.mark.parametrize("name", TABLES)
def test_equals_maximum_likelihood(name, parametrization):
    X = TABLES[name]()
    model = LinearFlowDensity(parametrization=parametrization).fit(X)
    rows = np.vstack([X, X.mean(axis=0) + 20 * (X[:30] - X.mean(axis=0))])
    np.testing.assert_allclose(model.score_samples(rows), truth(X, rows), rtol=1e-6, atol=1e-6)
    assert abs(model.score(X) - truth(X, X).mean()) < 1e-6


@every_full
def test_a_row_that_is_far_off_counts_as_it_is(parametrization):
    X = gaussian()
    X[0, 0] = 1e5
    model = LinearFlowDensity(parametrization=parametrization).fit(X)
    np.testing.assert_allclose(model.score_samples(X), truth(X, X), rtol=1e-6, atol=1e-6)


@every_full
def test_counts_weights(parametrization):
    X, weight = gaussian(), np.random.default_rng(1).exponential(size=300)
    model = LinearFlowDensity(parametrization=parametrization).fit(X, sample_weight=weight)
    np.testing.assert_allclose(model.score_samples(X), truth(X, X, weight), rtol=1e-8)


def test_diagonal_is_independent_columns():
    X = gaussian()
    model = LinearFlowDensity(parametrization="diagonal").fit(X)
    expected = norm(X.mean(axis=0), X.std(axis=0)).logpdf(X).sum(axis=1)
    np.testing.assert_allclose(model.score_samples(X), expected, atol=1e-4)


@every_full
@pytest.mark.parametrize("preprocessing", ["standardize", "whiten", "none"])
def test_preprocessing_changes_nothing(preprocessing, parametrization):
    X = gaussian() * [1e6, 1, 1, 1e-6]
    X = X - X.mean(axis=0)
    settings = {"preprocessing": preprocessing, "parametrization": parametrization}
    scores = LinearFlowDensity(**settings).fit(X).score_samples(X)
    np.testing.assert_allclose(scores, truth(X, X), rtol=1e-6, atol=1e-6)


@every_full
@pytest.mark.parametrize("powers", [(-200, 0), (200, 210), (-12, 12), (-300, 300)])
def test_columns_that_no_covariance_holds(parametrization, powers):
    X = gaussian(d=2)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    scale = 10.0 ** np.array(powers)
    model = LinearFlowDensity(preprocessing="none", parametrization=parametrization)
    scores = model.fit(X * scale).score_samples(X * scale)
    np.testing.assert_allclose(scores, truth(X, X) - np.log(scale).sum(), rtol=1e-6, atol=1e-6)
    assert model.preprocessing_ == "standardize"


def test_a_gaussian_copula():
    # normal columns with skewed margins: normal scores make it a Gaussian again
    rng = np.random.default_rng(0)
    X = np.exp(rng.normal(size=(2000, 2)) @ [[1, 0.8], [0, 0.6]])
    held_out = np.exp(rng.normal(size=(2000, 2)) @ [[1, 0.8], [0, 0.6]])
    exact = multivariate_normal([0, 0], [[1, 0.8], [0.8, 1]]).logpdf(np.log(held_out))
    exact = (exact - np.log(held_out).sum(axis=1)).mean()
    copula = LinearFlowDensity(preprocessing="gaussianize").fit(X)
    assert copula.score(held_out) == pytest.approx(exact, abs=0.05)
    declared = LinearFlowDensity(support={0: (0, None), 1: (0, None)}).fit(X)
    assert declared.score(held_out) == pytest.approx(exact, abs=0.01)


@every_full
@pytest.mark.parametrize("shape", [(2, 1), (3, 5), (5, 5), (6, 5)])
def test_no_more_rows_than_columns(parametrization, shape):
    X = np.random.default_rng(0).normal(size=shape)
    X = np.column_stack([X, X[:, 0] * -3, np.full(len(X), 7.0)])
    model = LinearFlowDensity(parametrization=parametrization).fit(X)
    far = np.vstack([X, 1e6 * X, 1e300 * X])
    assert np.isfinite(model.score_samples(far)).all()
    assert (model.score_samples(X) > model.score_samples(1e6 * X)).all()
    draws = model.sample(100, random_state=0)
    np.testing.assert_allclose(draws[:, -2], -3 * draws[:, 0], atol=1e-3)
    np.testing.assert_allclose(model.inverse_transform(model.transform(X)), X, atol=1e-6)


def test_draws_have_the_moments():
    X = gaussian()
    draws = LinearFlowDensity().fit(X).sample(200_000, random_state=0)
    scale = X.std(axis=0)
    np.testing.assert_allclose((draws.mean(axis=0) - X.mean(axis=0)) / scale, 0, atol=0.02)
    np.testing.assert_allclose(np.corrcoef(draws.T), np.corrcoef(X.T), atol=0.02)


def test_bad_parametrization_is_named():
    with pytest.raises(InvalidParameterError, match="The 'parametrization' parameter of Linear"):
        LinearFlowDensity(parametrization="lu").fit(gaussian())


def with_constants(values, n=400, seed=0):
    rng = np.random.default_rng(seed)
    first = np.sort(rng.normal(size=n))
    return np.column_stack([first, *(np.full(n, v) for v in values), first + rng.normal(size=n)])


class TestConstantColumns:
    preprocessings = pytest.mark.parametrize(
        "preprocessing", ["standardize", "whiten", "gaussianize", "none"]
    )

    @preprocessings
    @pytest.mark.parametrize("value", [7.0, -1e-200, 1e90, 0.0])
    def test_are_drawn_and_scored_as_wide_as_their_spread(self, preprocessing, value):
        X, width = with_constants([value]), 0.05 * abs(value) or 0.05
        model = LinearFlowDensity(preprocessing=preprocessing).fit(X)
        draws = (model.sample(20_000, random_state=0)[:, 1] - value) / width
        assert abs(draws.mean()) < 0.02
        assert draws.std() == pytest.approx(12**-0.5, rel=0.1)
        assert np.abs(draws).max() < 2
        others = LinearFlowDensity(preprocessing=preprocessing).fit(X[:, [0, 2]])
        own = model.score_samples(X) - others.score_samples(X[:, [0, 2]])
        np.testing.assert_allclose(own, norm(0, width / 12**0.5).logpdf(0), atol=0.25)

    @preprocessings
    def test_units_and_repeated_fits(self, preprocessing):
        X = with_constants([7.0, 0.3])
        model = LinearFlowDensity(preprocessing=preprocessing)
        scores = model.fit(X).score_samples(X)
        np.testing.assert_array_equal(model.fit(X).score_samples(X), scores)
        np.testing.assert_allclose(
            model.fit(2 * X).score_samples(2 * X), scores - 4 * np.log(2), atol=1e-9
        )

    @preprocessings
    def test_rounding_error_is_no_spread(self, preprocessing):
        X = with_constants([0.3])
        exact = LinearFlowDensity(preprocessing=preprocessing).fit(X)
        rounded = X.copy()
        rounded[::2, 1] = 0.1 * 3
        model = LinearFlowDensity(preprocessing=preprocessing).fit(rounded)
        np.testing.assert_allclose(model.score_samples(rounded), exact.score_samples(X), atol=1e-9)

    @preprocessings
    @pytest.mark.parametrize("value", [0.0, 0.01, 5.0])
    def test_between_bounds(self, preprocessing, value):
        X = with_constants([value])
        model = LinearFlowDensity(preprocessing=preprocessing, support={1: (0, None)}).fit(X)
        draws = model.sample(2000, random_state=0)[:, 1]
        assert np.isfinite(model.score_samples(X)).all()
        assert draws.min() > 0
        assert np.abs(draws - value).max() < 0.2 * (value or 1)

    def test_of_few_rows(self):
        X = with_constants([7.0, 2.0], n=2)
        model = LinearFlowDensity().fit(X)
        assert model.sample(1000, random_state=0)[:, 2].min() > 1.5
