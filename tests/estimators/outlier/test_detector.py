"""The outlier detector: scikit-learn's contract, scores, thresholds, p-values."""

import pickle
import re
import time
from functools import partial

import numpy as np
import pandas as pd
import pytest
from scipy.stats import false_discovery_control, kstwobign
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import KFold
from sklearn.neighbors import KernelDensity
from sklearn.pipeline import make_pipeline
from sklearn.utils._param_validation import InvalidParameterError
from sklearn.utils.estimator_checks import parametrize_with_checks

import skflow
from skflow import (
    FlowOutlierDetector,
    MAFDensity,
    NSFDensity,
    RealNVPDensity,
    StackedDensity,
)
from skflow.estimators.outlier._conformal import (
    RandomFolds,
    cross_conformal_p_values,
    rank_table,
    threshold,
)
from tests.estimators.outlier.detectors import GAUSSIAN, KERNEL, SMALL, quick, rows
from tests.estimators.stack.toys import Interrupted, Slow
from tests.test_docs import documented_names, sections

SCORES = ("density", "typicality", "latent")
every_score = pytest.mark.parametrize("score", SCORES)


@pytest.mark.slow  # the two below stand for it: its scores, and its contamination
@parametrize_with_checks([FlowOutlierDetector(cv=2)])
def test_sklearns_checks_of_the_default(estimator, check):
    check(estimator)


@parametrize_with_checks(
    [
        FlowOutlierDetector(contamination=0.2, cv=2),
        FlowOutlierDetector(MAFDensity(**SMALL, n_members=1, max_epochs=2), score="latent", cv=2),
    ]
)
def test_sklearns_checks(estimator, check):
    check(estimator)


class TestParameters:
    def test_estimator_is_positional_and_nothing_else(self):
        assert FlowOutlierDetector(GAUSSIAN).estimator is GAUSSIAN
        with pytest.raises(TypeError, match="positional"):
            FlowOutlierDetector(GAUSSIAN, 0.1)

    def test_nested_parameters(self):
        model = FlowOutlierDetector(StackedDensity([("kernel", clone(KERNEL))]))
        model.set_params(estimator__kernel__bandwidth="scalar", score="typicality")
        copy = clone(model)
        assert copy.get_params()["estimator__kernel__bandwidth"] == "scalar"
        assert copy.get_params()["score"] == "typicality"
        assert copy.estimator is not model.estimator
        assert set(model.get_params(deep=False)) == {
            "estimator",
            "contamination",
            "score",
            "cv",
            "max_seconds",
            "n_jobs",
            "random_state",
            "verbose",
        }

    def test_repr(self):
        assert repr(FlowOutlierDetector()) == "FlowOutlierDetector()"
        text = repr(FlowOutlierDetector(score="latent", cv=3))
        assert text == "FlowOutlierDetector(cv=3, score='latent')"

    def test_score_is_no_attribute_since_it_is_no_method(self):
        model = FlowOutlierDetector(score="latent")
        assert not hasattr(model, "score")
        with pytest.raises(AttributeError, match=r"get_params\(\)\['score'\]"):
            model.score(rows(10))

    @pytest.mark.parametrize(
        "wrong",
        [
            {"score": "likelihood"},
            {"contamination": 0.0},
            {"contamination": 0.6},
            {"contamination": "legacy"},
            {"cv": 1},
            {"max_seconds": 0},
            {"estimator": PCA(1).set_output},
        ],
        ids=str,
    )
    def test_wrong_values(self, wrong):
        with pytest.raises(ValueError, match=f"The '{next(iter(wrong))}' parameter"):
            FlowOutlierDetector(**wrong).fit(rows(30))

    @pytest.mark.parametrize("n_members", [1, 3])
    def test_wrong_parameters_inside_are_named(self, n_members):
        flow = MAFDensity(n_members=n_members, weight_decay=-5.0)
        for estimator in (flow, make_pipeline(PCA(2), flow), StackedDensity([("flow", flow)])):
            with pytest.raises(InvalidParameterError, match="The 'weight_decay' parameter"):
                FlowOutlierDetector(estimator).fit(rows(30))

    def test_fit_changes_no_parameter(self):
        model = quick()
        before = model.get_params()
        model.fit(rows(40))
        assert model.get_params() == before
        assert not hasattr(model.estimator, "means_")

    def test_malignant_tumours_are_told_from_benign_ones(self):
        X, kind = load_breast_cancer(return_X_y=True)
        benign, malignant = X[kind == 1], X[kind == 0]
        detector = FlowOutlierDetector(random_state=0).fit(benign[:200])
        assert (detector.predict(benign[200:]) == -1).mean() < 0.05
        p_values = detector.p_values(np.concatenate([benign[200:], malignant]))
        alarms = false_discovery_control(p_values) <= 0.1
        assert alarms[: len(benign) - 200].mean() < 0.15
        assert alarms[len(benign) - 200 :].mean() > 0.65

    def test_docstring_explains_parameters_and_attributes(self):
        found = sections(FlowOutlierDetector.__doc__)
        assert documented_names(found["Parameters"]) == set(FlowOutlierDetector().get_params())
        named = quick().fit(pd.DataFrame(rows(40), columns=list("abc")))
        fitted = {name for name in vars(named) if name.endswith("_") and name[0] != "_"}
        assert documented_names(found["Attributes"]) == fitted


