"""``partial_fit``: rows that come in blocks are learnt, and what changes in them is said."""

import pickle
import warnings

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils.estimator_checks import parametrize_with_checks

import skflow
from skflow.exceptions import ConvergenceWarning, DriftWarning
from skflow.training import MaximumLikelihood

SMALL = {"n_layers": 2, "hidden_features": (16,), "base": "normal", "max_epochs": 20}
SMALL = {**SMALL, "preprocessing": "standardize"}
ENTROPY = 0.5 * 3 * (1 + np.log(2 * np.pi)) + np.log(0.5)


def density(**settings):
    return skflow.MAFDensity(**{**SMALL, "random_state": 0, **settings})


def rows(n, seed=0, shift=0.0):
    """Rows of three columns, whose entropy is known, the last one shifted."""
    z = np.random.default_rng(seed).normal(size=(n, 3))
    z[:, 1] = 0.5 * z[:, 1] + z[:, 0] ** 2
    z[:, 2] += shift
    return z


def streamed(*blocks, **settings):
    model = density(**settings)
    for block in blocks:
        model.partial_fit(block)
    return model


def weights(model):
    return [value.numpy() for value in model.flow_.state_dict().values()]


def assert_same(model, other):
    for ours, theirs in zip(weights(model), weights(other), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert model.stream_history_ == other.stream_history_


@pytest.fixture(scope="module")
def settled():
    return streamed(rows(1_500), max_epochs=150)


def again(model):
    return pickle.loads(pickle.dumps(model))


@parametrize_with_checks([density(random_state=None, n_members=2, max_epochs=2)])
def test_sklearns_checks(estimator, check):
    check(estimator)


class TestBeginning:
    def test_rows_are_kept_until_there_are_enough(self):
        model = streamed(rows(300), rows(42, 1))
        assert (model.n_rows_seen_, model.n_features_in_) == (342, 3)
        for ask in (
            lambda: model.score_samples(rows(3)),
            lambda: model.sample(),
            lambda: model.transform(rows(3)),
            lambda: model.inverse_transform(rows(3)),
        ):
            with pytest.raises(NotFittedError, match="342 of the 1,000 rows"):
                ask()
        model.partial_fit(rows(658, 2))
        assert model.n_rows_seen_ == 1_000
        assert np.isfinite(model.score(rows(100, 3)))
        assert [record["settled"] for record in model.stream_history_] == [True]

    def test_one_block_or_many_are_the_same(self):
        X = rows(1_200)
        parts = streamed(*np.array_split(X[:1_000], 7), X[1_000:])
        assert_same(parts, streamed(X[:1_000], X[1_000:]))

    def test_a_long_table_is_what_it_is_settled_for(self, settled):
        plan = skflow.MAFDensity(random_state=0, max_epochs=1).partial_fit(rows(1_000)).plan_
        assert (plan.n_members, plan.dropout, plan.input_noise) == (2, 0.0, 0.0)
        assert settled.plan_.hidden_features == (16,)

    def test_a_block_that_is_refused_leaves_all_as_it_was(self):
        model = streamed(rows(300), support={0: (-10, 10)})
        bad = rows(5)
        bad[2, 0] = 11
        before = vars(model).copy()
        with pytest.raises(ValueError, match="outside its declared support"):
            model.partial_fit(bad)
        with pytest.raises(ValueError, match="3 features"):
            model.partial_fit(rows(5)[:, :2])
        bad[2, 0] = np.nan
        with pytest.raises(ValueError, match="NaN"):
            model.partial_fit(bad)
        assert vars(model) == before
        model.partial_fit(rows(700, 1))
        with pytest.raises(ValueError, match="outside its declared support"):
            model.partial_fit(np.full((5, 3), 11.0))
        assert model.n_rows_seen_ == 1_000

    def test_names_of_columns(self):
        table = pd.DataFrame(rows(1_000), columns=["a", "b", "c"])
        model = density(support={"a": (-10, None)}).partial_fit(table[:400])
        assert list(model.feature_names_in_) == ["a", "b", "c"]
        model.partial_fit(table[400:])
        with pytest.raises(ValueError, match="feature names"):
            model.partial_fit(table[["b", "a", "c"]])
        assert list(model.feature_names_in_) == ["a", "b", "c"]


class TestLearning:
    def test_it_learns(self, settled):
        model, test = again(settled), rows(5_000, 99)
        first = model.score(test)
        for k in range(8):
            model.partial_fit(rows(2_000, k + 1))
        assert model.score(test) > first + 0.01
        assert model.score(test) > -ENTROPY - 0.05
        assert all(record["taken"] for record in model.stream_history_)
        assert model.n_rows_seen_ == 17_500
        assert model.validation_score_ == pytest.approx(model.score(test), abs=0.2)

    def test_few_rows_wait_for_more(self, settled):
        model = again(settled).partial_fit(rows(511, 1))
        assert len(model.stream_history_) == 1
        model.partial_fit(rows(1, 2))
        assert model.stream_history_[-1]["n_rows"] == 512

    def test_pickles_go_on_to_the_bit(self, settled, tmp_path):
        whole = again(settled)
        for k in range(3):
            whole.partial_fit(rows(700, k + 1))
        model = again(settled)
        for k in range(3):
            joblib.dump(model, tmp_path / "model")
            model = joblib.load(tmp_path / "model").partial_fit(rows(700, k + 1))
        assert_same(model, whole)

    def test_another_object_is_not_changed(self, settled):
        before, model = weights(settled), again(settled)
        model.partial_fit(rows(700, 1))
        for ours, theirs in zip(before, weights(settled), strict=True):
            np.testing.assert_array_equal(ours, theirs)

    def test_a_saved_one_goes_on_without_the_rows_that_were_kept(self, settled, tmp_path):
        model = again(settled).partial_fit(rows(700, 1))
        model.save(tmp_path / "model.safetensors")
        loaded = skflow.load(tmp_path / "model.safetensors")
        np.testing.assert_array_equal(loaded.score_samples(rows(9)), model.score_samples(rows(9)))
        loaded.partial_fit(rows(700, 2))
        assert loaded.n_rows_seen_ == 2_900

    def test_fit_starts_anew(self, settled):
        model = again(settled).set_params(max_epochs=20).fit(rows(200))
        assert not {"stream_history_", "_stream"} & set(vars(model))
        assert model.n_rows_seen_ == 200
        np.testing.assert_array_equal(weights(model)[0], weights(density().fit(rows(200)))[0])

    def test_it_goes_on_from_a_fit(self):
        model = density(n_members=2).fit(rows(600))
        plan, observation = model.plan_, model.observation_
        model.partial_fit(rows(700, 1))
        assert model.n_rows_seen_ == 1_300
        assert model.plan_ is plan
        assert model.observation_ is observation
        assert model.stream_history_[0]["score_before"] is not None
        with pytest.warns(DriftWarning, match="not like those before"):
            model.partial_fit(rows(700, 2, shift=3.0))

    def test_weights_count(self):
        X, weight = rows(1_500), np.zeros(1_500)
        weight[::2] = 2.0
        model = density().partial_fit(X, sample_weight=weight)
        assert model.n_rows_seen_ == 1_500
        assert "flow_" not in vars(model)
        model.partial_fit(rows(500, 1)).partial_fit(rows(600, 2), sample_weight=np.ones(600))
        assert np.isfinite(model.score(rows(9)))

    @pytest.mark.parametrize("make", [np.asarray, pd.DataFrame], ids=["array", "pandas"])
    def test_a_context(self, make):
        model = density()
        for k in range(4):
            context = rows(500, 10 + k)[:, :2]
            model.partial_fit(rows(500, k) + context[:, :1], context=make(context))
        # 1,000 rows start it, and 500 wait for 12 more
        model.partial_fit(rows(500, 5) + context[:, :1], context=make(context))
        test = rows(2_000, 20)[:, :2]
        score = model.score(rows(2_000, 21) + test[:, :1], context=make(test))
        assert score > -ENTROPY - 1
        with pytest.raises(ValueError, match="the fit had a context"):
            model.partial_fit(rows(5))

    def test_a_context_in_some_blocks_alone_is_refused(self):
        model = density().partial_fit(rows(500), context=rows(500))
        with pytest.raises(ValueError, match="some without"):
            model.partial_fit(rows(500))

    def test_columns_of_x_as_context(self):
        model = density(context_columns=[2])
        for k in range(3):
            model.partial_fit(rows(600, k))
        assert model.n_features_in_ == 2
        assert np.isfinite(model.score(rows(10)))

    def test_images(self):
        levels = np.random.default_rng(0).integers(0, 4, size=(2_000, 4))
        model = skflow.GlowDensity(
            image_shape=(1, 2, 2), levels=4, n_layers=1, hidden_features=(4, 4), max_epochs=1
        )
        for block in np.array_split(levels, 3):
            model.partial_fit(block)
        assert np.isfinite(model.score(levels[:9]))
        with pytest.raises(ValueError, match="integers from 0 to 3"):
            model.partial_fit(levels + 1)

    def test_seconds_are_of_one_call(self, settled, own_clock):
        model = again(settled).set_params(max_seconds=1e-9)
        model.partial_fit(rows(2_000, 1))
        assert model.stopped_by_ == "max_seconds"
        assert np.isfinite(model.score(rows(9)))
        model.set_params(max_seconds=None).partial_fit(rows(2_000, 1))
        assert model.stopped_by_ == "max_epochs"


class TestDrift:
    def test_blocks_alike_raise_no_alarm(self, settled):
        model = again(settled)
        for k in range(20):
            model.partial_fit(rows(600, k + 1))  # warnings are errors
        assert not any(record["drift"] for record in model.stream_history_)

    def test_a_planted_shift_is_reported_at_once(self, settled):
        model = again(settled)
        for k in range(3):
            model.partial_fit(rows(2_000, k + 1))
        with pytest.warns(DriftWarning, match=r"Rows 7500 to 9499 .* column 2 by 0\.\d"):
            model.partial_fit(rows(2_000, 5, shift=0.5))
        record = model.stream_history_[-1]
        assert record["drift"]
        assert list(record["drifting_columns"]) == [2]

    def test_what_columns_do_not_show_is_seen_by_scores(self, settled):
        X = rows(2_000, 5)
        X[:, 1] = np.random.default_rng(0).permutation(X[:, 1])
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            model = again(settled).partial_fit(X)
        assert "are not like those before them: their mean log" in str(caught[0].message)
        assert model.stream_history_[-1]["drifting_columns"] == {}

    def test_a_sorted_stream_is_not_forgotten(self):
        X = rows(12_000)
        X = X[np.argsort(X[:, 2])]
        model = density()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DriftWarning)
            for block in np.array_split(X, 12):
                model.partial_fit(block)
        scores = model.score_samples(rows(4_000, 1))
        early = rows(4_000, 1)[:, 2] < -0.5
        assert scores[early].mean() > scores.mean() - 1.5

    def test_a_pass_that_does_harm_is_not_taken(self, settled, monkeypatch):
        model, call = again(settled), MaximumLikelihood.__call__
        monkeypatch.setattr(MaximumLikelihood, "__call__", lambda *given: -call(*given))
        model.set_params(learning_rate=0.1)
        model.plan_ = model.plan_.__class__(**{**vars(model.plan_), "learning_rate": 0.1})
        before = weights(model)
        model.partial_fit(rows(5_000, 1))
        assert not model.stream_history_[-1]["taken"]
        for ours, theirs in zip(before, weights(model), strict=True):
            np.testing.assert_array_equal(ours, theirs)

    def test_rows_far_out_leave_a_density(self, settled):
        X = rows(600, 1)
        X[7] = 1e9
        model = again(settled)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", (DriftWarning, ConvergenceWarning))
            model.partial_fit(X)
        assert model.score(rows(1_000, 2)) > -ENTROPY - 1


