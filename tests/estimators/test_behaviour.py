"""What users meet: bounds, repeated values, time limits, interrupts, messages."""

import sys
import time
import warnings
from threading import Thread

import numpy as np
import pytest
import torch
from sklearn.utils._param_validation import InvalidParameterError
from tqdm import tqdm

import skflow
from skflow.exceptions import ConvergenceWarning
from skflow.training import MaximumLikelihood
from tests.instances import DENSITIES, FLOWS, TRAINED, quick

SMALL = {"n_layers": 1, "hidden_features": (8,), "max_epochs": 3, "n_members": 1}
SMALL = {**SMALL, "base": "normal", "preprocessing": "standardize", "random_state": 0}
WITHOUT_NOISE = {"dropout": 0, "input_noise": 0, "validation_fraction": 0}
every_estimator = pytest.mark.parametrize("cls", DENSITIES, ids=lambda cls: cls.__name__)


def rows(n=60, d=3, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) + 3


def maf(**settings):
    return skflow.MAFDensity(**{**SMALL, **settings})


@every_estimator
@pytest.mark.parametrize("d", [1, 4])
def test_fit_score_sample_transform(cls, d):
    X = rows(d=d)
    model = quick(cls).fit(X)
    scores = model.score_samples(X)
    assert scores.shape == (60,)
    assert scores.dtype == np.float64
    assert model.score(X) == pytest.approx(scores.mean(), abs=1e-12)
    draws = model.sample(7, random_state=0)
    assert draws.shape == (7, d)
    assert draws.dtype == np.float64
    assert model.sample().shape == (1, d)
    if cls in FLOWS:
        Z = model.transform(X)
        assert Z.shape == X.shape
        np.testing.assert_allclose(model.inverse_transform(Z), X, atol=1e-3)


def test_weighted_score():
    model, X = maf().fit(rows()), rows()
    weight = np.arange(60.0)
    expected = np.average(model.score_samples(X), weights=weight)
    assert model.score(X, sample_weight=weight) == pytest.approx(expected)
    assert model.score(X, sample_weight=weight) != pytest.approx(model.score(X))


def test_nsf_by_coupling():
    models = [skflow.NSFDensity(**SMALL, structure=s) for s in ("coupling", "autoregressive")]
    scores = [model.fit(rows()).score_samples(rows()) for model in models]
    assert np.isfinite(scores).all()
    assert not np.array_equal(*scores)


class TestSupport:
    X = np.column_stack([np.random.default_rng(0).gamma(1, size=80), rows(80, 1)[:, 0]])
    X = np.column_stack([X, np.random.default_rng(1).uniform(size=80)])
    bounds = {0: (0, None), 2: (0, 1)}  # noqa: RUF012

    @pytest.fixture
    def model(self):
        return maf(support=self.bounds).fit(self.X)

    def test_draws_stay_inside(self, model):
        draws = model.sample(2000, random_state=0)
        assert (draws[:, 0] > 0).all()
        assert ((draws[:, 2] > 0) & (draws[:, 2] < 1)).all()

    def test_outside_is_minus_infinity(self, model):
        outside = np.array([[-0.1, 3, 0.5], [1, 3, 1.1], [1, 3, 0.5], [-1, 3, -1]])
        scores = model.score_samples(outside)
        assert np.isneginf(scores).tolist() == [True, True, False, True]
        assert model.score(outside) == -np.inf

    def test_rows_of_others_do_not_change_beside_rows_outside(self, model):
        both = np.vstack([[-1, 3, 0.5], self.X])
        np.testing.assert_array_equal(model.score_samples(both)[1:], model.score_samples(self.X))

    def test_outside_has_no_latent(self, model):
        with pytest.raises(ValueError, match="1 rows lie outside the declared support.* row 2"):
            model.transform([[1, 3, 0.5], [2, 3, 0.1], [-1, 3, 0.5]])

    def test_value_on_a_bound_is_scored_just_inside(self):
        X = self.X.copy()
        X[3, 0], X[4, 2] = 0.0, 1.0
        model = maf(support=self.bounds).fit(X)
        on_bound = X[[3, 4]]
        assert np.isfinite(model.score_samples(on_bound)).all()
        _, _, low_at, high_at = model.support_bounds_
        inside = on_bound.copy()
        inside[0, 0], inside[1, 2] = low_at[0], high_at[2]
        np.testing.assert_array_equal(model.score_samples(inside), model.score_samples(on_bound))
        assert 0 < low_at[0] <= X[X[:, 0] > 0, 0].min()
        assert np.isfinite(model.transform(on_bound)).all()

    def test_value_outside_in_fit_names_the_column(self):
        X = self.X.copy()
        X[5, 0] = -0.25
        message = r"column 0 has the value -0.25 in row 5, outside its declared support"
        with pytest.raises(ValueError, match=message):
            maf(support=self.bounds).fit(X)

    @pytest.mark.parametrize(
        ("support", "error", "message"),
        [
            ({3: (0, 1)}, ValueError, "unknown column 3: X has 3 columns"),
            ({"age": (0, 1)}, ValueError, "unknown column 'age'"),
            ({0: (1, 0)}, ValueError, "must have low < high, got low=1.0 and high=0.0"),
            ({0: 1}, ValueError, r"column 0 must be a pair \(low, high\)"),
            ([(0, 1)], InvalidParameterError, "The 'support' parameter of MAFDensity"),
        ],
    )
    def test_bad_bounds(self, support, error, message):
        with pytest.raises(error, match=message):
            maf(support=support).fit(self.X)

    def test_density_is_that_of_the_given_units(self):
        """A log-normal column with a declared bound scores about like its logarithm, corrected."""
        X = np.exp(rows(d=1))
        # all rows in one batch: else the two fits deal their rows in different orders
        settings = {**WITHOUT_NOISE, "batch_size": 100}
        bounded = maf(support={0: (0, None)}, **settings).fit(X)
        plain = maf(**settings).fit(np.log(X))
        expected = plain.score_samples(np.log(X)) - np.log(X[:, 0])
        np.testing.assert_allclose(bounded.score_samples(X), expected, atol=0.15)