class TestContract:
    @every_score
    def test_methods_agree(self, score):
        X, new = rows(60), rows(30, seed=1)
        model = quick(score).fit(X)
        scores = model.score_samples(new)
        np.testing.assert_array_equal(model.decision_function(new), scores - model.offset_)
        np.testing.assert_array_equal(model.predict(new), np.where(scores < model.offset_, -1, 1))
        np.testing.assert_array_equal(model.predict(X), clone(model).fit_predict(X))

    @every_score
    def test_larger_is_more_normal(self, score):
        model = quick(score).fit(rows(300))
        outliers = rows(20, seed=1) + 100
        assert model.score_samples(outliers).max() < model.held_out_scores_.min()
        assert (model.predict(outliers) == -1).all()
        assert (model.predict(rows(200, seed=1)) == 1).mean() > 0.95
        np.testing.assert_allclose(model.p_values(outliers), 1 / 301)

    @every_score
    def test_the_scores_are_what_they_are_called(self, score):
        X, new = rows(60), rows(30, seed=1)
        model = quick(score).fit(X)
        log_density = model.density_.score_samples(new)
        z = model.density_.estimators_[0].transform(new) if score == "latent" else None
        expected = {
            "density": lambda: log_density,
            "typicality": lambda: -np.abs(log_density + model.entropy_),
            "latent": lambda: -0.5 * (z**2).sum(axis=1),
        }[score]()
        np.testing.assert_allclose(model.score_samples(new), expected)
        held = model.density_.held_out_scores_
        assert model.entropy_ == pytest.approx(-held[~np.isnan(held)].mean())

    def test_pickle_and_seed(self):
        X, new = rows(60), rows(30, seed=1)
        first, second = (
            FlowOutlierDetector(MAFDensity(**SMALL, max_epochs=2), random_state=0).fit(X)
            for _ in range(2)
        )
        for other in (pickle.loads(pickle.dumps(first)), second):
            np.testing.assert_array_equal(other.score_samples(new), first.score_samples(new))
            np.testing.assert_array_equal(other.p_values(new), first.p_values(new))
            assert other.offset_ == first.offset_

    def test_column_names(self):
        table = pd.DataFrame(rows(60), columns=["age", "income", "size"])
        model = quick().fit(table)
        assert list(model.feature_names_in_) == list(table.columns)
        np.testing.assert_allclose(
            model.score_samples(table), quick().fit(rows(60)).score_samples(rows(60))
        )
        for method in (model.predict, model.p_values):
            with pytest.raises(ValueError, match="feature names should match"):
                method(table[["size", "income", "age"]])

    def test_a_fit_to_named_columns_warns_of_nothing(self):
        table = pd.DataFrame(rows(60), columns=["age", "income", "size"])
        model = quick(contamination=0.1).fit(table)
        assert (model.predict(table) == -1).sum() == 6

    def test_bad_rows_are_named(self):
        X = rows(60)
        X[3, 1] = np.nan
        with pytest.raises(ValueError, match="column 1 has 1 NaN value in row 3"):
            quick().fit(X)
        model = quick().fit(rows(60))
        for method in (model.score_samples, model.predict, model.p_values):
            with pytest.raises(ValueError, match="column 1 has 1 NaN value in row 3"):
                method(X)

    def test_at_the_end_of_a_pipeline(self):
        X = rows(60, 4)
        pipeline = make_pipeline(PCA(2), quick(contamination=0.1))
        labels = pipeline.fit_predict(X)
        assert (labels == -1).sum() == 6
        np.testing.assert_array_equal(pipeline.predict(X), labels)
        np.testing.assert_array_equal(pipeline.decision_function(X) >= 0, labels == 1)

    def test_too_few_rows(self):
        with pytest.raises(ValueError, match="2 samples.* needs at least 3"):
            FlowOutlierDetector().fit(rows(2))
        assert FlowOutlierDetector(random_state=0).fit(rows(3)).predict(rows(3)).shape == (3,)

    def test_too_few_rows_that_differ(self):
        with pytest.raises(ValueError, match="too few that differ"):
            FlowOutlierDetector(StackedDensity([("kernel", KERNEL)])).fit(np.ones((5, 2)))

    def test_verbose(self, capsys):
        quick(verbose=1).fit(rows(60))
        told = capsys.readouterr().out
        assert re.search(r"gaussianmixture: held-out log density \S+ nats a row, \S+ s\n", told)
        assert told.startswith("FlowOutlierDetector, 0.0 s: reading the ndarray of shape (60, ")
        quick().fit(rows(60))
        assert not capsys.readouterr().out

    def test_saved_and_loaded(self, tmp_path):
        X = rows(120)
        for contamination in ("auto", 0.1):
            model = FlowOutlierDetector(contamination=contamination, random_state=0).fit(X)
            model.save(tmp_path / "detector.safetensors")
            again = skflow.load(tmp_path / "detector.safetensors")
            for method in ("score_samples", "p_values", "explain", "predict"):
                np.testing.assert_array_equal(
                    getattr(again, method)(X[:9]), getattr(model, method)(X[:9])
                )

    @pytest.mark.parametrize("scale", [1e-300, 1e300])
    def test_columns_in_any_unit(self, scale):
        plain, scaled = (
            FlowOutlierDetector(random_state=0).fit(X) for X in (rows(60), scale * rows(60))
        )
        np.testing.assert_allclose(
            scaled.score_samples(scale * rows(9)), plain.score_samples(rows(9)), rtol=1e-9
        )
        far = np.array([[1.7e308, -1.7e308, 0.0]])
        assert scaled.predict(far) == -1

    def test_unfitted(self):
        model = FlowOutlierDetector()
        for method in (model.score_samples, model.decision_function, model.p_values):
            with pytest.raises(NotFittedError, match="FlowOutlierDetector instance is not fitted"):
                method(rows(3))


