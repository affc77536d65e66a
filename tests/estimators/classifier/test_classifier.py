"""FlowClassifier: scikit-learn's contract, Bayes' rule, and rows of none of the classes."""

import pickle

import numpy as np
import pytest
from scipy.stats import multivariate_normal
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.metrics import log_loss
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.neighbors import KernelDensity
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import skflow
from skflow import FlowClassifier, GlowDensity, NSFDensity
from skflow.exceptions import ConvergenceWarning

TINY = NSFDensity(n_layers=1, hidden_features=(8,), max_epochs=3, base="normal")
TINY.set_params(preprocessing="standardize")
ONE = GaussianMixture(1)
# weights choose folds by rows, as they do in scikit-learn's forests
UNEQUAL = {
    "check_sample_weight_equivalence_on_dense_data": (
        "rows that are held out are drawn, so that a weight of 2 is not a row twice"
    )
}
MEANS = np.array([[0.0, 0.0], [2.5, 0.0], [0.0, 3.0]])


def rows(n=240, seed=0, means=MEANS):
    """Draw X (n, 2) of unit Gaussians around the means, and labels."""
    rng = np.random.default_rng(seed)
    code = np.arange(n) % len(means)
    return 100 + 10 * (means[code] + rng.normal(size=(n, 2))), np.array(list("abc"))[code]


def true_log_density(X):
    parts = [multivariate_normal(100 + 10 * mean, 100).pdf(X) for mean in MEANS]
    return np.log(np.mean(parts, axis=0))


@pytest.fixture(scope="module")
def fitted():
    return FlowClassifier(density=ONE, random_state=0).fit(*rows())


@pytest.fixture(scope="module")
def default():
    return FlowClassifier(random_state=0).fit(*rows())


@parametrize_with_checks(
    [
        FlowClassifier(density=KernelDensity()),
        FlowClassifier(density=KernelDensity(), calibrate=False),
    ],
    # without a pool all that folds choose is the weight of the one density, which is 1
    expected_failed_checks=lambda estimator: UNEQUAL if estimator.calibrate else {},
)
def test_sklearns_checks(estimator, check):
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks(
    [FlowClassifier(), FlowClassifier(density=TINY)], expected_failed_checks=lambda _: UNEQUAL
)
def test_sklearns_checks_of_the_default_and_of_a_flow(estimator, check):
    check(estimator)


class TestDefault:
    def test_probabilities_are_about_as_good_as_the_true_ones(self, default):
        X, y = rows(600, seed=1)
        log_p = np.column_stack([-0.5 * ((X - 100 - 10 * m) ** 2).sum(1) / 100 for m in MEANS])
        true = np.exp(log_p) / np.exp(log_p).sum(axis=1, keepdims=True)
        assert log_loss(y, default.predict_proba(X)) < log_loss(y, true) + 0.03

    def test_the_density_is_about_the_true_one(self, default):
        X, _ = rows(600, seed=1)
        assert default.score_samples(X).mean() > true_log_density(X).mean() - 0.08

    def test_the_density_integrates_to_one(self, default):
        axis = np.linspace(40, 190, 151)
        grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
        assert np.exp(default.score_samples(grid)).sum() == pytest.approx(1, abs=0.01)

    def test_a_class_left_out_is_found_and_false_alarms_are_few(self, default):
        known, new = rows(900, seed=1)[0], rows(200, seed=1, means=np.array([[8.0, 8.0]]))[0]
        assert (default.novelty_p_values(new) <= 0.05).mean() > 0.95
        assert 0.01 < (default.novelty_p_values(known) <= 0.05).mean() < 0.085

    def test_what_it_keeps(self, default):
        weights = default.mixture_weights_
        assert sum(weights.values()) == pytest.approx(1)
        assert (
            set(weights) == set(default.pool_weights_) == {r["name"] for r in default.cv_scores_}
        )
        assert np.bincount(default.fold_).tolist() == [48] * 5
        np.testing.assert_allclose(default.held_out_proba_.sum(axis=1), 1)
        assert np.isfinite(default.held_out_scores_).all()

    def test_pickles_and_files_answer_alike(self, default, tmp_path):
        X, _ = rows(20, seed=1)
        default.save(tmp_path / "classifier.safetensors")
        for again in (
            pickle.loads(pickle.dumps(default)),
            skflow.load(tmp_path / "classifier.safetensors"),
        ):
            for ask in ("predict", "predict_proba", "score_samples", "novelty_p_values"):
                np.testing.assert_array_equal(getattr(again, ask)(X), getattr(default, ask)(X))