class TestKindsOfColumns:
    def test_a_constant_that_varies_is_settled_anew(self):
        X = rows(1_200)
        X[:, 2] = 5.0
        model = streamed(X)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            model.partial_fit(rows(2_000, 1))
        told = " ".join(str(warning.message) for warning in caught)
        assert "column 2, which was constant, has other values now: the flow was settled" in told
        assert model.stream_history_[-1]["settled"]
        assert np.isfinite(model.score(rows(100, 2)))

    def test_a_grid_that_shows_late_is_seen(self):
        def rounded(n, seed):
            return np.column_stack([rows(n, seed)[:, :2], rows(n, seed)[:, 2].round(4)])

        model = streamed(rounded(1_000, 0))
        assert model.dequantized_features_ == {}
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            for k in range(8):
                model.partial_fit(rounded(2_000, k + 1))
        told = [str(warning.message) for warning in caught]
        assert len(told) == 1
        assert "was taken for continuous and is a grid of 0.0001" in told[0]
        assert list(model.dequantized_features_) == [2]

    def test_new_values_between_those_that_repeat(self):
        X = rows(1_200)
        X[:, 2] = X[:, 2].round()
        model = streamed(X)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DriftWarning)
            model.partial_fit(rows(600, 1))
        assert np.isfinite(model.score_samples(rows(100, 2))).all()


def test_clones_have_no_stream(settled):
    assert "_stream" not in vars(clone(settled))