class TestRefits:
    def test_a_failed_refit_keeps_the_old_fit(self):
        model = quick().fit(rows(60))
        before = vars(model).copy()
        with pytest.raises(ValueError, match="least 3"):
            model.fit(rows(2, d=1))
        assert vars(model) == before
        np.testing.assert_array_equal(
            model.predict(rows(20)), quick().fit(rows(60)).predict(rows(20))
        )

    def test_an_interrupted_stack_is_calibrated(self):
        pairs = [("kernel", KERNEL), ("late", Interrupted())]
        with pytest.warns(ConvergenceWarning, match="late: the fit was interrupted"):
            model = FlowOutlierDetector(StackedDensity(pairs, cv=3), random_state=0).fit(rows(60))
        whole = FlowOutlierDetector(StackedDensity(pairs[:1], cv=3), random_state=0).fit(rows(60))
        np.testing.assert_array_equal(model.p_values(rows(20)), whole.p_values(rows(20)))
        assert model.offset_ == whole.offset_

    def test_too_little_time_is_enough_for_one_density(self):
        pairs = [("one", Slow()), ("two", Slow())]
        detector = FlowOutlierDetector(StackedDensity(pairs, cv=2), max_seconds=0.1)
        start = time.perf_counter()
        with pytest.warns(ConvergenceWarning, match="two: max_seconds was over"):
            detector.fit(rows(60))
        assert time.perf_counter() - start < 2
        assert list(detector.density_.named_estimators_) == ["one"]

    def test_too_little_time_leaves_rows_for_the_threshold(self):
        detector = quick(contamination=0.1, max_seconds=0.01)
        with pytest.warns(ConvergenceWarning, match="2000 of 3000 rows that offset_ should come"):
            detector.fit(rows(3_000))
        assert 0.07 < (detector.predict(rows(3_000)) == -1).mean() < 0.13