class TestRepeatedValues:
    def test_columns_are_recorded_with_their_width(self):
        rng = np.random.default_rng(0)
        X = np.column_stack([rng.normal(size=200), rng.poisson(4, 200), rng.normal(size=200)])
        X[:, 2] = X[:, 2].round(1)
        model = maf().fit(X)
        assert sorted(model.dequantized_features_) == [1, 2]
        assert model.dequantized_features_[1] == 1.0
        assert model.dequantized_features_[2] == pytest.approx(0.1)
        assert len(np.unique(model.sample(100, random_state=0)[:, 1])) == 100
        assert maf().fit(rows()).dequantized_features_ == {}

    def test_constant_column(self):
        X = rows()
        X[:, 1] = 40.0
        model = maf().fit(X)
        assert list(model.dequantized_features_) == [1]
        assert np.isfinite(model.score_samples(X)).all()
        draws = model.sample(500, random_state=0)
        width = model.dequantized_features_[1]
        assert np.abs(draws[:, 1] - 40).max() < 10 * width
        assert np.isfinite(model.score_samples([[3.0, 41.0, 3.0], [3.0, -1e6, 3.0]])).all()


class TestFewRows:
    @every_estimator
    def test_two_rows(self, cls):
        X = [[1.0, 2.0], [3.0, 5.0]]
        model = cls(random_state=0)
        if cls in TRAINED:
            model.set_params(max_epochs=3)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # a stack drops all but the flow
            model.fit(X)
        assert np.isfinite(model.score_samples(X)).all()
        assert np.isfinite(model.sample(20, random_state=0)).all()
        if cls in TRAINED:
            assert (model.n_members_, model.validation_fraction_) == (1, 0)

    def test_one_row_is_too_few(self):
        with pytest.raises(ValueError, match="Found array with 1 sample.* at least 2"):
            maf().fit([[1.0, 2.0]])


