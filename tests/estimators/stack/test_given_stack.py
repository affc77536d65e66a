"""A stack given a context: every candidate is fitted with it, and every question takes it."""

import pickle

import numpy as np
import pandas as pd
import pytest
import sklearn
from joblib import parallel_config
from scipy.special import logsumexp
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skflow
from skflow import LinearFlowDensity, MAFDensity, MixtureFlowDensity, StackedDensity
from skflow.estimators.stack._candidates import stack_candidates, takes_context
from tests.estimators.stack.toys import GivenRecorder, Recorder
from tests.instances import quick

NAMES = ["a", "b", "kind"]


@pytest.fixture(scope="module")
def table():
    """Two columns that depend on numbers with a hole, and on a category."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=150), "b": 1e6 + 1e3 * rng.normal(size=150)})
    frame["kind"] = np.where(rng.uniform(size=150) < 0.4, "high", "low")
    frame["y"] = frame.a + 3.0 * (frame.kind == "high") + 0.3 * rng.normal(size=150)
    frame["z"] = (frame.b - 1e6) / 1e3 + 0.3 * rng.normal(size=150)
    frame.loc[5, "b"] = np.nan
    return frame


def pair():
    return [
        ("flow", quick(MAFDensity, n_members=2, random_state=None)),
        ("mixture", quick(MixtureFlowDensity, random_state=None)),
    ]


def stack(estimators=None, **settings):
    settings = {"cv": 2, "random_state": 0, **settings}
    return StackedDensity(pair() if estimators is None else estimators, **settings)


@pytest.fixture(scope="module")
def given(table):
    """Rows, context and a fit."""
    X, context = table[["y", "z"]], table[NAMES]
    return X, context, stack().fit(X, context=context)


class TestFit:
    def test_every_fold_is_fitted_with_its_rows_of_the_context(self):
        rng = np.random.default_rng(0)
        X, context = rng.normal(size=(60, 2)), rng.normal(size=(60, 3))
        model = stack([("it", GivenRecorder())], cv=3).fit(X, context=context)
        np.testing.assert_array_equal(model.estimators_[0].given_, context)
        for k, mixture in enumerate(model.fold_mixtures_):
            (fitted,) = mixture.estimators
            np.testing.assert_array_equal(fitted.given_, context[model.fold_ != k])
            own = model.fold_ == k
            expected = fitted.score_samples(X[own], context=context[own])
            np.testing.assert_allclose(model.held_out_scores_[own], expected)

    def test_candidates_see_numbers(self, given):
        X, context, model = given
        numbers = model.context_.encode(context)
        assert (numbers.dtype, numbers.shape) == (np.float64, (150, 5))  # a, b, hole, two levels
        rows = X.to_numpy()
        parts = [e.score_samples(rows, context=numbers) for e in model.estimators_]
        expected = logsumexp(np.column_stack(parts), b=model.weights_, axis=1)
        np.testing.assert_allclose(model.score_samples(X, context), expected, rtol=1e-12)

    def test_the_right_context_is_worth_nats(self, given):
        X, context, model = given
        assert (model.n_context_, model.n_features_in_) == (3, 2)
        held = model.held_out_scores_.mean()
        assert held == pytest.approx(model.cv_scores_["stack"]["score"])
        assert held > model.score(X, context=context[::-1]) + 0.5
        assert held > stack().fit(X).held_out_scores_.mean() + 0.5

    def test_weights_of_rows(self, table):
        X, context, weight = table[["y", "z"]], table[["a", "kind"]], np.arange(150) % 3
        pairs = [("mixture", quick(MixtureFlowDensity))]
        used = weight > 0
        folds = [(np.flatnonzero(weight != k), np.flatnonzero(weight == k)) for k in (1, 2)]
        model = stack(pairs, cv=folds).fit(X, sample_weight=weight, context=context)
        left_out = MixtureFlowDensity(**model.estimators_[0].get_params()).fit(
            X[used], sample_weight=weight[used], context=context[used]
        )
        np.testing.assert_allclose(
            model.score_samples(X, context), left_out.score_samples(X, context), rtol=1e-6
        )
        np.testing.assert_array_equal(np.isnan(model.held_out_scores_), ~used)

    def test_equal_rows_that_are_given_something_else_may_be_held_out_apart(self):
        X, context = np.repeat([[0.0], [1.0]], 30, axis=0), np.arange(60.0)[:, None]
        model = stack([("it", GivenRecorder())], cv=5).fit(X, context=context)
        np.testing.assert_array_equal(np.bincount(model.fold_), [12] * 5)
        again = stack([("it", GivenRecorder())], cv=5)
        again.fit(np.tile(X, (2, 1)), context=np.tile(context, (2, 1)))
        np.testing.assert_array_equal(again.fold_[:60], again.fold_[60:])

    def test_fits_side_by_side_give_the_same(self, given):
        """In threads, which start at once: those without a context are made in processes."""
        X, context, model = given
        with parallel_config("threading"):
            beside = stack(n_jobs=2).fit(X, context=context)
        np.testing.assert_array_equal(
            beside.score_samples(X, context), model.score_samples(X, context)
        )


class TestCandidates:
    @pytest.mark.parametrize(
        ("name", "estimator"),
        [
            ("linear", LinearFlowDensity()),
            ("gaussians", GaussianMixture()),
            ("toy", Recorder()),
            ("columns", quick(MAFDensity, context_columns=[0])),
        ],
    )
    def test_those_that_take_none_are_named(self, table, name, estimator):
        model = stack([*pair(), (name, estimator)])
        with pytest.raises(ValueError, match=rf"the estimators \['{name}'\] take no context"):
            model.fit(table[["y", "z"]], context=table[["a"]])
        assert not hasattr(model, "mixture_")

    def test_auto_leaves_them_out(self, table, monkeypatch):
        def few(n, d, support, **others):
            assert (n, d) == (150, 2 + 5)
            return [
                ("linear", LinearFlowDensity(support=support)),
                ("mixture", quick(MixtureFlowDensity, support=support, **others)),
            ]

        monkeypatch.setattr("skflow.estimators.stack._stack.stack_candidates", few)
        X = np.exp(table[["y", "z"]])
        model = StackedDensity(support={"z": (0, None)}, random_state=0)
        model.fit(X, context=table[NAMES])
        assert list(model.named_estimators_) == ["mixture"]
        draws = model.sample(50, random_state=0, context=table[NAMES][:4])
        assert (draws[..., 1] > 0).all()

    def test_the_first_choice_takes_one(self):
        for n in (100, 3_000, 50_000):
            assert takes_context(stack_candidates(n, 3)[0][1])

    def test_a_stack_within_a_stack(self, given):
        X, context, _ = given
        model = stack([("inner", stack()), *pair()[:1]]).fit(X, context=context)
        assert np.isfinite(model.score(X, context=context))


class TestQuestions:
    def test_draws(self, given):
        X, context, model = given
        rows = pd.DataFrame({"a": [0.0, 0.0], "b": [1e6, 1e6], "kind": ["low", "high"]})
        draws = model.sample(2_000, random_state=0, context=rows)
        assert draws.shape == (2, 2_000, 2)
        np.testing.assert_array_equal(draws, model.sample(2_000, random_state=0, context=rows))
        assert draws[1, :, 0].mean() - draws[0, :, 0].mean() == pytest.approx(3, abs=0.3)
        assert model.sample(context=context).shape == (150, 1, 2)

    @pytest.mark.parametrize(
        ("passed", "message"),
        [
            ({}, r"a context of 3 columns \['a', 'b', 'kind'\]: pass context="),
            ({"context": np.ones((150, 2))}, "has 2 columns, and the fit had 3"),
            ({"context": [[1.0, 2.0, "low"]]}, "one row for each of 150 rows; got 1 rows"),
        ],
    )
    def test_a_context_that_is_forgotten_or_another(self, given, passed, message):
        X, _, model = given
        for ask in (model.score_samples, model.score):
            with pytest.raises(ValueError, match=message):
                ask(X, **passed)

    def test_draws_without_one(self, given):
        with pytest.raises(ValueError, match="with a row for each distribution to draw from"):
            given[2].sample(3)

    def test_a_context_that_the_fit_had_not(self, table):
        X = table[["y", "z"]]
        model = stack(pair()[1:]).fit(X)
        assert (model.n_context_, model.context_) == (0, None)
        with pytest.raises(ValueError, match="the fit had no context"):
            model.score_samples(X, context=table[["a"]])

    def test_pickles_and_files(self, given, tmp_path):
        X, context, model = given
        path = tmp_path / "stack.safetensors"
        model.save(path)
        for again in (skflow.load(path), pickle.loads(pickle.dumps(model))):
            np.testing.assert_array_equal(
                again.score_samples(X, context), model.score_samples(X, context)
            )
            with pytest.raises(ValueError, match="pass context="):
                again.score_samples(X)

    def test_diagnostics_say_that_they_look_at_whole_rows(self, given):
        X, _, model = given
        with pytest.raises(ValueError, match="fitted with a context of 3 columns"):
            skflow.diagnose(model, X)


class TestRoads:
    def test_columns_of_X(self, table, given):
        X, context, passed = given
        model = stack(context_columns=NAMES).fit(table)
        np.testing.assert_array_equal(model.score_samples(table), passed.score_samples(X, context))
        assert list(model.feature_names_in_) == ["y", "z"]
        with pytest.raises(ValueError, match="takes the context out of X"):
            model.score_samples(table, context=context)

    def test_a_search_with_columns_of_X(self, table):
        rows = table[["y", "z", "a", "kind"]]
        model = stack(pair()[1:], context_columns=["a", "kind"])
        search = GridSearchCV(model, {"mixture__n_components": [1, 2]}, cv=2, error_score="raise")
        assert np.isfinite(search.fit(rows).best_score_)

    def test_metadata_routing(self, table):
        X, context = table[["y", "z"]], table[["a", "kind"]]
        with sklearn.config_context(enable_metadata_routing=True):
            pipeline = make_pipeline(StandardScaler(), stack(pair()[1:]))
            pipeline.fit(X, context=context)
            scaled = StandardScaler().fit_transform(X)
            alone = stack(pair()[1:]).fit(scaled, context=context)
            expected = alone.score(scaled, context=context)
            assert pipeline.score(X, context=context) == pytest.approx(expected)

    def test_a_detector_names_the_way(self, table):
        detector = skflow.FlowOutlierDetector(stack(context_columns=[2]))
        with pytest.raises(ValueError, match="context_columns of its estimators"):
            detector.fit(table[["y", "z", "a"]].to_numpy())
