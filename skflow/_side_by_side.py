"""Work that is the same however many threads share it."""

from concurrent.futures import ThreadPoolExecutor, wait
from contextvars import copy_context

from joblib import Parallel, effective_n_jobs

__all__ = ["as_they_come", "n_threads_for", "side_by_side"]


def n_threads_for(n_items, n_jobs):
    """How many threads work on so many items: ``n_jobs`` as joblib reads it, at most one each."""
    return max(1, min(n_items, effective_n_jobs(n_jobs)))


def side_by_side(function, items, n_jobs=None, *, interrupt=None):
    """Results of a function of each item, in their order, worked out in threads.

    Threads and not processes: torch and numpy let go of the interpreter while they compute, and
    nothing has to be copied. Each call has the caller's context (limits of time, names in
    warnings) for its own; what torch keeps for each thread (gradients on or off, its number of
    threads) the function has to set.

    Parameters
    ----------
    function : callable
    items : sequence
    n_jobs : int or None
        As in joblib: None is 1 unless a ``parallel_config`` says otherwise, -1 all cores.
    interrupt : callable, optional
        Called on Ctrl-C, to make the calls that run end soon with what they have, and those to
        come at once. Without it Ctrl-C gets through when the calls that run are done.
    """
    n = n_threads_for(len(items), n_jobs) if len(items) > 1 else 1  # to ask takes its time, too
    if n == 1:
        return [function(item) for item in items]
    with ThreadPoolExecutor(n) as pool:
        futures = [pool.submit(copy_context().run, function, item) for item in items]
        try:
            wait(futures)
        except KeyboardInterrupt:
            if interrupt is None:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
            interrupt()
        return [future.result() for future in futures]


def as_they_come(tasks, *, ordered=True, **settings):
    """Results of joblib's delayed tasks, an iterator that hands each out when it is there.

    ``ordered`` keeps them in the order of the tasks. Backends that return lists alone hand all out
    at the end. ``settings`` are joblib.Parallel's.
    """
    try:
        kind = "generator" if ordered else "generator_unordered"
        parallel = Parallel(**settings, return_as=kind)
    except ValueError:
        parallel = Parallel(**settings)
    return parallel(tasks)
