"""The stack: what it keeps, what it drops and says, and how it sits in scikit-learn."""

import time

import numpy as np
import pandas as pd
import pytest
from joblib import parallel_config
from scipy.special import logsumexp
from sklearn import config_context
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import KFold
from sklearn.neighbors import KernelDensity
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils._param_validation import InvalidParameterError

from skflow import KernelFlowDensity, MAFDensity, MixtureFlowDensity, StackedDensity
from skflow.estimators.stack._folds import FoldedRows
from tests.estimators.stack.toys import Failing, Interrupted
from tests.instances import quick


def rows(n=80, seed=0):
    """Two columns: a wide cluster, and a curved ridge that no Gaussian fits."""
    rng = np.random.default_rng(seed)
    a = rng.normal(size=n)
    ridge = np.column_stack([a, a**2 + 0.1 * rng.normal(size=n)])
    return np.where(np.arange(n)[:, None] % 2, ridge, [6, 0] + rng.normal(size=(n, 2)))


def pair():
    return [("kernel", quick(KernelFlowDensity)), ("gaussians", GaussianMixture(2))]


def stack(estimators=None, **settings):
    settings = {"cv": 3, "random_state": 0, **settings}
    return StackedDensity(pair() if estimators is None else estimators, **settings)


class Untouchable(BaseEstimator):
    def fit(self, X, y=None):
        pytest.fail("it was fitted")

    def score_samples(self, X):
        pytest.fail("it was asked")


class Level(BaseEstimator):
    """The same log density everywhere: useful for its held-out scores, no real density."""

    def __init__(self, level=0.0, naps=0.0):
        self.level = level
        self.naps = naps

    def fit(self, X, y=None, sample_weight=None):
        time.sleep(self.naps)
        self.fitted_ = True
        return self

    def score_samples(self, X):
        return np.full(len(X), self.level)


class TestMixture:
    def test_density_is_the_weighted_sum(self):
        model = stack().fit(rows())
        assert model.weights_.sum() == pytest.approx(1)
        assert (model.weights_ > 0).all()
        scores = np.column_stack([e.score_samples(rows()) for e in model.estimators_])
        expected = logsumexp(scores, b=model.weights_, axis=1)
        np.testing.assert_allclose(model.score_samples(rows()), expected, rtol=1e-12)

    def test_held_out_scores(self):
        model = stack().fit(rows())
        assert model.fold_.shape == (80,)
        for k, mixture in enumerate(model.fold_mixtures_):
            held = model.fold_ == k
            np.testing.assert_allclose(
                model.held_out_scores_[held], mixture.score_samples(rows()[held]), rtol=1e-12
            )
        row = model.cv_scores_["stack"]
        assert row["score"] == pytest.approx(model.held_out_scores_.mean())
        fresh = model.score(rows(2_000, seed=1))
        assert abs(row["score"] - fresh) < 4 * row["error"]

    def test_not_worse_than_its_parts_on_held_out_rows(self):
        table = stack().fit(rows()).cv_scores_
        assert table["stack"]["score"] >= max(row["score"] for row in table) - 1e-9

    def test_weights_follow_the_held_out_scores(self):
        model = stack([("low", Level(-3.0)), ("high", Level(-1.0))]).fit(rows())
        assert list(model.named_estimators_) == ["high"]
        assert model.named_estimators_.high is model.estimators_[0]
        np.testing.assert_array_equal(model.weights_, [1.0])
        assert model.cv_scores_["low"]["weight"] == 0

    def test_a_flow_stays_cross_fitted(self):
        pairs = [("flow", quick(MAFDensity, n_members="auto")), ("level", Level(-9.0))]
        model = stack(pairs, cv=4).fit(rows())
        flow = model.named_estimators_.flow
        assert flow.n_members_ == 4
        held = flow.held_out_scores_
        expected = logsumexp(np.column_stack([held, np.full(80, -9.0)]), axis=1)
        assert model.held_out_scores_.mean() <= expected.mean()
        if len(model.weights_) == 1:
            np.testing.assert_allclose(model.held_out_scores_, held)

    def test_printed_table(self):
        text = str(stack().fit(rows()).cv_scores_)
        head, *lines = text.splitlines()
        assert head.split() == ["name", "score", "error", "weight", "seconds"]
        assert [line.split()[0] for line in lines] == ["kernel", "gaussians", "stack"]
        frame = stack().fit(rows()).cv_scores_.to_frame()
        assert isinstance(frame, pd.DataFrame)
        assert frame.loc["stack", "weight"] == 1
        with pytest.raises(KeyError, match="no row 'flow'"):
            stack().fit(rows()).cv_scores_["flow"]

    def test_splitter(self):
        model = stack(cv=KFold(4)).fit(rows())
        np.testing.assert_array_equal(model.fold_, np.repeat(range(4), 20))
        assert len(model.fold_mixtures_) == 4

    def test_same_seed_same_stack(self):
        models = [stack().fit(rows()) for _ in range(2)]
        np.testing.assert_array_equal(*(m.score_samples(rows()) for m in models))
        other = stack(random_state=1).fit(rows())
        assert not np.array_equal(other.fold_, models[0].fold_)

    def test_seeds_that_were_set_stay(self):
        mixed = [("a", GaussianMixture(2, random_state=7)), ("b", GaussianMixture(2))]
        table = FoldedRows(rows(), None, None)
        found = stack(mixed)._candidates(table, np.random.RandomState(0))  # noqa: NPY002
        assert found[0][1].random_state == 7
        assert isinstance(found[1][1].random_state, int)
        assert mixed[1][1].random_state is None


