"""Work in threads: the order of results, contexts, errors and Ctrl-C."""

import os
import signal
import threading
import time
from contextvars import ContextVar

import pytest
from joblib import parallel_config

from skflow._side_by_side import n_threads_for, side_by_side

NAME = ContextVar("name", default="nobody")


def late_for_small(x):
    time.sleep(0.05 * (3 - x))
    return x, threading.get_ident()


@pytest.mark.parametrize("n_jobs", [None, 1, 2, 3])
def test_results_come_in_order(n_jobs):
    results = side_by_side(late_for_small, range(4), n_jobs)
    assert [x for x, _ in results] == [0, 1, 2, 3]
    in_main = {thread for _, thread in results} == {threading.get_ident()}
    assert in_main == (n_jobs in (None, 1))


def test_threads_are_those_of_joblib():
    assert n_threads_for(10, None) == 1
    assert n_threads_for(10, 3) == 3
    assert n_threads_for(2, 3) == 2
    assert n_threads_for(0, 3) == 1
    with parallel_config("threading", n_jobs=2):
        assert n_threads_for(10, None) == 2


def test_each_call_has_the_callers_context_for_its_own():
    def name_and_rename(x):
        before = NAME.get()
        NAME.set(f"call {x}")
        return before

    token = NAME.set("caller")
    assert side_by_side(name_and_rename, range(4), 2) == ["caller"] * 4
    assert NAME.get() == "caller"
    NAME.reset(token)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_errors_get_through(n_jobs):
    with pytest.raises(ZeroDivisionError):
        side_by_side(lambda x: 1 // x, range(3), n_jobs)


def test_ctrl_c_gets_through_and_calls_to_come_are_dropped(ctrl_c):
    called = []

    def slow(x):
        called.append(x)
        time.sleep(0.5)

    threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        side_by_side(slow, range(20), 2)
    assert len(called) < 6


def test_ctrl_c_makes_calls_end_that_can(ctrl_c):
    stop = threading.Event()

    def until_stopped(x):
        stop.wait(30)
        return x

    threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
    start = time.perf_counter()
    assert side_by_side(until_stopped, range(4), 2, interrupt=stop.set) == [0, 1, 2, 3]
    assert time.perf_counter() - start < 20