class TestEstimators:
    @pytest.mark.parametrize(
        "estimator",
        [
            None,
            KernelDensity(bandwidth=0.5),
            GaussianMixture(2, random_state=0),
            RealNVPDensity(**SMALL, max_epochs=3),
            make_pipeline(PCA(2), KERNEL),
            StackedDensity([("kernel", KERNEL), ("gaussian", GAUSSIAN)], cv=3),
        ],
        ids=lambda estimator: type(estimator).__name__,
    )
    def test_any_density(self, estimator):
        model = FlowOutlierDetector(estimator, random_state=0).fit(rows(150))
        assert isinstance(model.density_, StackedDensity)
        far = rows(5, seed=1) + 50
        assert (model.predict(far) == -1).all()
        assert (model.p_values(far) < 0.01).all()
        assert (model.predict(rows(100, seed=1)) == 1).mean() > 0.9

    def test_a_stack_keeps_its_settings(self):
        stack = StackedDensity([("kernel", KERNEL)], cv=3, random_state=7)
        model = FlowOutlierDetector(stack, cv=10, random_state=0).fit(rows(60))
        assert len(model.density_.fold_mixtures_) == 3
        assert model.density_.random_state == 7
        assert not hasattr(stack, "mixture_")
        open_stack = StackedDensity([("kernel", KERNEL)])
        seeded = FlowOutlierDetector(open_stack, random_state=0).fit(rows(60))
        assert seeded.density_.random_state == 0
        assert open_stack.random_state is None

    @pytest.mark.parametrize("cv", [2, KFold(4), list(KFold(3).split(rows(60)))], ids=str)
    def test_folds(self, cv):
        model = quick(cv=cv).fit(rows(60))
        assert len(model.density_.fold_mixtures_) == {int: 2, KFold: 4, list: 3}[type(cv)]
        fold = model.density_.fold_
        for k, mixture in enumerate(model.density_.fold_mixtures_):
            np.testing.assert_allclose(
                model.held_out_scores_[fold == k], mixture.score_samples(rows(60)[fold == k])
            )

    @pytest.mark.parametrize(("n", "n_folds"), [(3, 3), (23, 5), (5000, 5), (5001, 2)])
    def test_random_folds(self, n, n_folds):
        splits = list(RandomFolds(5, seed=0).split(np.empty((n, 2))))
        assert len(splits) == n_folds
        for train, test in splits:
            np.testing.assert_array_equal(np.sort(np.append(train, test)), np.arange(n))
        held = np.concatenate([test for _, test in splits])
        assert len(np.unique(held)) == len(held) == (n if n <= 5000 else 1000)

    def test_latent_by_default_is_a_flow_with_a_normal_base(self, monkeypatch):
        short = partial(NSFDensity, n_layers=1, n_members=2, max_epochs=1)
        monkeypatch.setattr("skflow.estimators.outlier._parts.NSFDensity", short)
        model = FlowOutlierDetector(score="latent", random_state=0).fit(rows(40))
        (flow,) = model.density_.estimators_
        assert isinstance(flow, NSFDensity)
        assert flow.base == "normal"

    def test_latent_needs_one_estimator_with_latents(self):
        for estimator in (GAUSSIAN, make_pipeline(PCA(2), KernelDensity())):
            with pytest.raises(ValueError, match="needs a single estimator with a transform"):
                FlowOutlierDetector(estimator, score="latent").fit(rows(30))
        pair = [("a", KERNEL), ("b", NSFDensity())]
        with pytest.raises(ValueError, match=r"StackedDensity are \['a', 'b'\]"):
            FlowOutlierDetector(StackedDensity(pair), score="latent").fit(rows(30))
        with pytest.raises(ValueError, match="StackedDensity are 'auto'"):
            FlowOutlierDetector(StackedDensity(), score="latent").fit(rows(30))

    @every_score
    def test_outside_a_declared_support(self, score):
        X = np.exp(rows(80))
        flow = MAFDensity(**SMALL, max_epochs=2, support={0: (0, None)})
        model = FlowOutlierDetector(flow, score=score, random_state=0).fit(X)
        new = X[:2] * [[-1, 1, 1], [1, 1, 1]]
        scores = model.score_samples(new)
        assert scores[0] == -np.inf
        assert np.isfinite(scores[1])
        assert model.predict(new).tolist() == [-1, 1]
        assert model.p_values(new)[0] == pytest.approx(1 / 81)


