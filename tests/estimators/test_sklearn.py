"""The scikit-learn protocol: its own checks, and the company that estimators keep in it."""

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import (
    estimator_checks_generator,
    parametrize_with_checks,
)

import skflow
from tests.instances import DENSITIES, FLOWS, TRAINED, quick

SMALL = {"n_layers": 1, "hidden_features": (8,), "max_epochs": 2}
ONE = {**SMALL, "n_members": 1, "base": "normal", "random_state": 0}
ONE = {**ONE, "preprocessing": "standardize"}
every_estimator = pytest.mark.parametrize("cls", DENSITIES, ids=lambda cls: cls.__name__)


def rows(n=60, d=3, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) + 3


# Flows with the code of those below in all but their layers; two of them follow as ensembles
SIBLINGS = (
    *("NICEDensity", "MADEDensity", "MAFDensity", "IAFDensity", "NSFDensity", "NAFDensity"),
    *("UMNNDensity", "FlowPPDensity", "RadialFlowDensity", "SylvesterFlowDensity"),
)
# What a class may get wrong by itself: its parameters and tags, a fit, and what is left of it
OF_EACH_CLASS = (
    *("cloneable", "tags", "tag_types", "repr", "mixin_order", "in_init", "set_params"),
    *("default_constructible", "params_invariance", "unfitted", "renamed", "overwrite_parameters"),
    *("n_features_in", "takes_y", "pickle", "positive_only_tag_during_fit", "1sample", "fit1d"),
)


def sklearns_checks():
    for cls in DENSITIES:
        for estimator, check in estimator_checks_generator(quick(cls, random_state=None)):
            name = check.func.__name__
            long = cls.__name__ in SIBLINGS and not name.endswith(OF_EACH_CLASS)
            marks = [pytest.mark.slow] * long
            yield pytest.param(estimator, check, marks=marks, id=f"{cls.__name__}-{name}")


@pytest.mark.parametrize(("estimator", "check"), list(sklearns_checks()))
def test_sklearns_checks(estimator, check):
    check(estimator)


@parametrize_with_checks(
    [
        skflow.MAFDensity(**SMALL, n_members=2, base="student_t"),
        skflow.NSFDensity(**SMALL, n_members=2, base="mixture", preprocessing="standardize"),
    ]
)
def test_sklearns_checks_of_ensembles(estimator, check):
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks([quick(cls, preprocessing="auto", random_state=None) for cls in FLOWS])
def test_sklearns_checks_of_what_is_likelier(estimator, check):
    check(estimator)


class TestTables:
    names = ("age", "income", "size")

    @pytest.mark.parametrize("table", [pd.DataFrame, pl.DataFrame], ids=["pandas", "polars"])
    def test_column_names(self, table):
        X = rows()
        named = table(dict(zip(self.names, X.T, strict=True)))
        model = skflow.MAFDensity(**ONE).fit(named)
        assert list(model.feature_names_in_) == list(self.names)
        expected = skflow.MAFDensity(**ONE).fit(X).score_samples(X)
        np.testing.assert_array_equal(model.score_samples(named), expected)

    def test_columns_in_another_order_are_refused(self):
        named = pd.DataFrame(rows(), columns=self.names)
        model = skflow.MAFDensity(**ONE).fit(named)
        for function in (model.score_samples, model.transform, model.score):
            with pytest.raises(ValueError, match="feature names should match"):
                function(named[["income", "age", "size"]])

    def test_other_columns_are_refused(self):
        named = pd.DataFrame(rows(), columns=self.names)
        model = skflow.MAFDensity(**ONE).fit(named)
        with pytest.raises(ValueError, match="feature names should match"):
            model.score_samples(named.rename(columns={"age": "years"}))
        with pytest.raises(ValueError, match="X has 2 features, but MAFDensity is expecting 3"):
            skflow.MAFDensity(**ONE).fit(rows()).score_samples(rows(d=2))

    def test_support_by_column_name(self):
        named = pd.DataFrame(np.exp(rows()), columns=self.names)
        model = skflow.MAFDensity(**ONE, support={"income": (0, None)}).fit(named)
        assert (model.sample(300, random_state=0)[:, 1] > 0).all()

    def test_names_of_the_output(self):
        model = skflow.NSFDensity(**ONE).fit(rows())
        assert list(model.get_feature_names_out()) == [f"nsfdensity{i}" for i in range(3)]
        model.set_output(transform="pandas")
        assert isinstance(model.transform(rows()), pd.DataFrame)

    @pytest.mark.parametrize("output", ["default", "pandas"])
    def test_latents_of_a_named_table_go_back(self, output):
        named = pd.DataFrame(rows(), columns=self.names)
        model = skflow.NSFDensity(**ONE).fit(named).set_output(transform=output)
        back = model.inverse_transform(model.transform(named))
        np.testing.assert_allclose(back, named, atol=1e-3)


