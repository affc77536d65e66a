"""Numbers of torch's threads: as asked for within, as they were afterwards, and after a fork."""

import multiprocessing
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from skflow._threads import one_thread, threads
from skflow.bases import KernelDensity


@pytest.fixture(autouse=True)
def _three():
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


def in_new_thread(function):
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function).result()


def test_within_a_block_and_after_it():
    with threads(2):
        assert torch.get_num_threads() == 2
        with one_thread():
            assert torch.get_num_threads() == 1
        with threads(None):
            assert torch.get_num_threads() == 2
    assert torch.get_num_threads() == 3


def leave_by_an_error():
    with threads(1):
        raise KeyError


def test_after_an_error():
    with pytest.raises(KeyError):
        leave_by_an_error()
    assert torch.get_num_threads() == 3


def test_threads_that_begin_meanwhile_find_the_number_of_the_process():
    with threads(1):
        assert in_new_thread(torch.get_num_threads) == 3
    assert in_new_thread(torch.get_num_threads) == 3


def test_blocks_side_by_side_leave_all_numbers_as_they_were():
    def work(n):
        before = torch.get_num_threads()
        with threads(n):
            time.sleep(0.01 * random.random())
            within = torch.get_num_threads()
            with one_thread():
                time.sleep(0.003 * random.random())
        return before, within == (n or before), torch.get_num_threads()

    def begin(_):
        # one that first uses torch while another one's number is being set may take that on
        torch.get_num_threads()
        begun.wait()

    begun = threading.Barrier(8)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(begin, range(8)))
        assert set(pool.map(work, [1, 2, 4, None] * 25)) == {(3, True, 3)}
    assert torch.get_num_threads() == in_new_thread(torch.get_num_threads) == 3


def test_a_thread_keeps_a_number_of_its_own():
    def work():
        torch.get_num_threads()  # a thread that has not used torch forgets what it sets
        torch.set_num_threads(2)
        begun.set()
        ended.wait()
        seen.append(torch.get_num_threads())
        with one_thread():
            seen.append(torch.get_num_threads())
        seen.append(torch.get_num_threads())

    seen, begun, ended = [], threading.Event(), threading.Event()
    thread = threading.Thread(target=work)
    thread.start()
    begun.wait()
    with threads(1):
        pass
    assert (torch.get_num_threads(), in_new_thread(torch.get_num_threads)) == (3, 2)
    torch.set_num_threads(3)
    ended.set()
    thread.join()
    assert seen == [2, 1, 2]
    assert torch.get_num_threads() == in_new_thread(torch.get_num_threads) == 3


def score_with_one_thread(base, z):
    with one_thread():
        base.log_prob(z)


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="cannot fork")
def test_a_forked_child_scores_with_one_thread():
    z = torch.randn(2000, 5)
    base = KernelDensity(5)
    base.initialize(z)
    base.log_prob(z)
    child = multiprocessing.get_context("fork").Process(
        target=score_with_one_thread, args=(base, z)
    )
    child.start()
    child.join(60)
    hangs = child.is_alive()
    child.kill()
    assert not hangs
    assert child.exitcode == 0
