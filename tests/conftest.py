"""Settings and fixtures of all tests."""

import importlib
import pathlib
import signal
import sys
import time

import pytest
import torch

BENCHMARKS = pathlib.Path(__file__).parents[1] / "benchmarks"


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    """Small nets gain nothing from more threads, and tests may share their machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(autouse=True)
def _seed():
    """Every test starts from the same random state, whichever tests ran before it."""
    torch.manual_seed(0)


@pytest.fixture
def ctrl_c():
    """Let SIGINT raise a KeyboardInterrupt, which processes of a test run do not."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def own_clock(monkeypatch):
    """Let time pass as this process works and sleeps, whatever else its machine does.

    Sleep is added to the clock and takes no time.
    """
    slept = 0.0

    def sleep(seconds):
        nonlocal slept
        slept += seconds

    monkeypatch.setattr(time, "sleep", sleep)
    monkeypatch.setattr(time, "perf_counter", lambda: time.process_time() + slept)


@pytest.fixture(scope="module")
def benchmark():
    """Return the function that imports a script of the benchmarks."""
    before = set(sys.modules)
    sys.path.insert(0, str(BENCHMARKS))
    yield importlib.import_module
    sys.path.remove(str(BENCHMARKS))
    for name in set(sys.modules) - before:
        if getattr(sys.modules[name], "__file__", None) == str(BENCHMARKS / f"{name}.py"):
            del sys.modules[name]
