"""A cluster of Dask, asked so that nothing waits for ever."""

import sys
import time

from skflow._clock import time_is_up

__all__ = ["TROUBLE", "ClusterError", "WorkCluster", "cluster_of"]

TROUBLE = "error", "cancelled", "lost"  # how futures of Dask end that have no result

POLL = 1.0  # seconds between two looks at the cluster
PATIENCE = 45.0  # seconds without a worker that runs, or without the scheduler

PARCEL = 2**22  # bytes that a scheduler is sent at once; Dask warns of more than 10 MB


class ClusterError(RuntimeError):
    """A cluster that can no longer do what a fit needs."""


def cluster_of(source):
    """Return the cluster that trains on the rows of a source; None where nothing else does.

    That is the one of the ``distributed.Client`` in use, for collections of Dask. Within a task
    of Dask there is none: a task that waits for others takes the place of one of them.

    Parameters
    ----------
    source : Source
    """
    distributed = sys.modules.get("distributed")
    if distributed is None or not hasattr(source, "collection"):
        return None
    try:
        client = distributed.default_client()
    except ValueError:
        return None
    if client.asynchronous or client.status != "running" or _in_task(distributed):
        return None
    return WorkCluster(client)


def _in_task(distributed):
    try:
        distributed.get_worker()
    except ValueError:
        return False
    return True


class WorkCluster:
    """The workers of a client.

    Parameters
    ----------
    client : distributed.Client

    Attributes
    ----------
    places : list of str
        The address of a worker for each of its threads, all workers in turn.
    """

    def __init__(self, client):
        self.client = client
        self.places = self._places()

    def _places(self):
        start = time.monotonic()
        while True:
            threads = dict(self.client.nthreads())
            if threads:
                break
            self._watch(start)
            time.sleep(POLL)
        rounds = range(max(threads.values()))
        return [place for k in rounds for place, n in sorted(threads.items()) if k < n]

    def compute(self, delayed):
        """Return futures of a list of Delayed, whose graph is one."""
        return self.client.compute(delayed)

    def submit(self, function, *args, place=None):
        """Return the future of a call, made in some worker, by choice in that of a place.

        Parameters
        ----------
        place : int, optional
        """
        at = {} if place is None else {"workers": [self.places[place % len(self.places)]]}
        return self.client.submit(
            function, *args, pure=False, allow_other_workers=place is not None, **at
        )

    def spread(self, value):
        """Return the future of something that tasks are given.

        The scheduler keeps it, unlike data that is scattered: no worker's death can lose it.
        """
        import cloudpickle

        whole = cloudpickle.dumps(value)
        parts = [whole[i : i + PARCEL] for i in range(0, len(whole), PARCEL)]
        return self.submit(_restored, [self.submit(bytes, part) for part in parts])

    def results(self, futures, share=None):
        """Results in the order of the futures.

        Parameters
        ----------
        futures : list of Future
        share : float, optional
            Of a limited time; what is not done by then is cancelled, and None, but for the first
            to be done.

        Raises
        ------
        ClusterError
            If no worker has run for a while, the scheduler is gone, or workers die of the work.
        """
        self.wait(futures, share)
        done = [future for future in futures if future.done()]
        late = [future for future in futures if not future.done()]
        self.cancel(late)
        found = dict(zip(map(id, done), map(self.result, done), strict=True))
        return [found.get(id(future)) for future in futures]

    def cancel(self, futures):
        """Have some futures not be worked on any more."""
        if futures:
            self.client.cancel(futures)

    def wait(self, futures, share=None):
        """Wait for all futures, or a share of a limited time; for one of them in any case."""
        from distributed import wait

        start = time.monotonic()
        while not all(future.done() for future in futures):
            late = share is not None and time_is_up(share)
            if late and any(future.done() for future in futures):
                return
            if any(future.status in TROUBLE for future in futures):
                return
            when = "FIRST_COMPLETED" if late else "ALL_COMPLETED"
            try:
                self._guarded(wait, futures, timeout=POLL, return_when=when)
            except TimeoutError:
                start = self._watch(start)

    def result(self, future):
        """Return the result of a future."""
        start, seconds = time.monotonic(), POLL
        while True:
            try:
                return self._guarded(future.result, timeout=seconds)
            except TimeoutError:
                if future.status == "error":  # it is the task's own
                    raise
                start, seconds = self._watch(start), 2 * seconds  # long results take their time

    def _guarded(self, function, *args, **options):
        """Call what may find that tasks or the whole cluster are gone."""
        from distributed import CancelledError, KilledWorker

        try:
            return function(*args, **options)
        except KilledWorker as error:
            raise ClusterError(
                f"{error.allowed_failures + 1} workers died one after the other of the same task "
                f"({error.last_worker.address} was the last), most often for want of memory. Pass "
                "smaller partitions, give workers more memory or fewer threads, and see their "
                "logs. Where workers die for other reasons, such as a queue that takes machines "
                "back, raise Dask's setting distributed.scheduler.allowed-failures."
            ) from error
        except CancelledError as error:
            raise ClusterError(
                "the cluster lost or cancelled what a fit had asked of it: the client was closed "
                "or restarted, the scheduler died, or all workers did at once. Look at their "
                "logs, and fit again."
            ) from error

    def _watch(self, start):
        """Return since when nothing can have been done: now, if there is a worker that runs."""
        now = time.monotonic()
        if self.client.status == "running":
            workers = self.client.scheduler_info()["workers"].values()
            # some versions of distributed tell of a few workers only, of which all may be paused
            untold = len(self.client.nthreads()) > len(workers)
            if untold or any(worker["status"] == "running" for worker in workers):
                return now
        if now - start > PATIENCE:
            raise ClusterError(_without_workers(now - start))
        return start


def _restored(parts):
    import pickle

    return pickle.loads(b"".join(parts))


def _without_workers(seconds):
    return (
        f"no worker of the cluster has run for {seconds:.0f} seconds (none is there, all are "
        "paused for want of memory, or the scheduler is out of reach). Start workers with enough "
        "memory for the rows of the table that fall to them, and fit again."
    )
