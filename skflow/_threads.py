"""How many of torch's threads a piece of work gets.

torch has a number of threads for each Python thread, and one of the process that Python threads
take over when they first use torch. ``torch.set_num_threads`` writes both, so that a caller in
another thread may find, and put back in the end, what was meant for a call beside its own. Here
only the number of the calling thread changes.
"""

import os
import threading
from contextlib import contextmanager

__all__ = ["one_thread", "threads"]

_LOCK = threading.Lock()
_PROCESS = os.getpid()  # where this was imported: a child that was forked from it has another
if hasattr(os, "register_at_fork"):  # a child must not inherit a lock that nobody will open
    os.register_at_fork(
        before=_LOCK.acquire, after_in_parent=_LOCK.release, after_in_child=_LOCK.release
    )


@contextmanager
def threads(n):
    """Run a block with n torch threads and put the caller's number back.

    None leaves the number as it is, but in a forked child, which gets one.
    """
    import torch

    n = 1 if n is None and os.getpid() != _PROCESS else n
    with _LOCK:
        own = torch.get_num_threads()
        changes = n is not None and n != own
        of_process = _in_new_thread(torch.get_num_threads) if changes else None
    if not changes:
        yield
        return
    try:
        _set_own_number(n, of_process)
        yield
    finally:
        try:
            _set_own_number(own, of_process)
        except BaseException:  # a second Ctrl-C, say: it goes on when the number is right
            _set_own_number(own, of_process)
            raise


def one_thread():
    """Run a block with one torch thread and put the caller's number back.

    Kernels as small as those of a fit gain nothing from a second thread, and stall when the
    machine is shared; processes side by side must not each take all cores. It is also what a
    forked child needs: the threads that a process has started do not live on in its children,
    where kernels that count on them wait for ever.
    """
    return threads(1)


def _set_own_number(n, of_process):
    import torch

    with _LOCK:
        torch.set_num_threads(n)
        if n != of_process:
            _in_new_thread(torch.set_num_threads, of_process)


def _in_new_thread(function, *args):
    """Call a function where torch has no number yet but the process's."""
    results = []
    thread = threading.Thread(target=lambda: results.append(function(*args)))
    thread.start()
    thread.join()
    return results[0]
