"""DensityRatio: log ratios, weights, divergences and the test, and scikit-learn's manners."""

import pickle
from functools import cache

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import KernelDensity

import skflow
from skflow import DensityRatio, NSFDensity
from skflow.exceptions import ConvergenceWarning

METHODS = "densities", "classifier", "telescope"
SHIFT = np.array([0.8, -0.4])
ONE = GaussianMixture(1)


def tables(n_numerator=400, n_denominator=400, seed=0, shift=SHIFT, scale=1.0):
    """Draw rows of N(shift, 1) and of N(0, 1), in units of ``scale``."""
    rng = np.random.default_rng(seed)
    numerator = rng.normal(size=(n_numerator, 2)) + shift
    return scale * numerator, scale * rng.normal(size=(n_denominator, 2))


def true_log_ratio(X):
    return X @ SHIFT - SHIFT @ SHIFT / 2


def small(**settings):
    """Return a ratio that is fitted at once."""
    return DensityRatio(**{"numerator": ONE, "denominator": ONE, "random_state": 0} | settings)


@cache
def by(method):
    return small(method=method).fit(*tables())


@pytest.fixture(scope="module")
def fitted():
    """A DensityRatio of every method, the default one with small densities, and its rows."""
    return small().fit(*tables())


@pytest.fixture(scope="module")
def default():
    return DensityRatio(random_state=0).fit(*tables(200, 200))


@pytest.mark.slow
class TestDefault:
    def test_is_near_the_true_ratio(self, default):
        X = np.concatenate(tables(seed=1))
        error = default.score_samples(X) - true_log_ratio(X)
        assert np.sqrt(np.mean(error**2)) < 0.3

    def test_divergences(self, default):
        for kind in ("kl", "reverse_kl"):
            found = default.divergence(kind)
            assert abs(found.estimate - SHIFT @ SHIFT / 2) < 3 * found.standard_error + 0.03
        assert 0 < default.divergence("js").estimate < default.divergence("kl").estimate

    def test_says_what_it_tried(self, default):
        names = [row["name"] for row in default.cv_scores_]
        assert {"linear", "flow", "mixture of densities", "logistic", "trees on top"} < set(names)
        assert "telescope" not in names  # these tables are near
        assert names[-1] == "all"
        best = max(row["score"] for row in default.cv_scores_)
        assert default.cv_scores_["all"]["score"] > best - 0.01
        assert all(weight >= 0 for weight in default.weights_.values())


@pytest.mark.parametrize("method", METHODS)
class TestEveryMethod:
    def test_is_near_the_true_ratio(self, method):
        ratio = small(method=method).fit(*tables(600, 600))
        X = np.concatenate(tables(seed=1))
        error = ratio.score_samples(X) - true_log_ratio(X)
        assert np.sqrt(np.mean(error**2)) < 0.4

    def test_units_do_not_matter(self, method):
        one, other = by(method), small(method=method).fit(*tables(scale=2.0**20))
        X = tables(seed=1)[0]
        found = other.score_samples(2.0**20 * X)
        np.testing.assert_allclose(found, one.score_samples(X), atol=1e-3)

    def test_tables_that_swap_places_swap_the_sign(self, method):
        numerator, denominator = tables()
        one = by(method)
        other = small(method=method).fit(denominator, numerator)
        away = one.score_samples(numerator) + other.score_samples(numerator)
        assert abs(away.mean()) < 0.1


def test_far_tables_go_by_waymarks_too():
    ratio = small().fit(*tables(shift=np.array([8.0, 0.0])))
    assert "telescope" in ratio.weights_
    assert abs(ratio.divergence("kl").estimate - 32) < 4