class TestBayes:
    def test_plain_rule(self):
        X, y = rows()
        model = FlowClassifier(density=ONE, calibrate=False, random_state=0).fit(X, y)
        joint = model.class_score_samples(X) + np.log(model.priors_)
        total = np.logaddexp.reduce(joint, axis=1)
        np.testing.assert_allclose(model.score_samples(X), total)
        np.testing.assert_allclose(model.predict_proba(X), np.exp(joint - total[:, None]))
        assert model.pool_weights_ is None

    def test_densities_are_in_the_units_of_the_rows(self, fitted):
        X, y = rows()
        ten = FlowClassifier(density=ONE, random_state=0).fit(10 * X, y)
        np.testing.assert_allclose(
            ten.score_samples(10 * X), fitted.score_samples(X) - 2 * np.log(10), rtol=1e-6
        )
        np.testing.assert_allclose(ten.predict_proba(10 * X), fitted.predict_proba(X), atol=1e-6)

    def test_priors(self):
        X, y = rows()
        model = FlowClassifier(density=ONE, priors=[0.0, 0.5, 0.5], random_state=0).fit(X, y)
        np.testing.assert_array_equal(model.predict_proba(X)[:, 0], 0)
        assert np.isfinite(model.score_samples(X)).all()
        np.testing.assert_allclose(model.shares_, 1 / 3)

    @pytest.mark.parametrize("priors", [[0.5, 0.5], [0.5, 0.6, -0.1], [1.0, 1.0, 1.0]])
    def test_bad_priors(self, priors):
        with pytest.raises(ValueError, match=r"3 probabilities with sum 1, .*\['a', 'b', 'c'\]"):
            FlowClassifier(density=ONE, priors=priors).fit(*rows())

    def test_decision_function(self, fitted):
        X, y = rows()
        np.testing.assert_allclose(fitted.decision_function(X), fitted.predict_log_proba(X))
        two = FlowClassifier(density=ONE, random_state=0).fit(X, y == "a")
        odds = two.predict_log_proba(X)
        np.testing.assert_allclose(two.decision_function(X), odds[:, 1] - odds[:, 0])


class TestDensities:
    def test_a_flow_is_fitted_once_given_the_class(self):
        X, y = rows()
        model = FlowClassifier(density=TINY, random_state=0).fit(X, y)
        ((_, densities),) = model.mixture_.parts
        assert densities.part.n_context_ == 3
        assert len(model.fold_mixtures_) == len(densities.part._members()) == 5
        assert model.score(X, y) > 0.8

    @pytest.mark.parametrize("density", [ONE, KernelDensity(bandwidth=0.3)])
    def test_any_other_has_a_clone_for_each_class(self, density):
        X, y = rows()
        model = FlowClassifier(density=density, random_state=0).fit(X, y)
        ((_, densities),) = model.mixture_.parts
        assert len(densities.parts) == 3
        assert model.score(X, y) > 0.85

    def test_images_of_integers_are_seen_as_they_are(self):
        rng = np.random.default_rng(0)
        y = np.arange(40) % 2
        X = rng.integers(0, 2, size=(40, 16)) + y[:, None]
        glow = GlowDensity(
            image_shape=(1, 4, 4), levels=3, n_layers=1, hidden_features=(4, 4), max_epochs=2
        )
        model = FlowClassifier(density=glow, cv=2, random_state=0).fit(X, y)
        assert model.views_.maps == {}
        assert (model.score_samples(X) < 0).all()  # log probabilities

    def test_what_the_classifier_declares_the_density_may_not(self):
        flow = clone(TINY).set_params(support={0: (0, None)})
        with pytest.raises(ValueError, match="pass support and resolution to the classifier"):
            FlowClassifier(density=flow).fit(*rows())

    def test_support(self):
        X, y = rows()
        X = np.exp((X - 100) / 20)
        model = FlowClassifier(density=ONE, support={0: (0, None)}, random_state=0).fit(X, y)
        outside = np.array([[-1.0, 1.0]])
        assert model.score_samples(outside) == -np.inf
        assert model.novelty_p_values(outside) == pytest.approx(1 / 241)
        assert model.predict_proba(outside).sum() == pytest.approx(1)

    def test_weights_that_a_density_does_not_take(self):
        X, y = rows()
        with pytest.raises(ValueError, match="GaussianMixture takes none"):
            FlowClassifier(density=ONE).fit(X, y, np.linspace(1, 2, len(y)))

    def test_equal_weights_are_none(self):
        X, y = rows()
        model = FlowClassifier(density=ONE, random_state=0).fit(X, y, np.full(len(y), 0.1))
        plain = FlowClassifier(density=ONE, random_state=0).fit(X, y)
        np.testing.assert_allclose(model.predict_proba(X), plain.predict_proba(X))

    def test_weights_of_whole_classes_are_their_shares(self):
        X, y = rows()
        weight = np.where(y == "a", 3.0, 1.0)
        model = FlowClassifier(density=ONE, random_state=0).fit(X, y, weight)
        np.testing.assert_allclose(model.shares_[0], weight[y == "a"].sum() / weight.sum())


