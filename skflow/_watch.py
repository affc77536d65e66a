"""Who watches the work: lines that say what it is at, a bar for each training, callbacks.

An estimator says once that it is watched. What happens in the block, however deep, is then told
in its name, or in that of an estimator within it, which is as silent as its own ``verbose`` says.
Rooms that work tell whoever is there and need not know who that is.
"""

import time
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any

__all__ = ["current_watch", "named_training", "seen_through", "tell", "watched"]


@dataclass(frozen=True)
class Watch:
    """Who watches a block.

    Attributes
    ----------
    name : str
        Of the estimator whose work it is.
    verbose : int
    start : float
    callbacks : FitTask or None
        The fit as scikit-learn's callbacks see it, if there are any.
    label : str
        Of the training runs to come.
    number : int or None
        Of the member that these are of, if they are of one.
    views : tuple of callable
        See :func:`seen_through`, the outermost first.
    """

    name: str
    verbose: int
    start: float
    callbacks: Any = None
    label: str = "training"
    number: int | None = None
    views: tuple = ()

    def seen(self, flow, history):
        """Return what a flow, as it is now, would be where the fit began."""
        seen = self.views[-1](flow, history, self.number)
        for view in reversed(self.views[:-1]):
            seen = view(seen)
        return seen


_WATCH = ContextVar("watch", default=None)


@contextmanager
def watched(name, verbose, callbacks=None):
    """Have what the block does told in a name, if ``verbose`` is 1 or more."""
    token = _WATCH.set(Watch(name, int(verbose), time.perf_counter(), callbacks))
    try:
        yield
    finally:
        _WATCH.reset(token)


@contextmanager
def named_training(label, number=None):
    """Name the training runs in the block, and the member they are of."""
    with _with(label=label, number=number):
        yield


@contextmanager
def seen_through(view):
    """Say what a flow in training would be outside of the block.

    The innermost view takes ``(flow, history, number of the member or None)``, each further out
    what the one within it returns; the outermost returns the attributes of a fitted estimator.
    """
    watch = _WATCH.get()
    with _with(views=() if watch is None else (*watch.views, view)):
        yield


@contextmanager
def _with(**changes):
    watch = _WATCH.get()
    token = _WATCH.set(None if watch is None else replace(watch, **changes))
    try:
        yield
    finally:
        _WATCH.reset(token)


def current_watch():
    """Return the Watch of the innermost block, None if nobody watches."""
    return _WATCH.get()


def tell(what):
    """Say in a line what is being done, to whoever wants to hear it."""
    watch = _WATCH.get()
    if watch is not None and watch.verbose:
        seconds = time.perf_counter() - watch.start
        print(f"{watch.name}, {seconds:.1f} s: {what}", flush=True)
