"""Warnings of the package: whose they are is said in front, and no filter is ever touched.

Filters of warnings belong to the whole process. Catching a warning to put a name before it, as
``warnings.catch_warnings`` would, changes them for every other thread meanwhile.
"""

import warnings
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["speaking_for", "warn"]

_WHOSE = ContextVar("whose", default="")


@contextmanager
def speaking_for(name):
    """Put a name before the package's warnings in the block, behind those of blocks around it."""
    token = _WHOSE.set(f"{_WHOSE.get()}{name}: ")
    try:
        yield
    finally:
        _WHOSE.reset(token)


def warn(message, category, stacklevel=2):
    """Warn as ``warnings.warn`` does, with the names in front."""
    warnings.warn(_WHOSE.get() + message, category, stacklevel=stacklevel + 1)
