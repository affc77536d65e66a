"""Fits of several processes by the gradients of all."""

import os
import signal
import time

import numpy as np
import pytest
from sklearn import config_context

from skflow import KernelFlowDensity, NSFDensity
from skflow.scale import data_parallel
from tests.breaks import interrupt_validation

from .ranks import results_of, started

N, D = 2_000, 3
SETTINGS = {
    "n_layers": 1,
    "hidden_features": (8,),
    "max_epochs": 4,
    "batch_size": N,
    "n_members": 1,
    "base": "normal",
    "input_noise": 0.0,
    "dropout": 0.0,
    "dtype": "float64",
    "random_state": 0,
}

LONG = {"max_epochs": 100_000, "n_iter_no_change": None}


def rows(n=N, d=D, seed=0):
    z = np.random.default_rng(seed).normal(size=(n, d))
    z[:, 1] += 0.5 * z[:, 0] ** 2
    return z


def weights(n=N):
    return np.random.default_rng(1).uniform(0.5, 2, size=n)


def fit(ranks, cut, weighted, settings):
    """Fit to the rows of one rank: those between two cuts."""
    own = slice(*np.array([0, *cut, N])[ranks.rank : ranks.rank + 2])
    weight = weights()[own] if weighted else None
    flow = NSFDensity(**SETTINGS | settings).fit(rows()[own], sample_weight=weight)
    told = flow.history_, flow.score_samples(rows(100, seed=2)), flow.n_rows_seen_
    return *told, flow.held_out_scores_


def alone(weighted, settings):
    with config_context(working_memory=0.2):
        blocks = [rows()[:900], rows()[900:]]
        weight = weights() if weighted else None
        return NSFDensity(**SETTINGS | settings).fit(blocks, sample_weight=weight)


def losses(history):
    return [record["train_loss"] for record in history]


CASES = {
    "halves": ([N // 2], False, {}),
    "unequal": ([N // 4], True, {}),
    "none and few": ([0], False, {}),
    "members": ([N // 2], False, {"n_members": 2}),
}


def every_fit(ranks):
    """Return what each case gives, and others; in one start of processes, which takes seconds."""
    found = {case: fit(ranks, *settings) for case, settings in CASES.items()}
    found["small batches"] = fit_of_small_batches(ranks)
    found["trouble"] = fit_in_trouble(ranks)
    return found


def fit_of_small_batches(ranks):
    few = rows()[: 1_990 if ranks.rank == 0 else 10]
    flow = NSFDensity(**SETTINGS | {"batch_size": 64, "max_epochs": 3}).fit(few)
    return flow.history_, flow.score_samples(rows(100, seed=2))


def fit_in_trouble(ranks):
    X = rows()
    X[1, 2] = np.nan if ranks.rank == 1 else 0.0
    with pytest.raises((ValueError, RuntimeError)) as caught:
        NSFDensity(**SETTINGS).fit(X)
    return str(caught.value)


@pytest.fixture(scope="module")
def both():
    (first, _), (second, _) = results_of(every_fit, 2)
    assert not isinstance(first, str), first
    return first, second


@pytest.mark.parametrize("case", CASES)
def test_losses_are_those_of_one_process_with_all_rows(both, case):
    one = alone(*CASES[case][1:])
    first, second = (found[case] for found in both)
    np.testing.assert_allclose(losses(first[0]), losses(one.history_), atol=1e-5)
    assert losses(first[0]) == losses(second[0])
    np.testing.assert_array_equal(first[1], second[1])
    np.testing.assert_allclose(first[1], one.score_samples(rows(100, seed=2)), atol=1e-4)
    assert first[2] == second[2] == N
    np.testing.assert_allclose(first[3], one.held_out_scores_, atol=1e-4)


def test_few_rows_of_a_rank_are_in_every_step(both):
    first, second = (found["small batches"] for found in both)
    np.testing.assert_array_equal(first[1], second[1])
    assert losses(first[0]) == losses(second[0])


def test_an_error_of_one_rank_is_told_on_all(both):
    first, second = (found["trouble"] for found in both)
    assert first.startswith("the fit ended in an error of rank 1: ValueError")
    assert "column 2 has 1 NaN value" in second


def fit_of_columns(ranks):
    NSFDensity(**SETTINGS).fit(rows(d=D + ranks.rank))


@pytest.mark.slow
def test_other_columns_are_refused():
    for told, _ in results_of(fit_of_columns, 2):
        assert "other columns" in told


def fit_for_long(ranks):
    NSFDensity(**SETTINGS | LONG).fit(rows())


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_a_dead_rank_is_an_error_in_time(how):
    with started(fit_for_long, 2, timeout=10.0) as (processes, results):
        time.sleep(15)
        os.kill(processes[1].pid, how)
        start = time.monotonic()
        rank, (told, _) = results.get(timeout=60)
        assert time.monotonic() - start < 30
        os.kill(processes[1].pid, signal.SIGKILL)
    assert rank == 0
    assert "rank 0 of 2 lost the others" in told


def fit_with_a_limit(ranks):
    flow = NSFDensity(**SETTINGS | LONG, max_seconds=3).fit(rows())
    return flow.stopped_by_, flow.score(rows(100, seed=2))


@pytest.mark.slow
def test_a_limit_of_time_ends_all():
    (first, _), (second, _) = results_of(fit_with_a_limit, 2)
    assert first == second
    assert first[0] == "max_seconds"


def test_is_not_for_a_process_by_itself(monkeypatch):
    monkeypatch.delenv("RANK", raising=False)
    with pytest.raises(RuntimeError, match="torchrun"), data_parallel():
        pass


def fit_of_kernels(ranks):
    KernelFlowDensity().fit(rows())


@pytest.mark.slow
def test_what_would_fit_by_itself_is_refused():
    for told, _ in results_of(fit_of_kernels, 2):
        assert "KernelFlowDensity.fit is not done by several processes together" in told


def fit_again(ranks, folder):
    """Return scores of a fit that was broken off and went on, and of one at once."""
    settings = SETTINGS | {"max_epochs": 80, "batch_size": 256, "n_iter_no_change": None}
    own, new = rows()[ranks.rank :: 2], rows(100, seed=2)
    with pytest.MonkeyPatch.context() as patch:
        interrupt_validation(patch, after=40)
        broken = NSFDensity(**settings, checkpoint=folder).fit(own)
    resumed = NSFDensity(**settings, checkpoint=folder).fit(own)
    at_once = NSFDensity(**settings).fit(own)
    return broken.n_iter_, resumed.score_samples(new), at_once.score_samples(new)


@pytest.mark.slow
def test_a_fit_goes_on_from_its_checkpoint(tmp_path):
    for found, _ in results_of(fit_again, 2, str(tmp_path)):
        assert not isinstance(found, str), found
        n_epochs, resumed, at_once = found
        assert n_epochs == 39
        np.testing.assert_allclose(resumed, at_once)
    assert list(tmp_path.iterdir()) == []
