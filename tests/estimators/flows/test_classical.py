"""Kernels and mixtures behind the preprocessing: settings, units, weights, tied values."""

import numpy as np
import pytest
import torch
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KernelDensity
from sklearn.utils._param_validation import InvalidParameterError

from skflow import KernelFlowDensity, MixtureFlowDensity
from tests.instances import quick

CLASSICAL = [KernelFlowDensity, MixtureFlowDensity]
every_classical = pytest.mark.parametrize("cls", CLASSICAL, ids=lambda cls: cls.__name__)


def rows(n=60, d=3, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) + 3


def clusters(n=200, seed=0):
    rng = np.random.default_rng(seed)
    centres = rng.choice([[-5.0, 0.0], [5.0, 0.0], [0.0, 8.0]], size=n)
    return centres + 0.5 * rng.normal(size=(n, 2))


def shape(base):
    """Shape of the kernels, (d, d)."""
    return (base.directions @ base.directions.mT).numpy()


class TestKernel:
    def test_is_a_sum_of_gaussians_in_the_middle_of_the_data(self):
        # Rows of light tails are scaled and nothing else.
        X = rows()
        mean, spread = X.mean(axis=0), X.std(axis=0)
        model = KernelFlowDensity(bandwidth="scalar", n_neighbors=None).fit(X)
        expected = model.flow_.base.log_prob(torch.from_numpy((X - mean) / spread)).numpy()
        np.testing.assert_allclose(model.score_samples(X), expected - np.log(spread).sum())

    @pytest.mark.parametrize("preprocessing", ["standardize", "whiten", "gaussianize"])
    def test_better_than_a_tuned_bandwidth_where_columns_depend(self, preprocessing):
        rng = np.random.default_rng(0)
        size = np.exp(rng.normal(size=(800, 1)))
        X = size * (rng.normal(size=(800, 3)) @ [[1, 0.9, 0], [0, 0.3, 0.2], [0, 0, 0.5]])
        ours = KernelFlowDensity(preprocessing=preprocessing).fit(X[:400])
        theirs = GridSearchCV(KernelDensity(), {"bandwidth": np.logspace(-2, 0, 13)}).fit(X[:400])
        expected = theirs.best_estimator_.score_samples(X[400:]).mean()
        assert ours.score(X[400:]) > expected + 0.2

    def test_shape_and_sizes_are_those_asked_for(self):
        def fitted(**settings):
            model = KernelFlowDensity(preprocessing="standardize", **settings).fit(rows())
            return model.flow_.base

        base = fitted(bandwidth="diagonal", n_neighbors=None)
        assert (base.sizes == 1).all()
        assert abs(shape(base)[0, 1]) < 1e-9
        assert abs(shape(fitted())[0, 1]) > 1e-4
        loose, tight = (shape(fitted(shrinkage=s, n_neighbors=None)) for s in (0.0, 1e6))
        assert abs(tight[1, 0]) < 1e-4 < abs(loose[1, 0])

    def test_seed_matters_only_for_tied_values(self):
        def score(X, seed):
            return quick(KernelFlowDensity, random_state=seed).fit(X).score(X)

        scores = [score(rows(), seed) for seed in (0, 1)]
        assert scores[0] == scores[1]
        X = rows().round(1)
        scores = [score(X, seed) for seed in (0, 1)]
        assert scores[0] != scores[1]


class TestMixture:
    def test_auto_finds_the_clusters(self):
        model = MixtureFlowDensity(random_state=0).fit(clusters())
        assert model.n_components_ == 3
        assert model.covariance_type_ in {"full", "diag"}
        assert model.reg_covar_ in {1e-4, 1e-2, 1e-1}
        truth = GaussianMixture(3, random_state=0).fit(clusters()).score(clusters(2000, seed=1))
        assert model.score(clusters(2000, seed=1)) == pytest.approx(truth, abs=0.1)

    def test_what_was_set_is_kept(self):
        settings = {"n_components": 4, "covariance_type": "diag", "reg_covar": 0.05}
        model = MixtureFlowDensity(**settings).fit(rows())
        assert {name: getattr(model, f"{name}_") for name in settings} == settings

    @pytest.mark.parametrize(
        ("name", "value"), [("n_components", 2), ("covariance_type", "diag"), ("reg_covar", 0.5)]
    )
    def test_part_of_it_set(self, name, value):
        model = MixtureFlowDensity(**{name: value}).fit(clusters(80))
        assert getattr(model, f"{name}_") == value

    def test_equals_scikit_learns(self):
        X = clusters()
        model = MixtureFlowDensity(n_components=3, covariance_type="full", reg_covar=1e-4).fit(X)
        z, log_det = (t.numpy() for t in model.flow_.preprocessing(torch.from_numpy(X)))
        theirs = GaussianMixture(3, reg_covar=1e-4, random_state=0).fit(z)
        expected = theirs.score_samples(z) + log_det
        np.testing.assert_allclose(model.score_samples(X), expected, atol=1e-3)


