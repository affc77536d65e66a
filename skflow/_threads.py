"""One thread for work that is made of small kernels."""

from contextlib import contextmanager

__all__ = ["one_thread"]


@contextmanager
def one_thread():
    """Run a block with one torch thread and put the caller's number back.

    Kernels as small as those of a fit gain nothing from a second thread, and stall when the
    machine is shared; processes side by side must not each take all cores.
    """
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