class TestThreshold:
    def test_auto_flags_one_in_a_hundred_new_rows(self):
        shares = [
            (quick(random_state=seed).fit(rows(400, seed=seed)).predict(rows(2000, seed=9)) < 0)
            for seed in range(5)
        ]
        assert 0.005 < np.mean(shares) < 0.02

    @pytest.mark.parametrize("contamination", [0.01, 0.1, 0.123, 0.5])
    def test_a_number_is_the_share_of_training_rows(self, contamination):
        flagged = quick(contamination=contamination).fit_predict(rows(300)) == -1
        assert flagged.sum() == int(300 * contamination)

    def test_exact_counts_and_ties(self):
        scores = np.array([5.0, 1.0, 2.0, 2.0, 4.0])
        assert [(scores < threshold(scores, q)).sum() for q in (0, 0.2, 0.4, 0.6, 0.8)] == [
            0,
            1,
            1,
            3,
            4,
        ]
        assert threshold(np.ones(4), 0.5) == 1.0

    def test_weights_repeat_rows(self):
        scores = np.array([5.0, 1.0, 2.0, 7.0, 0.0])
        weight = np.array([2, 1, 3, 1, 0])
        for q in (0.1, 0.2, 0.5):
            repeated = threshold(scores.repeat(weight), q)
            assert threshold(scores, q, weight) == repeated
            assert threshold(scores, q, 0.3 * weight) == repeated


def deviation(p_values):
    """Largest distance between the distribution of the p-values and the uniform one."""
    p = np.sort(p_values)
    steps = np.arange(len(p) + 1) / len(p)
    return max((steps[1:] - p).max(), (p - steps[:-1]).max())


