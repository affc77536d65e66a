"""What torch records of a computation: a graph for gradients, a program for a file or for rows."""

from contextlib import contextmanager
from contextvars import ContextVar

import torch

__all__ = ["any_of", "applied", "decided", "row_blocks"]

_DECIDED: ContextVar[list | None] = ContextVar("decided", default=None)


def applied(function, *args):
    """Apply a ``torch.autograd.Function``; with gradients off, only its forward.

    What autograd books for a node of the graph takes as long as several kernels on a few rows,
    and what a forward keeps for its backward would be memory for nothing.
    """
    if torch.is_grad_enabled():
        return function.apply(*args)
    return function.forward(_KeepsNothing(), *args)


def any_of(mask):
    """Whether any entry is true, of work that need not be done where none is.

    A program for a file is recorded without numbers: in it the work is always done.
    """
    if torch.compiler.is_exporting():
        return True
    found, decided_so_far = mask.any(), _DECIDED.get()
    if decided_so_far is not None:
        decided_so_far.append(found)
    return bool(found)


@contextmanager
def decided():
    """Collect what :func:`any_of` finds, tensors () in the order in which it is asked.

    Work on rows goes the same way for all rows of which the same is found.
    """
    found: list = []
    token = _DECIDED.set(found)
    try:
        yield found
    finally:
        _DECIDED.reset(token)


def row_blocks(n_rows, size):
    """Return the ends (start, stop) of blocks of rows; one of all where a program is recorded."""
    if torch.compiler.is_exporting():
        return [(0, None)]
    return [(start, start + size) for start in range(0, max(n_rows, 1), size)]


class _KeepsNothing:
    """The context of a forward that no backward follows."""

    def save_for_backward(self, *tensors):
        return

    def set_materialize_grads(self, value):
        return