@every_estimator
class TestParameters:
    def test_clone_and_set_params(self, cls):
        model = quick(cls, support={0: (0, None)}).set_params(random_state=3)
        copy = clone(model)
        # estimators inside a stack are equal only in what they print
        assert repr(copy.get_params()) == repr(model.get_params())
        assert copy.random_state == 3
        assert not any(name.endswith("_") for name in vars(copy))

    def test_fit_changes_no_parameter(self, cls):
        model = quick(cls)
        before = model.get_params()
        model.fit(rows())
        assert model.get_params() == before

    def test_repr_shows_what_was_set(self, cls):
        text = repr(cls(support={0: (0, 1)}, random_state=0))
        assert text == f"{cls.__name__}(random_state=0, support={{0: (0, 1)}})"
        assert repr(cls()) == f"{cls.__name__}()"

    def test_unknown_parameter(self, cls):
        with pytest.raises(TypeError, match="n_layer"):
            cls(n_layer=3)
        with pytest.raises(TypeError, match="positional"):
            cls(3, 3)
        with pytest.raises(ValueError, match="Invalid parameter 'n_layer'"):
            cls().set_params(n_layer=3)


@every_estimator
def test_joblib_scores_bit_equal(cls, tmp_path):
    X = rows()
    model = quick(cls, **({"n_members": 2, "base": "mixture"} if cls in TRAINED else {})).fit(X)
    joblib.dump(model, tmp_path / "model.joblib")
    loaded = joblib.load(tmp_path / "model.joblib")
    np.testing.assert_array_equal(loaded.score_samples(X), model.score_samples(X))
    np.testing.assert_array_equal(
        loaded.sample(9, random_state=1), model.sample(9, random_state=1)
    )
    if cls in FLOWS:
        np.testing.assert_array_equal(loaded.transform(X), model.transform(X))


class TestCompany:
    # a stack is fitted by processes in the quick tests, too
    @pytest.mark.parametrize(
        "backend", ["threading", pytest.param("loky", marks=pytest.mark.slow)]
    )
    def test_grid_search_in_parallel(self, backend):
        grid = {"n_layers": [1, 2], "hidden_features": [(4,), (8, 8)]}
        model = skflow.RealNVPDensity(**ONE)
        search = GridSearchCV(model, grid, cv=2, n_jobs=2, error_score="raise")
        with joblib.parallel_config(backend=backend):
            search.fit(rows())
        assert np.isfinite(search.cv_results_["mean_test_score"]).all()
        best = search.best_estimator_
        assert best.get_params()["n_layers"] == search.best_params_["n_layers"]
        again = clone(best).fit(rows())
        np.testing.assert_array_equal(again.score_samples(rows()), best.score_samples(rows()))

    def test_pipeline_with_pca(self):
        X = rows(d=4)
        pipeline = make_pipeline(PCA(2), skflow.MAFDensity(**ONE)).fit(X)
        reduced = pipeline[0].transform(X)
        np.testing.assert_array_equal(
            pipeline.score_samples(X), pipeline[-1].score_samples(reduced)
        )
        assert pipeline.score(X) == pytest.approx(pipeline.score_samples(X).mean())
        assert pipeline.transform(X).shape == (60, 2)
        back = pipeline[-1].inverse_transform(pipeline.transform(X))
        np.testing.assert_allclose(back, reduced, atol=1e-3)

    def test_as_a_step_before_another(self):
        Z = make_pipeline(skflow.MAFDensity(**ONE), StandardScaler()).fit_transform(rows())
        np.testing.assert_allclose(Z.std(axis=0), 1)

    def test_cross_validation_scores_are_means(self):
        model = skflow.MAFDensity(**ONE)
        X = rows()
        score = cross_val_score(model, X, cv=[(np.arange(40), np.arange(40, 60))])
        fitted = clone(model).fit(X[:40])
        assert score == pytest.approx([fitted.score_samples(X[40:]).mean()], abs=1e-12)

    def test_fit_transform(self):
        model = skflow.MAFDensity(**ONE)
        Z = model.fit_transform(rows())
        np.testing.assert_array_equal(Z, model.transform(rows()))