class TestPValues:
    """Uniform on new normal rows.

    p-values are ranks among n held-out rows, so those of m new rows deviate from uniform by as
    much as two samples of n and m rows differ (Kolmogorov-Smirnov): with 800 and 1,500 rows by
    0.085 at level 1e-3, and on average over seeds by much less.
    """

    n, m = 800, 1500

    def check(self, estimator, score, d=4, bound=0.085):
        new = rows(self.m, d, seed=1)
        p = FlowOutlierDetector(estimator, score=score, random_state=0).fit(rows(self.n, d))
        p = p.p_values(new)
        assert deviation(p) < bound
        effective = self.n * self.m / (self.n + self.m)
        assert kstwobign.sf(deviation(p) * np.sqrt(effective)) > 1e-3
        assert 0.03 < (p <= 0.05).mean() < 0.075

    @pytest.mark.parametrize(
        "score", ["density", "typicality", pytest.param("latent", marks=pytest.mark.slow)]
    )
    def test_uniform_for_the_default(self, score):
        self.check(None, score)

    @pytest.mark.parametrize("score", ["density", "typicality"])
    def test_uniform_for_a_mixture(self, score):
        self.check(GaussianMixture(2, random_state=0), score)

    @every_score
    def test_uniform_for_a_flow(self, score):
        flow = MAFDensity(**{**SMALL, "n_layers": 2, "hidden_features": (16,)}, max_epochs=15)
        self.check(flow, score)

    def test_uniform_where_the_fit_is_poor(self):
        # 40 columns and 100 rows: training rows score far higher than new ones
        X, new = rows(100, 40), rows(self.m, 40, seed=1)
        kernels = FlowOutlierDetector(KernelDensity(bandwidth=1.0)).fit(X)
        gap = kernels.score_samples(X).mean() - kernels.score_samples(new).mean()
        assert gap > 20
        p = kernels.p_values(new)
        assert kstwobign.sf(deviation(p) * np.sqrt(100 * self.m / (100 + self.m))) > 1e-3

    def test_uniform_for_rows_that_repeat(self):
        # as in a bootstrap sample: new rows equal training rows as often as held-out rows do
        pool, rng = rows(150), np.random.default_rng(0)
        X, new = pool[rng.integers(0, 150, 600)], pool[rng.integers(0, 150, self.m)]
        p = FlowOutlierDetector(KERNEL, random_state=0).fit(X).p_values(new)
        assert 0.03 < (p <= 0.05).mean() < 0.075
        assert 0.4 < (p <= 0.5).mean() < 0.6

    @every_score
    def test_centred_and_as_often_small_as_they_should_be(self, score):
        p = np.concatenate(
            [
                quick(score, random_state=seed)
                .fit(rows(200, seed=seed))
                .p_values(rows(400, seed=100 + seed))
                for seed in range(12)
            ]
        )
        # one table of 200 rows moves the mean by 0.29 / sqrt(200), twelve by 0.006
        assert p.mean() == pytest.approx(0.5, abs=0.025)
        for level in (0.05, 0.2):
            assert (p <= level).mean() == pytest.approx(level, abs=0.35 * level)

    def test_values(self):
        model = quick().fit(rows(60))
        new = rows(50, seed=1)
        fold = model.density_.fold_
        below = np.zeros(len(new))
        for k, mixture in enumerate(model.density_.fold_mixtures_):
            below += (
                model.held_out_scores_[fold == k][:, None] <= mixture.score_samples(new)
            ).sum(0)
        np.testing.assert_allclose(model.p_values(new), (1 + below) / 61)

    def test_tables_by_hand(self):
        tables = [
            rank_table(np.array([3.0, 1.0]), np.ones(2)),
            rank_table(np.array([2.0]), np.ones(1)),
        ]
        scores = [np.array([0.0, 1.0, 9.0]), np.array([0.0, 2.5, 9.0])]
        np.testing.assert_allclose(cross_conformal_p_values(tables, scores), [1 / 4, 3 / 4, 1])

    def test_false_discoveries(self):
        model = quick().fit(rows(500))
        new = np.concatenate([rows(300, seed=1), rows(60, seed=2) + 30])
        flagged = false_discovery_control(model.p_values(new)) <= 0.1
        assert flagged[300:].all()
        assert flagged[:300].sum() < 20


class TestWeights:
    def test_weight_zero_leaves_a_row_out(self):
        X = rows(60)
        weight = np.where(np.arange(60) < 50, 1.0, 0.0)
        model = FlowOutlierDetector(KERNEL, random_state=0)
        weighted = clone(model).fit(X, sample_weight=weight)
        without = clone(model).fit(X[:50])
        np.testing.assert_allclose(weighted.score_samples(X), without.score_samples(X))
        np.testing.assert_allclose(weighted.p_values(X), without.p_values(X))
        assert weighted.offset_ == pytest.approx(without.offset_)
        assert np.isnan(weighted.held_out_scores_[50:]).all()

    def test_only_ratios_matter(self):
        X, weight = rows(60), np.random.default_rng(0).uniform(0.1, 3, size=60)
        first, second = (
            FlowOutlierDetector(KERNEL, random_state=0).fit(X, sample_weight=w)
            for w in (weight, 7 * weight)
        )
        np.testing.assert_allclose(second.p_values(X), first.p_values(X))
        assert second.offset_ == pytest.approx(first.offset_)
        assert first.p_values(X).max() <= 1

    def test_an_estimator_that_takes_none(self):
        with pytest.raises(ValueError, match="takes no sample_weight"):
            quick().fit(rows(60), sample_weight=np.ones(60))


