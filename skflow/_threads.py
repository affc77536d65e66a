"""How many of torch's threads a piece of work gets."""

from contextlib import contextmanager

__all__ = ["one_thread", "threads"]


@contextmanager
def threads(n):
    """Run a block with n torch threads and put the caller's number back; None changes nothing."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(n or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def one_thread():
    """Run a block with one torch thread and put the caller's number back.

    Kernels as small as those of a fit gain nothing from a second thread, and stall when the
    machine is shared; processes side by side must not each take all cores.
    """
    return threads(1)