class TestTraining:
    def test_history(self):
        model = maf().fit(rows())
        assert [record["epoch"] for record in model.history_] == [1, 2, 3]
        keys = {"epoch", "learning_rate", "train_loss", "validation_loss", "seconds"}
        keys |= {"member_train_losses", "member_validation_losses"}
        assert all(set(record) == keys for record in model.history_)
        assert model.n_iter_ == 3
        assert model.stopped_by_ == "max_epochs"

    def test_nothing_held_out(self):
        model = maf(validation_fraction=0, n_members=3).fit(rows())
        assert model.n_members_ == 1
        assert {record["validation_loss"] for record in model.history_} == {None}
        # no member is spared a row, and so the score is that of the training rows
        assert model.validation_score_ == pytest.approx(model.score(rows()), abs=0.5)

    def test_validation_score_is_that_of_the_held_out_rows(self):
        model = maf(max_epochs=30, validation_fraction=0.3).fit(rows(300))
        assert model.validation_score_ == pytest.approx(model.score(rows(300)), abs=0.5)
        shifted = maf(max_epochs=30, validation_fraction=0.3).fit(1024 * rows(300))
        expected = model.validation_score_ - 3 * np.log(1024)
        assert shifted.validation_score_ == pytest.approx(expected, abs=0.5)

    def test_early_stopping(self):
        model = maf(max_epochs=500, n_iter_no_change=2, learning_rate=0.1).fit(rows())
        assert model.stopped_by_ == "n_iter_no_change"
        assert model.n_iter_ == len(model.history_) < 500

    @pytest.mark.parametrize("n_members", [2, 3])
    def test_ensemble(self, n_members):
        model = maf(n_members=n_members).fit(rows())
        assert model.n_members_ == n_members
        assert model.score_samples(rows()).shape == (60,)
        Z = model.transform(rows())
        np.testing.assert_allclose(model.inverse_transform(Z), rows(), atol=1e-3)

    def test_float64(self):
        scores = {}
        for dtype in ("float32", "float64"):
            model = maf(dtype=dtype).fit(rows())
            assert {p.dtype for p in model.flow_.parameters()} == {getattr(torch, dtype)}
            scores[dtype] = model.score_samples(rows())
        model = maf(dtype="float64").fit(rows())
        Z = model.transform(rows())
        np.testing.assert_allclose(model.inverse_transform(Z), rows(), atol=1e-9)

    def test_max_seconds(self, own_clock):
        start = time.perf_counter()
        # what a busy machine leaves out, it says
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model = maf(max_epochs=10**6, n_iter_no_change=None, max_seconds=0.5).fit(rows())
        assert time.perf_counter() - start < 5
        assert model.stopped_by_ == "max_seconds"
        assert np.isfinite(model.score_samples(rows())).all()

    def test_warm_start_goes_on(self):
        settings = {**WITHOUT_NOISE, "max_epochs": 20, "batch_size": 100}
        model = maf(warm_start=True, **settings).fit(rows())
        scores = [model.score(rows())]
        for _ in range(3):
            scores.append(model.fit(rows()).score(rows()))
        assert scores == sorted(scores)
        assert scores[0] == maf(**settings).fit(rows()).score(rows())
        assert scores[-1] > scores[0] + 0.01

    def test_without_warm_start_a_second_fit_is_like_the_first(self):
        model = maf().fit(rows())
        first = model.score_samples(rows())
        np.testing.assert_array_equal(model.fit(rows()).score_samples(rows()), first)


class TestOutput:
    def test_quiet(self, capfd):
        maf().fit(rows()).sample(3)
        assert capfd.readouterr() == ("", "")

    def test_progress_bar(self, capfd):
        maf(verbose=1).fit(rows())
        out, err = capfd.readouterr()
        told = [line.partition(" s: ")[2].split()[0] for line in out.splitlines()]
        stages = "reading preprocessing the training held-out scoring done"
        assert told == stages.split()
        assert "training: 100%" in err
        assert "epoch 3, held-out loss" in err

    def test_progress_bar_in_a_notebook_is_not_on_red(self, capsys, monkeypatch):
        monkeypatch.setitem(sys.modules, "ipykernel", object())
        maf(verbose=1).fit(rows())
        out, err = capsys.readouterr()
        assert "training: 100%" in out
        assert err == ""

    def test_a_quiet_fit_waits_for_no_lock_of_bars(self):
        """Processes share it: one that is killed while it has the lock never gives it back."""
        fit = Thread(target=lambda: maf().fit(rows()), daemon=True)
        with tqdm.get_lock():
            fit.start()
            fit.join(60)
            assert not fit.is_alive()


class TestInterrupt:
    @pytest.mark.parametrize("n_members", [1, 2])
    @pytest.mark.parametrize("step", [1, 6])
    def test_leaves_a_usable_estimator(self, monkeypatch, step, n_members):
        calls = []

        def interrupted(self, flow, batch):
            calls.append(flow.training)
            if sum(calls) == step:
                raise KeyboardInterrupt
            return -flow.log_prob(batch.x)

        monkeypatch.setattr(MaximumLikelihood, "__call__", interrupted)
        model = maf(n_members=n_members, batch_size=20)
        with pytest.warns(ConvergenceWarning, match="interrupted; the best weights so far"):
            model.fit(rows())
        assert model.stopped_by_ == "interrupt"
        assert np.isfinite(model.score_samples(rows())).all()
        assert np.isfinite(model.sample(9, random_state=0)).all()


def test_latents_of_a_named_table_lead_back_without_a_warning():
    pandas = pytest.importorskip("pandas")
    X = pandas.DataFrame(rows(), columns=list("abcd")[: rows().shape[1]])
    model = maf().fit(X)
    Z = model.transform(X)
    np.testing.assert_allclose(model.inverse_transform(Z), X, atol=1e-3)
    named = model.set_output(transform="pandas").transform(X)
    np.testing.assert_allclose(model.inverse_transform(named), X, atol=1e-3)
    with pytest.raises(ValueError, match="Z has 2 features"):
        model.inverse_transform(Z[:, :2])