class TestWeights:
    def test_have_mean_one_and_make_means_those_of_the_numerator(self, fitted):
        numerator, denominator = tables()
        weights = fitted.importance_weights(denominator, relative=0)
        assert weights.mean() == pytest.approx(1)
        assert (weights >= 0).all()
        found = np.average(denominator, axis=0, weights=weights)
        np.testing.assert_allclose(found, numerator.mean(axis=0), atol=0.3)
        assert abs(denominator.mean(axis=0)[0]) < 0.2

    def test_relative_ones_are_flatter_and_bounded(self, fitted):
        _, denominator = tables()
        plain, auto, half = (
            fitted.importance_weights(denominator, relative=a) for a in (0, "auto", 0.5)
        )
        assert 0 < fitted.relative_ < 0.2
        assert plain.max() > auto.max() > half.max()
        np.testing.assert_array_equal(np.argsort(plain), np.argsort(half))
        np.testing.assert_allclose(half, plain / (plain + 1) / np.mean(plain / (plain + 1)))
        assert auto.mean() == pytest.approx(1)

    def test_more_rows_are_flattened_less(self, fitted):
        many = small(method="classifier").fit(*tables(3_000, 3_000))
        assert many.relative_ < fitted.relative_ / 3

    def test_khat_tells_of_rows_that_are_missing(self, fitted):
        khat = fitted.khat_
        far = small().fit(*tables(200, 200, shift=np.array([5.0, 0.0]))).khat_
        assert khat < 0.7 < far

    def test_khat_of_weights_is_that_of_the_fit_for_its_own_rows(self, fitted):
        _, khat = fitted.importance_weights(tables()[1], return_khat=True)
        assert khat == pytest.approx(fitted.khat_)

    def test_rows_of_the_fit_get_their_held_out_ratio(self):
        numerator, denominator = tables(100, 100)
        narrow = KernelDensity(bandwidth=0.05)  # which finds each row of its own very likely
        ratio = small(numerator=narrow, denominator=narrow, method="densities")
        ratio.fit(numerator, denominator)
        seen = ratio.score_samples(denominator)
        weights = ratio.importance_weights(denominator)
        held_out = ratio.held_out_log_ratio_[100:]
        order = np.argsort(held_out)
        assert (np.diff(weights[order]) >= -1e-9).all()
        assert not (np.diff(weights[np.argsort(seen)]) >= -1e-9).all()

    def test_help_a_model_that_is_wrong(self):
        rng = np.random.default_rng(0)
        train, test = rng.normal(0, 1, (400, 1)), rng.normal(1.2, 0.6, (400, 1))
        y, y_test = np.sinc(train[:, 0]), np.sinc(test[:, 0])
        weights = small().fit(test, train).importance_weights(train)
        plain = LinearRegression().fit(train, y)
        weighted = LinearRegression().fit(train, y, sample_weight=weights)
        errors = [np.mean((m.predict(test) - y_test) ** 2) for m in (weighted, plain)]
        assert errors[0] < 0.5 * errors[1]


class TestTwoSampleTest:
    def test_finds_a_difference(self, fitted):
        found = fitted.two_sample_test()
        assert found.p_value < 1e-6
        assert found.interval[0] < 0.736 < found.interval[1]  # Phi(|shift| / root 2)

    def test_p_values_of_equal_tables_are_not_too_small(self):
        small_ones = 0
        for seed in range(12):
            equal = tables(100, 100, seed=seed, shift=0.0)
            small_ones += (
                small(method="densities", random_state=seed).fit(*equal).two_sample_test().p_value
                < 0.05
            )
        assert small_ones <= 3  # of 12: more have a probability of 0.2 % at 5 %


