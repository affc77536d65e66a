"""Processes that fit together, each to its own rows: the ranks of torch.distributed."""

import os
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta

__all__ = ["Ranks", "data_parallel", "ranks_in_use", "refuse_ranks"]

OF_TORCHRUN = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")

_RANKS = ContextVar("ranks", default=None)


@contextmanager
def data_parallel(timeout=300.0):
    """Fit trained flows in a block with all processes that ``torchrun`` has started.

    Every process calls the same ``fit`` with rows of its own, which may be few or none: an array,
    a data frame or a source. A step takes ``batch_size`` rows in all, from each process in
    proportion to its rows, and the gradients of all are averaged by rows and weights, so that
    the fit is that of one process with all rows. At the end all hold the same flow to the bit.
    Gradients go through gloo on CPUs, and through NCCL where the estimator's device is a GPU,
    which each process has to name, as in ``device=f"cuda:{os.environ['LOCAL_RANK']}"``.

    Parameters
    ----------
    timeout : float, default=300
        Seconds after which a process that does not answer ends the fit of all with an error.

    Yields
    ------
    ranks : Ranks
        ``ranks.rank`` is the number of this process, of ``ranks.size``.

    Raises
    ------
    RuntimeError
        Where neither ``torchrun`` nor ``init_process_group`` has made a group; and in the block if
        another process ends or does not answer in time.

    Examples
    --------
    ``torchrun --nproc_per_node=2 fit.py`` with::

        with skflow.scale.data_parallel() as ranks:
            flow = skflow.NSFDensity(random_state=0).fit(X[ranks.rank :: ranks.size])
        if ranks.rank == 0:
            flow.save("flow.safetensors")
    """
    import torch.distributed as dist

    own = not dist.is_initialized()
    if own:
        missing = [name for name in OF_TORCHRUN if name not in os.environ]
        if missing:
            raise RuntimeError(
                f"data_parallel() is for processes that know of each other, and {missing} are not "
                "set: start the script by torchrun --nproc_per_node=2 script.py, or call "
                "torch.distributed.init_process_group before."
            )
        dist.init_process_group("gloo", timeout=timedelta(seconds=timeout))
    ranks = Ranks(timeout)
    token = _RANKS.set(ranks)
    try:
        yield ranks
    finally:
        _RANKS.reset(token)
        if own:
            dist.destroy_process_group()


def ranks_in_use():
    """Return the ranks of the block around this, None outside of :func:`data_parallel`."""
    return _RANKS.get()


def refuse_ranks(estimator, method="fit"):
    """Raise a TypeError in :func:`data_parallel` for what each process would do by itself."""
    if ranks_in_use() is not None:
        raise TypeError(
            f"{type(estimator).__name__}.{method} is not done by several processes together: in "
            "data_parallel() call fit of a flow that is trained, such as skflow.NSFDensity, and "
            "this outside of it."
        )


class Ranks:
    """The processes of a group, and what they tell each other.

    All of them call each method at the same point of a fit.

    Parameters
    ----------
    timeout : float

    Attributes
    ----------
    rank, size : int
    """

    def __init__(self, timeout):
        import torch.distributed as dist

        self.timeout = timeout
        self.rank, self.size = dist.get_rank(), dist.get_world_size()
        self.groups = {"cpu": self._new_group("gloo")}

    def _new_group(self, backend):
        import torch.distributed as dist

        return dist.new_group(backend=backend, timeout=timedelta(seconds=self.timeout))

    def _group(self, device):
        if device not in self.groups:
            self.groups[device] = self._new_group("nccl")
        return self.groups[device]

    def gather(self, value):
        """Return a list of the values of all ranks."""
        import torch.distributed as dist

        values = [None] * self.size
        self._guarded(dist.all_gather_object, values, value, group=self.groups["cpu"])
        return values

    def agreed(self, value):
        """Return the value of rank 0."""
        import torch.distributed as dist

        values = [value]
        self._guarded(dist.broadcast_object_list, values, src=0, group=self.groups["cpu"])
        return values[0]

    def together(self, function):
        """Return a list of what a function returns on all ranks, or raise an error on all.

        A rank that fails alone would leave the others waiting.
        """
        value = error = None
        try:
            value = function()
        except Exception as caught:  # noqa: BLE001
            error = caught
        told = None if error is None else f"{type(error).__name__}: {error}"
        found = self.gather((value, told))
        if error is not None:
            raise error
        for rank, (_, trouble) in enumerate(found):
            if trouble is not None:
                raise RuntimeError(f"the fit ended in an error of rank {rank}: {trouble}")
        return [value for value, _ in found]

    def add_up(self, tensor):
        """Add the tensors of all ranks up in place, the same to the bit on all."""
        import torch.distributed as dist

        self._guarded(dist.all_reduce, tensor, group=self._group(tensor.device.type))
        return tensor

    def copy_first(self, tensor):
        """Make a tensor that of rank 0, in place."""
        import torch.distributed as dist

        self._guarded(dist.broadcast, tensor, src=0, group=self._group(tensor.device.type))
        return tensor

    def _guarded(self, function, *args, **options):
        try:
            return function(*args, **options)
        except RuntimeError as error:
            raise RuntimeError(
                f"rank {self.rank} of {self.size} lost the others: one of them has ended, or did "
                f"not answer for {self.timeout:g} seconds. See what it said; start all anew, as "
                "torchrun --max-restarts does, and pass checkpoint= to go on where they were."
            ) from error
