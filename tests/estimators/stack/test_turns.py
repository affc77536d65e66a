"""Who is fitted when: limits of time, and Ctrl-C."""

import os
import signal
import threading
import time

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skflow import KernelFlowDensity, MAFDensity, MixtureFlowDensity, StackedDensity
from skflow._clock import time_limit
from skflow.estimators.stack import _turns
from skflow.estimators.stack._folds import FoldedRows, assign_folds
from skflow.estimators.stack._turns import Turn, _cost, cross_fit_all
from skflow.exceptions import ConvergenceWarning
from skflow.training import MaximumLikelihood
from tests.estimators.stack.toys import (
    Endless,
    Failing,
    Hasty,
    Interrupted,
    KeepsWhatItHas,
    Patient,
    Recorder,
    Slow,
    rng,
    rows,
)
from tests.instances import quick

X = rows()
ROWS = FoldedRows(X, None, assign_folds(X, None, 2, rng()))


def fitted(*estimators, **settings):
    pairs = list(zip("abcdef", estimators, strict=False))
    return cross_fit_all(pairs, ROWS, **settings)


class TestTime:
    def test_all_fits_to_come_get_the_same(self):
        turn = Turn(time.time() + 24, n_to_come=3, needed=False)
        assert turn.seconds(4, 4) == pytest.approx(2, rel=0.01)
        assert turn.seconds(1, 1) == pytest.approx(8, rel=0.01)
        last = Turn(time.time() + 3, n_to_come=1, needed=False)
        assert [round(last.seconds(n, 3), 1) for n in (3, 2, 1)] == [1, 1.5, 3]

    def test_without_a_limit_there_is_none(self):
        (result,) = fitted(Recorder())
        assert result.stopped_by is None
        assert Turn(None, 3, needed=False).seconds(1, 1) is None

    def test_after_the_deadline_only_what_is_needed(self):
        assert Turn(time.time() - 1, 1, needed=True).seconds(1, 3) == 0
        with pytest.raises(TimeoutError, match="max_seconds was over"):
            Turn(time.time() - 1, 1, needed=False).seconds(1, 3)

    @pytest.mark.parametrize(("n_jobs", "share"), [(None, 0.5), (2, 1.0)])
    def test_shares_reach_the_fits(self, n_jobs, share):
        fitted(Recorder(), Recorder(), n_jobs=n_jobs)  # processes take their time to start
        start = time.perf_counter()
        with time_limit(3):
            results = fitted(Patient(), Patient(), n_jobs=n_jobs)
        assert time.perf_counter() - start < 5
        # six fits one after the other, or three in each process
        for result in results:
            assert result.failure == ""
            assert result.estimator.seconds_ < share + 0.2

    def test_quick_ones_go_first_and_the_order_of_results_stays(self):
        with time_limit(0.6):
            results = fitted(Patient(), Slow(), Recorder())
        assert [result.name for result in results] == ["a", "b", "c"]
        assert [result.failure for result in results] == ["", "", ""]
        assert results[0].estimator.seconds_ < 0.2

    def test_what_is_quick(self):
        flow = MAFDensity()
        slow = (flow, make_pipeline(FunctionTransformer(), flow), StackedDensity())
        quick = (KernelFlowDensity(), MixtureFlowDensity(), Recorder())
        between = KernelFlowDensity(preprocessing="gaussianize")
        assert [_cost(some) for some in (*quick, between, *slow)] == [0, 0, 0, 1, 2, 2, 2]

    @pytest.mark.parametrize("seconds", [0.0001, 0.15])
    def test_the_first_is_fitted_and_late_ones_are_left_out(self, seconds):
        with time_limit(seconds):
            first, *others = fitted(Slow(), Slow(), Slow())
        assert first.failure == ""
        assert {other.failure for other in others} == {"max_seconds was over before it was fitted"}
        assert {other.stopped_by for other in others} == {"max_seconds"}

    def test_a_candidate_whose_time_ends_between_its_fits_is_left_out(self):
        with time_limit(0.35):
            first, second = fitted(Recorder(), Slow())
        assert first.failure == ""
        assert (second.failure == "") == (second.seconds < 0.35)
        with time_limit(0.15):
            first, second = fitted(Recorder(), Slow())
        assert second.stopped_by == "max_seconds"
        assert second.estimator is None

    @pytest.mark.parametrize("n_jobs", [None, 2])
    def test_what_a_candidate_left_out_is_said_once(self, n_jobs):
        with pytest.warns(ConvergenceWarning) as caught, time_limit(0.001):
            fitted(Hasty(), n_jobs=n_jobs)
        (warning,) = caught
        assert "left out: half of the work (a). What" in str(warning.message)

    def test_an_order_of_fits_changes_no_bit(self):
        flow, kernel = quick(MAFDensity, n_members="auto"), quick(KernelFlowDensity)
        pairs = [("flow", flow), ("kernel", kernel)]
        results = [cross_fit_all(some, ROWS) for some in (pairs, pairs[::-1])]
        for one, other in zip(results[0], results[1][::-1], strict=True):
            np.testing.assert_array_equal(one.held_out, other.held_out)


class TestInterrupts:
    def test_what_is_done_is_kept(self):
        first, second, third = fitted(Recorder(), Interrupted(), Recorder())
        assert first.failure == ""
        assert first.stopped_by is None
        for result in (second, third):
            assert result.failure == "the fit was interrupted before it was done"
            assert result.stopped_by == "interrupt"

    @pytest.mark.parametrize("before", [[], [Failing()]])
    def test_with_nothing_done_it_gets_through(self, before):
        with pytest.raises(KeyboardInterrupt):
            fitted(*before, Interrupted(), Recorder())

    def test_one_that_kept_what_it_had_before_its_last_fit_is_not_done(self):
        first, second, third = fitted(Recorder(), KeepsWhatItHas(), Recorder())
        assert first.failure == ""
        assert second.estimator is third.estimator is None

    def test_an_ensemble_of_flows_is_done_and_the_last(self, monkeypatch):
        calls, call = [], MaximumLikelihood.__call__

        def interrupted(self, flow, batch):
            calls.append(batch)
            if len(calls) == 3:
                raise KeyboardInterrupt
            return call(self, flow, batch)

        monkeypatch.setattr(MaximumLikelihood, "__call__", interrupted)
        flow = quick(MAFDensity, n_members=2)
        with pytest.warns(match="interrupted; the best weights so far are kept"):
            first, second = fitted(flow, flow)
        assert first.failure == ""
        assert first.stopped_by == first.estimator.stopped_by_ == "interrupt"
        assert second.estimator is None

    def test_in_a_pipeline_it_is_noticed(self):
        kept = make_pipeline(FunctionTransformer(), KeepsWhatItHas())
        with pytest.raises(KeyboardInterrupt):
            fitted(kept)

    def test_processes_stop_too(self, ctrl_c, monkeypatch):
        pool = _turns.as_they_come

        def pressed_after_two(jobs, **settings):
            for n, result in enumerate(pool(jobs, **settings), start=1):
                if n == 2:  # the third is waited for by then
                    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
                yield result

        monkeypatch.setattr(_turns, "as_they_come", pressed_after_two)
        start = time.perf_counter()
        first, second, third = fitted(Recorder(), Endless(), Recorder(), n_jobs=2)
        assert time.perf_counter() - start < 50
        assert first.failure == third.failure == ""
        assert second.stopped_by == "interrupt"