def test_typicality_flags_what_is_too_likely():
    rng = np.random.default_rng(0)
    X, new, centre = rng.normal(size=(500, 50)), rng.normal(size=(300, 50)), np.zeros((1, 50))
    density, typicality = (
        FlowOutlierDetector(GAUSSIAN, score=score).fit(X) for score in ("density", "typicality")
    )
    assert density.score_samples(centre) > density.score_samples(new).max()
    assert density.predict(centre) == 1
    assert typicality.predict(centre) == -1
    assert typicality.p_values(centre) < 0.01
    for model in (density, typicality):
        assert (model.predict(new) == 1).mean() > 0.95
        assert model.predict(np.full((1, 50), 4.0)) == -1
    assert density.entropy_ == pytest.approx(25 * np.log(2 * np.pi * np.e), abs=3)


def mixed_table(n, seed=0):
    """A constant, a flag, a count, a column with an atom at zero, and an ordinary column."""
    rng = np.random.default_rng(seed)
    atom = np.where(rng.random(n) < 0.4, 0.0, rng.exponential(size=n))
    columns = [np.full(n, 3.0), rng.integers(0, 2, n), rng.poisson(3, n), atom, rng.normal(size=n)]
    return np.column_stack(columns).astype(float)


class TestDiscreteColumns:
    @pytest.mark.parametrize("n", [20, 300])
    def test_all_kinds_at_once(self, n):
        model = FlowOutlierDetector(random_state=0).fit(mixed_table(n))
        assert np.isfinite(model.held_out_scores_[model.density_.fold_ >= 0]).all()
        normal = mixed_table(200, seed=1)
        assert (model.predict(normal) == 1).mean() > 0.9
        changed = normal[:5].copy()
        changed[range(5), range(5)] = [4.0, 7.0, 60.0, -50.0, 30.0]
        assert (model.predict(changed) == -1).all()
        assert model.p_values(changed).max() <= 2 / n

    def test_p_values_of_a_table_with_ties(self):
        model = FlowOutlierDetector(random_state=0).fit(mixed_table(300))
        p = model.p_values(mixed_table(1000, seed=1))
        assert kstwobign.sf(deviation(p) * np.sqrt(300 * 1000 / 1300)) > 1e-3

    @pytest.mark.parametrize("estimator", [None, KERNEL, GAUSSIAN], ids=lambda e: str(e)[:8])
    @pytest.mark.parametrize("contamination", ["auto", 0.2])
    def test_labels_and_p_values_of_equal_rows_agree(self, estimator, contamination):
        X = np.ones((60, 2))
        model = FlowOutlierDetector(estimator, contamination=contamination, random_state=0).fit(X)
        assert (model.predict(X) == 1).all()
        assert (model.p_values(X) > 0.5).all()

    @pytest.mark.parametrize("value", [0.0, 7.0, -1e6, 1e-200])
    def test_a_value_that_a_constant_column_never_had(self, value):
        X = np.column_stack([rows(100), np.full(100, value)])
        model = FlowOutlierDetector(random_state=0).fit(X)
        again = np.array([[1.0, 1.0, 1.0, value]])
        assert model.predict(again) == 1
        assert model.predict(again + [[0, 0, 0, 1e-3 * (abs(value) or 1.0)]]) == -1

    @pytest.mark.parametrize("value", [0.0, 1e6])
    def test_nothing_but_constants(self, value):
        model = FlowOutlierDetector(random_state=0).fit(np.full((30, 2), value))
        assert model.predict([[value, value], [value, value + 1 + value]]).tolist() == [1, -1]

    @pytest.mark.parametrize("column", [1, 2, 3], ids=["flag", "count", "atom"])
    def test_a_single_column(self, column):
        X = mixed_table(200)[:, [column]]
        model = FlowOutlierDetector(random_state=0).fit(X)
        assert (model.predict(X) == 1).mean() > 0.95
        assert model.predict([[-100.0], [1000.0]]).tolist() == [-1, -1]