class TestFewRows:
    @pytest.mark.parametrize("n_rare", [1, 2, 3])
    def test_a_rare_class(self, n_rare):
        X, y = rows(120)
        kept = np.concatenate([np.flatnonzero(y != "c"), np.flatnonzero(y == "c")[:n_rare]])
        model = FlowClassifier(random_state=0, cv=3, max_seconds=1e-9)
        with pytest.warns(ConvergenceWarning, match="the density flow"):
            model.fit(X[kept], y[kept])
        assert model.predict([[100, 130]]) in ("c", "a")
        assert model.predict_proba(X).shape == (120, 3)
        assert np.isfinite(model.class_score_samples(X)).all()
        assert (model.fold_[y[kept] == "c"] == -1).all() == (n_rare == 1)

    def test_a_row_for_each_class(self):
        X, y = MEANS, np.arange(3)
        model = FlowClassifier(density=KernelDensity(), random_state=0).fit(X, y)
        np.testing.assert_array_equal(model.predict(X), y)
        with pytest.raises(ValueError, match="no class has two rows"):
            model.novelty_p_values(X)

    def test_one_class(self):
        X, _ = rows(90)
        model = FlowClassifier(density=ONE, random_state=0).fit(X, np.zeros(90))
        np.testing.assert_array_equal(model.predict_proba(X), 1)
        assert (model.novelty_p_values(X + 1000) <= 0.05).all()


class TestWeightsAndFolds:
    def test_weight_0_leaves_rows_and_classes_out(self):
        X, y = rows()
        weight = np.where(y == "c", 0.0, 2.0)
        model = FlowClassifier(density=KernelDensity(), random_state=0)
        some = clone(model).fit(X[y != "c"], y[y != "c"])
        model.fit(X, y, weight)
        assert model.classes_.tolist() == ["a", "b"]
        np.testing.assert_allclose(model.predict_proba(X), some.predict_proba(X))
        np.testing.assert_array_equal(model.fold_ == -1, y == "c")
        assert np.isnan(model.held_out_proba_[y == "c"]).all()

    def test_folds_that_are_passed(self):
        X, y = rows()
        splitter = StratifiedKFold(3)
        models = [
            FlowClassifier(density=ONE, cv=cv, random_state=0).fit(X, y)
            for cv in (splitter, list(splitter.split(X, y)))
        ]
        np.testing.assert_array_equal(models[0].fold_, models[1].fold_)
        assert models[0].fold_.max() == 2

    def test_long_tables_hold_two_tenths_out(self):
        X, y = rows(6_000)
        fold = FlowClassifier(density=ONE, random_state=0).fit(X, y).fold_
        assert np.bincount(fold + 1).tolist() == [4_800, 600, 600]


def test_ties_are_those_of_all_classes():
    X, y = load_iris(return_X_y=True)  # in steps of 0.1, and petals of the first kind vary little
    model = FlowClassifier(density=ONE, random_state=0).fit(X[:, [3, 2]], y)
    assert set(model.views_.observation.dequantized) == {0, 1}
    assert model.score(X[:, [3, 2]], y) > 0.94


def test_in_a_pipeline_and_a_search():
    X, y = rows()
    pipeline = make_pipeline(StandardScaler(), FlowClassifier(density=ONE, random_state=0))
    grid = {"flowclassifier__density__n_components": [1, 2]}
    search = GridSearchCV(pipeline, grid, scoring="neg_log_loss", cv=2).fit(X, y)
    assert search.best_score_ > -0.5


def test_equal_seeds_and_side_by_side_are_equal_fits():
    X, y = rows()
    first, second = (
        FlowClassifier(density=KernelDensity(), random_state=3, n_jobs=n).fit(X, y) for n in (1, 2)
    )
    np.testing.assert_array_equal(first.predict_proba(X), second.predict_proba(X))


def test_no_labels_and_not_fitted():
    X, y = rows()
    with pytest.raises(ValueError, match="requires y to be passed"):
        FlowClassifier().fit(X, None)
    with pytest.raises(NotFittedError):
        FlowClassifier().predict(X)


def test_it_tells_what_it_fits(capsys):
    FlowClassifier(density=ONE, verbose=1).fit(*rows())
    assert "FlowClassifier, " in (told := capsys.readouterr().out)
    assert " s: density: fitted in " in told
