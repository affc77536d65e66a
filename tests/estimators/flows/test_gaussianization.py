"""The Gaussianization flow, and Gaussianized columns before other flows."""

from functools import cache

import numpy as np
import pytest
from scipy import stats
from sklearn.utils._param_validation import InvalidParameterError

from skflow import GaussianizationFlowDensity, MAFDensity

SMALL = {"n_layers": 2, "max_epochs": 5, "n_members": 2, "base": "normal", "random_state": 0}


def skewed(n=300, seed=0):
    """Columns far from normal, the second depends on the first."""
    rng = np.random.default_rng(seed)
    a = rng.lognormal(size=n)
    b = np.where(rng.uniform(size=n) < 0.5, -4, 4) + rng.normal(size=n) + np.log(a)
    return np.column_stack([a, b, rng.standard_t(2, size=n)])


def maf(preprocessing, **settings):
    hidden = {"hidden_features": (8,)}
    return MAFDensity(**{**SMALL, **hidden, **settings}, preprocessing=preprocessing)


def test_columns_of_odd_shapes_gain():
    X, X_new = skewed(), skewed(seed=1)
    plain, gaussianized = (
        maf(kind).fit(X).score(X_new) for kind in ("standardize", "gaussianize")
    )
    assert gaussianized > plain + 0.3


def test_it_is_the_start_of_the_flow_that_counts():
    X, X_new = skewed(), skewed(seed=1)
    model = GaussianizationFlowDensity(**{**SMALL, "max_epochs": 1, "learning_rate": 1e-9})
    assert model.fit(X).score(X_new) > maf("standardize").fit(X).score(X_new)


def test_training_improves_on_the_start():
    X, X_new = skewed(), skewed(seed=1)
    start, trained = (
        GaussianizationFlowDensity(**{**SMALL, "max_epochs": n}).fit(X).score(X_new)
        for n in (1, 60)
    )
    assert trained > start + 0.02


ODD = np.arange(300) % 2
NORMAL = np.random.default_rng(0).normal(size=300)
COLUMNS = {
    "normal": NORMAL,
    "two modes": NORMAL + 8 * ODD,
    "skewed": np.random.default_rng(0).gamma(2, size=300),
    "narrow and wide": NORMAL * (1 + 9 * ODD),
}
N_DRAWS = 10_000


@pytest.fixture(scope="module", params=["standardize", "gaussianize"])
def fit(request):
    """Fit a flow to rows, once for all tests."""
    settings = {**SMALL, "n_layers": 4, "n_members": 1, "max_epochs": 20}

    @cache
    def fitted(*names):
        X = np.column_stack([COLUMNS[name] for name in names])
        model = GaussianizationFlowDensity(**settings, preprocessing=request.param).fit(X)
        return X, model, model.sample(N_DRAWS, random_state=0)

    return fitted


class TestTails:
    """Draws are of the density that scores say, and no farther out than new rows are."""

    @pytest.mark.parametrize("name", COLUMNS)
    def test_share_of_draws_is_the_integral_of_the_density(self, name, fit):
        X, model, draws = fit(name)
        away = np.append(0, np.geomspace(1e-4, 1e3, 1_001)) * np.ptp(X)
        for beyond in (0.0, 0.03, 0.1):
            for end, sign in ((X.min(), -1), (X.max(), 1)):
                start = end + sign * beyond * np.ptp(X)
                density = np.exp(model.score_samples((start + sign * away)[:, None]))
                share = np.trapezoid(density, away)
                found = (sign * (draws - start) > 0).mean()
                assert abs(found - share) < 4 * np.sqrt(share / N_DRAWS) + 1 / N_DRAWS

    def test_share_of_draws_by_importance_sampling(self, fit):
        X, model, draws = fit("two modes", "skewed")
        wide = stats.multivariate_t(X.mean(0), 2 * np.cov(X.T), df=3, seed=0)
        proposed = wide.rvs(N_DRAWS)
        weight = np.exp(model.score_samples(proposed) - wide.logpdf(proposed))
        for beyond in (0.0, 0.05):
            ends = X.min(0) - beyond * np.ptp(X, 0), X.max(0) + beyond * np.ptp(X, 0)
            found = outside(draws, *ends).mean()
            parts = weight * outside(proposed, *ends)
            share = parts.mean()
            error = np.sqrt((parts.var() + share) / N_DRAWS)
            assert share > 0
            assert abs(found - share) < 4 * error

    @pytest.mark.parametrize("name", COLUMNS)
    def test_draws_stay_near_the_rows(self, name, fit):
        X, _, draws = fit(name)
        out = np.maximum(X.min() - draws, draws - X.max()) / np.ptp(X)
        assert out.max() < 1
        assert 0.85 < draws.std() / X.std() < 1.15


