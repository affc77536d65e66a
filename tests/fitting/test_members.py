"""Members trained each for itself: same bits for any number of threads, limits, Ctrl-C."""

import os
import signal
import threading
import time
import warnings

import numpy as np
import pytest
import torch

import skflow
from skflow.exceptions import ConvergenceWarning
from skflow.training import MaximumLikelihood

N, D = 2_400, 2


def rows(seed=0):
    X = np.random.default_rng(seed).normal(size=(N, D))
    X[:, 1] += X[:, 0] ** 2
    return X


def density(**settings):
    settings = {"n_members": 3, "batch_size": 512, "max_epochs": 4, **settings}
    settings["preprocessing"] = "standardize"
    return skflow.MAFDensity(
        n_layers=2, hidden_features=(16,), base="normal", random_state=0, **settings
    )


def fitted(**settings):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return density(**settings).fit(rows())


@pytest.fixture(scope="module")
def reference():
    return fitted()


@pytest.mark.parametrize("n_jobs", [1, 2, 3, -1])
def test_any_number_of_threads_gives_the_same(reference, n_jobs):
    model = fitted(n_jobs=n_jobs)
    X, draws = rows(1), model.sample(5_000, random_state=1)
    np.testing.assert_array_equal(model.score_samples(X), reference.score_samples(X))
    np.testing.assert_array_equal(draws, reference.sample(5_000, random_state=1))
    np.testing.assert_array_equal(model.held_out_scores_, reference.held_out_scores_)
    seconds = [record.pop("seconds") for record in model.history_]
    assert sorted(seconds) == seconds
    kept = [{k: v for k, v in record.items() if k != "seconds"} for record in reference.history_]
    assert model.history_ == kept


def test_members_differ_and_each_is_near_its_best_loss(reference):
    last = reference.history_[-1]
    assert len(set(last["member_validation_losses"])) == 3
    assert last["validation_loss"] == pytest.approx(np.mean(last["member_validation_losses"]))
    held = reference.held_out_scores_
    assert np.nanmean(held) == pytest.approx(reference.validation_score_, abs=1e-4)


def test_the_reference_is_the_member_with_the_lowest_loss(reference):
    losses = [record["member_validation_losses"] for record in reference.history_]
    lowest = np.min(losses, axis=0)
    assert reference.flow_.reference == lowest.argmin() != lowest.argmax()


def test_a_member_that_is_done_makes_no_further_step(monkeypatch):
    steps, call = [], MaximumLikelihood.__call__

    def counted(self, flow, batch):
        if torch.is_grad_enabled():
            steps.append(len(batch.x))
        return call(self, flow, batch)

    monkeypatch.setattr(MaximumLikelihood, "__call__", counted)
    model = fitted(max_epochs=30, n_iter_no_change=2, learning_rate=0.5)
    n_batches = round(N * (1 - model.validation_fraction_) / 512)
    assert model.stopped_by_ == "n_iter_no_change"
    assert len(steps) < 3 * n_batches * model.n_iter_
    # those that ended early go on in the history with their last losses
    ends = np.array([record["member_validation_losses"] for record in model.history_])
    assert (ends[-1] == ends[-2]).any()


@pytest.mark.parametrize("n_jobs", [1, 3])
def test_a_limit_of_time_is_shared(n_jobs):
    start = time.perf_counter()
    model = fitted(max_epochs=100_000, n_iter_no_change=None, max_seconds=1.5, n_jobs=n_jobs)
    assert time.perf_counter() - start < 4.5
    assert model.stopped_by_ == "max_seconds"
    starts = skflow.LinearFlowDensity().fit(rows())
    # every member came far
    for member in model._members():
        assert member.score(rows(1)) > starts.score(rows(1)) + 0.3


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_ctrl_c_keeps_what_there_is(ctrl_c, monkeypatch, n_jobs):
    pressed, call = threading.Event(), MaximumLikelihood.__call__

    def press_in_a_while(self, flow, batch):
        if torch.is_grad_enabled() and not pressed.is_set():
            pressed.set()
            threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
        return call(self, flow, batch)

    monkeypatch.setattr(MaximumLikelihood, "__call__", press_in_a_while)
    endless = density(max_epochs=100_000, n_iter_no_change=None, n_jobs=n_jobs)
    start = time.perf_counter()
    with pytest.warns(ConvergenceWarning, match="interrupted; the best weights so far are kept"):
        model = endless.fit(rows())
    assert time.perf_counter() - start < 30
    assert model.stopped_by_ == "interrupt"
    assert np.isfinite(model.score_samples(rows(1))).all()
    assert np.isfinite(model.held_out_scores_).sum() == 3 * (N // 10)
