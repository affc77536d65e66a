"""Warnings of the package: whose they are is said in front, and no filter is ever touched.

Filters of warnings belong to the whole process. Catching a warning to put a name before it, as
``warnings.catch_warnings`` would, changes them for every other thread meanwhile.
"""

import sys
import warnings
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["speaking_for", "warn"]

INSIDE = {__name__.partition(".")[0], "contextlib", "joblib", "sklearn", "torch"}
_WHOSE = ContextVar("whose", default="")


@contextmanager
def speaking_for(name):
    """Put a name before the package's warnings in the block, behind those of blocks around it."""
    token = _WHOSE.set(f"{_WHOSE.get()}{name}: ")
    try:
        yield
    finally:
        _WHOSE.reset(token)


def warn(message, category):
    """Warn as ``warnings.warn`` does, with the names in front, at the caller of the package."""
    warnings.warn(_WHOSE.get() + message, category, stacklevel=_level_of_caller())


def _level_of_caller():
    """How many frames up the first one is that neither the package nor what calls it runs in."""
    level, frame = 1, sys._getframe(1)
    while frame is not None and frame.f_globals.get("__name__", "").split(".")[0] in INSIDE:
        level, frame = level + 1, frame.f_back
    return level