class TestWeightsOfRows:
    pairs = [("kernel", quick(KernelFlowDensity)), ("kde", KernelDensity(bandwidth=0.4))]  # noqa: RUF012

    def test_weight_two_is_a_row_twice(self):
        times = np.where(np.arange(80) % 2, 2, 1)
        weighted = stack(self.pairs).fit(rows(), sample_weight=times)
        repeated = stack(self.pairs).fit(np.repeat(rows(), times, axis=0))
        np.testing.assert_allclose(weighted.weights_, repeated.weights_, atol=1e-6)
        expected = repeated.score_samples(rows())
        np.testing.assert_allclose(weighted.score_samples(rows()), expected, atol=1e-6)

    def test_weight_zero_leaves_a_row_out(self):
        X, weight = np.vstack([rows(), [[1e3, 1e3]]]), np.append(np.ones(80), 0)
        model, expected = stack(self.pairs), stack(self.pairs).fit(rows())
        model.fit(X, sample_weight=weight)
        assert model.fold_[80] == -1
        assert np.isnan(model.held_out_scores_[80])
        np.testing.assert_array_equal(model.held_out_scores_[:80], expected.held_out_scores_)

    def test_estimators_without_weights_are_left_out(self):
        with pytest.warns(ConvergenceWarning, match="gaussians: .*takes no sample_weight"):
            model = stack().fit(rows(), sample_weight=np.ones(80) + (np.arange(80) > 40))
        assert list(model.named_estimators_) == ["kernel"]

    def test_score_is_weighted(self):
        model, weight = stack().fit(rows()), np.arange(80.0)
        expected = np.average(model.score_samples(rows()), weights=weight)
        assert model.score(rows(), sample_weight=weight) == pytest.approx(expected)


def test_too_few_rows_to_hold_any_out():
    model = stack().fit(rows(2))
    assert set(model.weights_) == {1 / len(model.estimators_)}
    assert np.isnan(model.held_out_scores_).all()
    assert np.isfinite(model.score_samples(rows(5))).all()
    assert "nan" not in str(model.cv_scores_)