def automatic(cls, **settings):
    """Return a quick one that chooses its preprocessing."""
    return quick(cls, preprocessing="auto", **settings)


@every_classical
class TestBoth:
    def test_weight_two_is_a_row_twice(self, cls):
        X = rows()
        times = np.where(np.arange(60) < 30, 2, 1)
        plain = automatic(cls).fit(X).score_samples(X)
        weighted = automatic(cls).fit(X, sample_weight=times).score_samples(X)
        repeated = automatic(cls).fit(np.repeat(X, times, axis=0)).score_samples(X)
        np.testing.assert_array_equal(weighted, repeated)
        assert np.abs(weighted - plain).max() > 1e-3

    def test_order_of_the_rows_does_not_matter(self, cls):
        X = rows()
        forth, back = automatic(cls).fit(X), automatic(cls).fit(X[::-1])
        np.testing.assert_array_equal(forth.score_samples(X), back.score_samples(X))

    def test_units(self, cls):
        X, factors = rows(), np.array([1e6, 1e-3, 2.0])
        scores = automatic(cls).fit(X * factors + 1e3).score_samples(X * factors + 1e3)
        expected = automatic(cls).fit(X).score_samples(X) - np.log(factors).sum()
        np.testing.assert_allclose(scores, expected, atol=1e-3)

    def test_support(self, cls):
        X = np.exp(rows())
        model = automatic(cls, support={0: (0, None)}).fit(X)
        assert (model.sample(500, random_state=0)[:, 0] > 0).all()
        assert model.score_samples([[-1.0, 1.0, 1.0]]) == -np.inf

    def test_tied_values_cost_no_spike(self, cls):
        rng = np.random.default_rng(0)
        X = np.column_stack([rng.poisson(4, 300), rng.normal(size=300)])
        model = automatic(cls).fit(X)
        assert model.dequantized_features_ == {0: 1.0}
        # on a grid of gap one the density is about the probability of the value
        expected = -np.log(1 / np.sqrt(2 * np.pi * 4)) + 0.5 + 0.5 * np.log(2 * np.pi * np.e)
        assert model.score(X) == pytest.approx(-expected, abs=0.3)

    def test_latents_are_the_scaled_rows(self, cls):
        X = rows()
        Z = automatic(cls).fit(X).transform(X)
        np.testing.assert_allclose(Z.std(axis=0), 1, atol=1e-6)

    @pytest.mark.parametrize("n", [2, 3, 5])
    def test_few_rows(self, cls, n):
        X = rows(n)
        for model in (automatic(cls), cls()):
            assert np.isfinite(model.fit(X).score_samples(np.vstack([X, 1e9 * X]))).all()
            assert np.isfinite(model.sample(9, random_state=0)).all()

    @pytest.mark.parametrize(
        ("name", "value"), [("preprocessing", "robust"), ("support", [(0, 1)])]
    )
    def test_bad_shared_parameter_is_named(self, cls, name, value):
        message = f"The '{name}' parameter of {cls.__name__} must"
        with pytest.raises(InvalidParameterError, match=message):
            cls(**{name: value}).fit(rows())


BAD_PARAMETERS = [
    (KernelFlowDensity, "bandwidth", "wide"),
    (KernelFlowDensity, "n_neighbors", 0),
    (KernelFlowDensity, "shrinkage", -1),
    (MixtureFlowDensity, "n_components", 0),
    (MixtureFlowDensity, "covariance_type", "tied"),
    (MixtureFlowDensity, "reg_covar", -0.1),
]


@pytest.mark.parametrize(("cls", "name", "value"), BAD_PARAMETERS)
def test_bad_parameter_is_named(cls, name, value):
    with pytest.raises(InvalidParameterError, match=f"The '{name}' parameter of {cls.__name__}"):
        cls(**{name: value}).fit(rows())