def outside(X, low, high):
    return ((low > X) | (high < X)).any(axis=1)


@pytest.mark.parametrize("cls", [GaussianizationFlowDensity, MAFDensity])
class TestGaussianized:
    def fit(self, cls, X, **settings):
        settings = {**SMALL, "preprocessing": "gaussianize", **settings}
        weight = settings.pop("sample_weight", None)
        return cls(**settings).fit(X, sample_weight=weight)

    def test_declared_bounds(self, cls):
        model = self.fit(cls, skewed(), support={0: (0, None)})
        assert (model.sample(500, random_state=0)[:, 0] > 0).all()
        assert np.isneginf(model.score_samples([[-1.0, 0, 0]])).all()

    def test_one_row_far_out_costs_little(self, cls):
        X = np.vstack([skewed(), [[1e6, -1e6, 1e6]]])
        model, clean = self.fit(cls, X), self.fit(cls, skewed())
        X_new = skewed(seed=1)
        assert model.score(X_new) > clean.score(X_new) - 0.5
        assert clean.score_samples(X[-1:]) > -1000

    def test_any_table_scores_and_draws(self, cls):
        rng = np.random.default_rng(0)
        columns = [np.ones(40), rng.integers(0, 3, 40), rng.normal(size=40) ** 9, np.zeros(40)]
        X = np.column_stack([*columns, 1e9 + rng.normal(size=40)])
        model = self.fit(cls, X)
        draws = model.sample(50, random_state=0)
        assert np.isfinite(model.score_samples(X)).all()
        assert np.isfinite(model.score_samples(draws)).all()
        assert np.isfinite(draws).all()

    def test_units(self, cls):
        X = skewed()
        scale = 2.0 ** np.array([40, -300, 3])
        expected = self.fit(cls, X).score_samples(X) - np.log(scale).sum()
        got = self.fit(cls, X * scale).score_samples(X * scale)
        np.testing.assert_allclose(got, expected, rtol=1e-5)

    def test_weights(self, cls):
        rng = np.random.default_rng(0)
        X = np.append(rng.normal(-5, 1, 200), rng.normal(5, 1, 200)).reshape(-1, 1)
        model = self.fit(cls, X, sample_weight=np.repeat([9.0, 1.0], 200), max_epochs=50)
        assert (model.sample(4000, random_state=0) < 0).mean() == pytest.approx(0.9, abs=0.05)


def test_bad_number_of_components():
    with pytest.raises(InvalidParameterError, match="'n_components' parameter"):
        GaussianizationFlowDensity(n_components=0).fit(skewed())


@pytest.mark.parametrize("mixing", ["pca", "orthogonal", "plu", "permutation", "reverse", "none"])
def test_mixings(mixing):
    model = GaussianizationFlowDensity(**SMALL, mixing=mixing, n_components=3).fit(skewed())
    Z = model.transform(skewed())
    np.testing.assert_allclose(model.inverse_transform(Z), skewed(), rtol=1e-2, atol=1e-2)