class TestFailures:
    @pytest.mark.parametrize(
        ("bad", "message"),
        [
            (Failing(), "bad: RuntimeError: no luck today"),
            (Level(np.nan), "bad: 80 of 80 held-out log densities are not finite"),
            (Level(-np.inf), "bad: 80 of 80 held-out log densities are not finite"),
            (Level(np.inf), "bad: 80 of 80 held-out log densities are not finite"),
        ],
    )
    def test_one_of_three_is_left_out_and_named(self, bad, message):
        with pytest.warns(ConvergenceWarning, match=message):
            model = stack([*pair(), ("bad", bad)]).fit(rows())
        expected = stack().fit(rows())
        np.testing.assert_array_equal(model.score_samples(rows()), expected.score_samples(rows()))
        assert "bad" not in str(model.cv_scores_)

    def test_all_failing(self):
        with pytest.raises(ValueError, match="No estimator could be fitted. a: .*no luck.*; b: "):
            stack([("a", Failing()), ("b", Failing())]).fit(rows())

    @pytest.mark.parametrize("n_members", [1, 3])
    def test_wrong_parameters_inside_are_named_before_anything_is_fitted(self, n_members):
        for wrong in ({"n_layers": -1}, {"weight_decay": -5.0}, {"max_epochs": 0}):
            flow = MAFDensity(n_members=n_members, **wrong)
            for bad in (flow, make_pipeline(FunctionTransformer(), flow)):
                with pytest.raises(InvalidParameterError, match=f"The '{next(iter(wrong))}'"):
                    stack([("first", Untouchable()), ("bad", bad)]).fit(rows())

    def test_checks_that_are_switched_off(self):
        with config_context(skip_parameter_validation=True), pytest.raises(pytest.fail.Exception):
            stack([("first", Untouchable()), ("bad", MAFDensity(n_layers=-1))]).fit(rows())

    def test_a_failed_refit_keeps_the_old_fit(self):
        model = stack().fit(rows())
        before = vars(model).copy()
        with pytest.raises(ValueError, match="no luck"):
            model.set_params(estimators=[("a", Failing())]).fit(rows()[:, :1])
        assert vars(model) == {**before, "estimators": model.estimators}
        assert model.score_samples(rows()).shape == (80,)

    def test_an_interrupt_keeps_what_is_done(self):
        model = stack([*pair(), ("late", Interrupted())])
        message = r"Left out of the stack: late: the fit was interrupted before it was done\."
        with pytest.warns(ConvergenceWarning, match=message):
            model.fit(rows())
        assert model.stopped_by_ == "interrupt"
        expected = stack().fit(rows())
        assert expected.stopped_by_ is None
        np.testing.assert_array_equal(model.score_samples(rows()), expected.score_samples(rows()))

    def test_an_interrupted_refit_with_nothing_done_keeps_the_old_fit(self):
        model = stack().fit(rows())
        before = model.score_samples(rows())
        model.set_params(estimators=[("late", Interrupted())])
        with pytest.raises(KeyboardInterrupt):
            model.fit(rows())
        np.testing.assert_array_equal(model.score_samples(rows()), before)

    def test_a_stack_in_a_stack_passes_its_interrupt_on(self):
        inner = stack([("kernel", quick(KernelFlowDensity)), ("late", Interrupted())])
        with pytest.warns(ConvergenceWarning) as caught:
            model = stack([("inner", inner), ("other", quick(KernelFlowDensity))]).fit(rows())
        assert list(model.named_estimators_) == ["other"]
        said = [str(warning.message) for warning in caught]
        assert said[0].startswith("inner: Left out of the stack: late: the fit was interrupted")
        assert said[1].startswith("Left out of the stack: inner: the fit was interrupted")

    def test_too_slow(self):
        slow = [(name, Level(naps=0.1)) for name in "abc"]
        start = time.perf_counter()
        with pytest.warns(ConvergenceWarning, match="c: .*max_seconds was over"):
            model = stack(slow, max_seconds=0.2).fit(rows())
        assert time.perf_counter() - start < 2
        assert list(model.cv_scores_)[0]["name"] == "a"
        assert model.stopped_by_ == "max_seconds"

    @pytest.mark.filterwarnings("ignore:max_seconds=.* was over")  # for a choice of theirs
    def test_flows_stop_in_time(self, own_clock):
        slow = quick(MAFDensity, n_members=3, max_epochs=10**6, n_iter_no_change=None)
        pairs = [("level", Level(-20.0)), ("flow", slow)]
        start = time.perf_counter()
        model = stack(pairs, max_seconds=1.0).fit(rows())
        assert time.perf_counter() - start < 10
        assert model.named_estimators_.flow.stopped_by_ == "max_seconds"

    @pytest.mark.filterwarnings("ignore:max_seconds=.* was over")  # for a choice of theirs
    def test_a_flow_that_comes_first_stops_in_time(self, own_clock):
        slow = quick(MAFDensity, n_members=3, max_epochs=10**6, n_iter_no_change=None)
        start = time.perf_counter()
        model = stack([("flow", slow)], max_seconds=0.5).fit(rows())
        assert time.perf_counter() - start < 10
        assert model.named_estimators_.flow.stopped_by_ == "max_seconds"

    @pytest.mark.parametrize(
        ("settings", "error", "message"),
        [
            ({"estimators": []}, ValueError, "estimators is empty"),
            ({"estimators": "all"}, InvalidParameterError, "The 'estimators' parameter"),
            ({"estimators": [*pair(), pair()[0]]}, ValueError, "not unique"),
            ({"estimators": [("a__b", quick(KernelFlowDensity))]}, ValueError, "__"),
            ({"estimators": [("cv", quick(KernelFlowDensity))]}, ValueError, "conflict"),
            ({"support": {0: (0, None)}}, ValueError, 'support is for estimators="auto"'),
            ({"cv": 1}, InvalidParameterError, "The 'cv' parameter"),
            ({"max_seconds": 0}, InvalidParameterError, "The 'max_seconds' parameter"),
        ],
    )
    def test_bad_settings(self, settings, error, message):
        with pytest.raises(error, match=message):
            stack(**settings).fit(rows())


