"""Limits of time: within each other, in threads, and what is said of what was left out."""

import threading
import time
import warnings

import pytest

from skflow._clock import left_out, noting, seconds_left, time_is_up, time_limit
from skflow._notices import speaking_for, warn
from skflow.exceptions import ConvergenceWarning


def test_without_a_limit_time_is_never_up():
    assert seconds_left() == float("inf")
    assert not time_is_up()
    left_out("nothing, since nobody limits")
    with time_limit(None):
        assert seconds_left() == float("inf")


def test_of_limits_within_each_other_the_first_end_holds():
    with time_limit(100):
        assert 99 < seconds_left() <= 100
        with time_limit(1000):
            assert seconds_left() <= 100
        with time_limit(10):
            assert 9 < seconds_left() <= 10
        assert seconds_left() > 99
    assert seconds_left() == float("inf")


def test_a_share_of_the_block_that_asks(own_clock):
    with time_limit(1000), time_limit(0.2):
        assert not time_is_up(0.5)
        time.sleep(0.15)
        assert time_is_up(0.5)
        assert not time_is_up()
        time.sleep(0.1)
        assert time_is_up()
        assert seconds_left() == 0


def test_what_was_left_out_is_said_once():
    def limited():
        with time_limit(5):
            left_out("the search for a size")
            with time_limit(3):
                left_out("the search for a size")
                left_out("training")

    with pytest.warns(ConvergenceWarning, match="max_seconds=5 was over") as caught:
        limited()
    assert len(caught) == 1
    assert "the search for a size; training" in str(caught[0].message)


def test_a_list_takes_down_what_is_left_out():
    what = []
    with noting(what), time_limit(5):
        left_out("training")
    with time_limit(3), noting(what):
        assert seconds_left() < 3
        left_out("a choice")
    with noting(what):
        assert not time_is_up()
        assert seconds_left() == float("inf")
    assert what == ["training", "a choice"]


def test_threads_have_limits_of_their_own():
    seen = []
    with time_limit(5):
        thread = threading.Thread(target=lambda: seen.append(seconds_left()))
        thread.start()
        thread.join()
    assert seen == [float("inf")]


def test_warnings_say_whose_they_are_and_leave_the_filters_alone():
    seen = []

    def named():
        seen.append(list(warnings.filters))
        with speaking_for("stack"), speaking_for("flow"):
            seen.append(list(warnings.filters))
            warn("too slow", UserWarning)

    with pytest.warns(UserWarning, match=r"^stack: flow: too slow$"):
        named()
    assert seen[0] == seen[1]
    with pytest.warns(UserWarning, match=r"^alone$"):
        warn("alone", UserWarning)
