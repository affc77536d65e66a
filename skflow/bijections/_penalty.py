"""What bijections charge for, beside the likelihood, while they are trained."""

from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["charge", "collected_penalties"]

_collected = ContextVar("collected", default=None)


@contextmanager
def collected_penalties():
    """Collect what bijections charge while the block runs, in a list of tensors (*members, n).

    A bijection that regularises itself calls :func:`charge` in training mode; an objective that
    runs the flow inside this block adds the tensors to its losses. Nothing between the two needs
    to know, and outside such a block charges are dropped.
    """
    penalties = []
    token = _collected.set(penalties)
    try:
        yield penalties
    finally:
        _collected.reset(token)


def charge(penalty):
    """Charge each row a penalty (*members, n), in nats."""
    penalties = _collected.get()
    if penalties is not None:
        penalties.append(penalty)