class TestSamples:
    def test_of_scikit_learns_estimators(self):
        pairs = [("kde", KernelDensity(bandwidth=0.3)), ("gaussians", GaussianMixture(3))]
        model = stack(pairs).fit(rows())
        assert len(model.estimators_) == 2
        draws = model.sample(3_000, random_state=0)
        assert draws.shape == (3_000, 2)
        scores = model.score_samples(draws)
        # the mean log density of the draws is minus the entropy, found by weighing a wide Gaussian
        rng = np.random.default_rng(0)
        wide = rows().mean(axis=0) + 5 * rng.normal(size=(100_000, 2))
        log_wide = -0.5 * ((wide - rows().mean(axis=0)) ** 2).sum(1) / 25 - np.log(50 * np.pi)
        log_p = model.score_samples(wide)
        expected = np.mean(np.exp(log_p - log_wide) * log_p)
        assert scores.mean() == pytest.approx(expected, abs=0.15)

    def test_component_that_cannot_sample(self):
        model = stack([("level", Level())]).fit(rows())
        assert np.isfinite(model.score(rows()))
        with pytest.raises(TypeError, match="Level has no sample method.*Leave it out"):
            model.sample(3)

    def test_number_of_draws(self):
        model = stack().fit(rows())
        assert model.sample().shape == (1, 2)
        with pytest.raises(ValueError, match="at least 1"):
            model.sample(0)


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("backend", ["threading", "loky", "multiprocessing"])
def test_any_backend_of_joblib_gives_the_same_stack(backend):
    pairs = [("kernel", quick(KernelFlowDensity)), ("mixture", quick(MixtureFlowDensity))]
    alone = StackedDensity(pairs, cv=2, random_state=0).fit(rows())
    with parallel_config(backend=backend, n_jobs=2):
        beside = StackedDensity(pairs, cv=2, random_state=0).fit(rows())
    np.testing.assert_array_equal(beside.score_samples(rows()), alone.score_samples(rows()))