class TestManners:
    def test_clone_pickle_and_parameters(self, fitted):
        X = tables(seed=1)[0]
        again = pickle.loads(pickle.dumps(fitted))
        np.testing.assert_array_equal(again.score_samples(X), fitted.score_samples(X))
        assert clone(fitted).get_params()["method"] == "auto"
        with pytest.raises(NotFittedError):
            clone(fitted).score_samples(X)

    def test_a_seed_fits_the_same_and_leaves_the_global_state_alone(self):
        before = np.random.get_state()[1].copy()  # noqa: NPY002
        X = tables(seed=1)[0]
        one, other = (small().fit(*tables(60, 60)).score_samples(X) for _ in range(2))
        np.testing.assert_array_equal(one, other)
        np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002

    def test_rows_do_not_depend_on_those_beside_them(self, fitted):
        X = tables(seed=1)[0]
        np.testing.assert_allclose(
            fitted.score_samples(X)[:3], fitted.score_samples(X[:3]), atol=1e-6
        )

    def test_frames_keep_their_names(self):
        frames = [pd.DataFrame(X, columns=["a", "b"]) for X in tables(60, 60)]
        ratio = small(method="classifier").fit(*frames)
        assert ratio.feature_names_in_.tolist() == ["a", "b"]
        with pytest.raises(ValueError, match="feature names"):
            ratio.score_samples(frames[0][["b", "a"]])

    def test_folds_of_the_user(self):
        cv = [(np.arange(40, 120), np.arange(40))]
        with pytest.raises(ValueError, match="no row was held out"):
            small(cv=cv, method="classifier").fit(*tables(40, 80))
        ratio = small(cv=[(None, np.r_[0:20, 40:80]), (None, np.r_[20:40, 80:120])])
        ratio.fit(*tables(40, 80))
        assert ratio.fold_[:20].tolist() == [0] * 20
        assert np.isfinite(ratio.held_out_log_ratio_).all()

    def test_a_limit_of_time_leaves_the_flow_out(self):
        with pytest.warns(ConvergenceWarning, match="the density flow"):
            ratio = DensityRatio(max_seconds=1e-3, random_state=0).fit(*tables(50, 50))
        assert "flow" not in ratio.weights_

    def test_repeated_values(self):
        numerator, denominator = (np.round(X) for X in tables())
        ratio = small(method="densities").fit(numerator, denominator)
        assert np.isfinite(ratio.score_samples(numerator)).all()

    def test_densities_of_two_makes(self):
        flow = NSFDensity(n_layers=1, hidden_features=(8,), max_epochs=2)
        ratio = small(method="densities", numerator=flow).fit(*tables(60, 60))
        assert list(ratio.weights_) == ["densities", "mixture of densities"]


class TestErrors:
    def test_other_columns(self):
        numerator, denominator = tables(20, 20)
        with pytest.raises(ValueError, match="X has 1 features, but DensityRatio"):
            small().fit(numerator, denominator[:, :1])
        first = pd.DataFrame(numerator, columns=["a", "b"])
        second = pd.DataFrame(denominator, columns=["a", "c"])
        with pytest.raises(ValueError, match="X_numerator and X_denominator must have the same"):
            small().fit(first, second)

    def test_one_row(self):
        numerator, denominator = tables(20, 20)
        with pytest.raises(ValueError, match="X_denominator has n_samples = 1"):
            small().fit(numerator, denominator[:1])

    def test_a_density_that_declares_what_the_ratio_prepares(self):
        declared = NSFDensity(support={0: (0, None)})
        with pytest.raises(ValueError, match="pass support and resolution to the ratio"):
            small(numerator=declared).fit(*tables(20, 20))

    def test_kinds_of_divergences(self, fitted):
        with pytest.raises(ValueError, match="kind must be one of 'kl', 'reverse_kl', 'js'"):
            fitted.divergence("tv")

    @pytest.mark.parametrize("relative", [1.0, -0.1, "half", np.nan])
    def test_a_share_that_is_none(self, fitted, relative):
        with pytest.raises(ValueError, match="relative must be"):
            fitted.importance_weights(tables()[1], relative=relative)

    def test_a_method_that_is_none(self):
        with pytest.raises(ValueError, match="method"):
            small(method="kernels").fit(*tables(20, 20))


def test_is_public():
    assert skflow.DensityRatio is DensityRatio