class TestMetadataRouting:
    X = rows()
    weight = np.where(np.arange(60) < 30, 5.0, 1.0)

    @pytest.fixture(autouse=True)
    def _routing(self):
        with sklearn.config_context(enable_metadata_routing=True):
            yield

    def model(self):
        return skflow.MAFDensity(**ONE).set_fit_request(sample_weight=True)

    def test_pipeline(self):
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        pipeline = make_pipeline(scaler, self.model()).fit(self.X, sample_weight=self.weight)
        Z = StandardScaler().fit_transform(self.X)
        direct = skflow.MAFDensity(**ONE).fit(Z, sample_weight=self.weight)
        np.testing.assert_array_equal(pipeline.score_samples(self.X), direct.score_samples(Z))
        plain = skflow.MAFDensity(**ONE).fit(Z)
        assert np.abs(plain.score_samples(Z) - direct.score_samples(Z)).max() > 1e-3

    def test_grid_search(self):
        model = self.model().set_score_request(sample_weight=True)
        search = GridSearchCV(model, {"n_layers": [1]}, cv=[(np.arange(20, 60), np.arange(20))])
        search.fit(self.X, sample_weight=self.weight)
        direct = skflow.MAFDensity(**ONE).fit(self.X, sample_weight=self.weight)
        np.testing.assert_array_equal(
            search.best_estimator_.score_samples(self.X), direct.score_samples(self.X)
        )
        held_out = skflow.MAFDensity(**ONE).fit(self.X[20:], sample_weight=self.weight[20:])
        expected = held_out.score(self.X[:20], sample_weight=self.weight[:20])
        assert search.best_score_ == pytest.approx(expected, abs=1e-12)

    def test_weights_that_nobody_asked_for_are_refused(self):
        with pytest.raises(sklearn.exceptions.UnsetMetadataPassedError, match="sample_weight"):
            make_pipeline(skflow.MAFDensity(**ONE)).fit(self.X, sample_weight=self.weight)


@every_estimator
class TestRandomState:
    def test_same_seed_same_fit(self, cls):
        seeds = (0, 0, np.random.RandomState(0))  # noqa: NPY002
        fits = [quick(cls, random_state=seed).fit(rows()) for seed in seeds]
        for fit in fits[1:]:
            np.testing.assert_array_equal(fit.score_samples(rows()), fits[0].score_samples(rows()))

    def test_other_seed_or_none_other_fit(self, cls):
        if cls is skflow.LinearFlowDensity:
            pytest.skip("nothing about the fit of a Gaussian is random")
        # repeated values are spread at random: else the classical fits need no seed
        X = rows()
        X[:, 0] = X[:, 0].round(1)
        scores = [
            quick(cls, random_state=seed).fit(X).score_samples(rows())
            for seed in (0, 1, None, None)
        ]
        for i, score in enumerate(scores):
            assert all(not np.array_equal(score, other) for other in scores[:i])

    def test_draws(self, cls):
        model = quick(cls).fit(rows())
        fixed = [model.sample(5, random_state=3) for _ in range(2)]
        fresh = [model.sample(5) for _ in range(2)]
        np.testing.assert_array_equal(*fixed)
        assert not np.array_equal(*fresh)
        assert not np.array_equal(fixed[0], model.sample(5, random_state=4))
        generator = np.random.RandomState(0)  # noqa: NPY002
        assert not np.array_equal(model.sample(5, generator), model.sample(5, generator))


@every_estimator
def test_unfitted(cls):
    model = cls()
    latents = (model.transform, model.inverse_transform) if cls in FLOWS else ()
    for function in (model.score_samples, model.score, *latents):
        with pytest.raises(NotFittedError, match=f"This {cls.__name__} instance is not fitted"):
            function(rows())
    with pytest.raises(NotFittedError, match=f"This {cls.__name__} instance is not fitted"):
        model.sample()
