"""The time that a call has: said once by whoever limits it, asked wherever work can stop.

A limit holds for all that its block calls, however deep: a stack's limit is that of the flows in
it, of the mixtures these start from, and of the EM within. Each thread has limits of its own, and
without one nothing ever asks the clock, so that results do not depend on the machine's speed.
"""

import time
from contextlib import contextmanager
from contextvars import ContextVar

from skflow._notices import warn
from skflow.exceptions import ConvergenceWarning

__all__ = ["left_out", "noting", "seconds_left", "time_is_up", "time_limit"]


class _Limit:
    """When the time of a block began and ends, and what was left out since."""

    def __init__(self, start, end, left_out):
        self.start, self.end, self.left_out = start, end, left_out


_LIMIT = ContextVar("limit", default=None)


@contextmanager
def time_limit(seconds):
    """Give a block so many seconds; None and infinity give it those of the block around it.

    Of limits within each other the one that ends first holds. What had to be left out is said in
    one ``ConvergenceWarning`` when the outermost block ends.
    """
    if seconds is None or seconds == float("inf"):
        yield
        return
    outer = _LIMIT.get()
    start = time.perf_counter()
    if outer is None:
        limit = _Limit(start, start + seconds, [])
    else:
        limit = _Limit(start, min(start + seconds, outer.end), outer.left_out)
    token = _LIMIT.set(limit)
    try:
        yield
    finally:
        _LIMIT.reset(token)
    if outer is None and limit.left_out:
        warn(
            f"max_seconds={seconds:g} was over before all was done; left out: "
            f"{'; '.join(dict.fromkeys(limit.left_out))}. What there is was kept.",
            ConvergenceWarning,
        )


@contextmanager
def noting(what):
    """Have a list take down what the block leaves out, which then is not said.

    That is for work in other processes: where it was sent from, :func:`left_out` notes it again.
    """
    outer = _LIMIT.get()
    start, end = (0.0, float("inf")) if outer is None else (outer.start, outer.end)
    token = _LIMIT.set(_Limit(start, end, what))
    try:
        yield
    finally:
        _LIMIT.reset(token)


def seconds_left():
    """Return the seconds that are left, infinite without a limit, never below 0."""
    limit = _LIMIT.get()
    return float("inf") if limit is None else max(0.0, limit.end - time.perf_counter())


def time_is_up(share=1.0):
    """Whether this share of the block's time, if that is limited, is over.

    A share below 1 keeps the rest for what comes after.
    """
    limit = _LIMIT.get()
    if limit is None:
        return False
    return time.perf_counter() > limit.start + share * (limit.end - limit.start)


def left_out(what):
    """Note in a few words what was not done for want of time."""
    limit = _LIMIT.get()
    if limit is not None:
        limit.left_out.append(what)
