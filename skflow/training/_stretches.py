"""Batches of rows in a file: a stretch of it is in memory, and an epoch is a stretch."""

import math

import torch

from skflow.training._data import Batches
from skflow.training._rows import Batch, Rows

__all__ = ["StretchBatches", "batch_of", "n_stretches"]

ENTRIES = 2**21  # of a stretch; a tenth of a second to read, and some seconds to train on


def n_stretches(n_rows, n_entries_of_row):
    """In how many stretches a file of rows is read."""
    return max(1, math.ceil(n_rows * n_entries_of_row / ENTRIES))


class StretchBatches(Batches):
    """Shuffled batches of one stretch of a file after the other, in a circle.

    The rows of a stretch lie in the same tensors as those of the one before, which makes no
    difference to whoever takes batches, graphs recorded on a GPU included.

    Parameters
    ----------
    file : object
        With ``read(start, n)``, which gives rows (n,) with fields x, context and weight, and as
        long as the rows in it.
    n : int
        Stretches of the file.
    batch_size : int
    noise : float or tensor of shape (*members, 1, d), default=0.0
        See :class:`Batches`.
    n_members : int or None
        That share a stretch, each in an order of its own; None for rows without such an axis.
    first : int
        The stretch to begin with.
    device : torch.device

    Attributes
    ----------
    n_read : int
        Rows of the file that were dealt out at least once.
    """

    def __init__(self, file, n, batch_size, noise=0.0, *, n_members=None, first=0, device="cpu"):
        self.file, self.n_stretches, self.next = file, n, first
        self.size, self.n_read = math.ceil(len(file) / n), 0
        members = () if n_members is None else (n_members,)
        stretch = Batch(*(None if t is None else t.to(device) for t in self._read()))
        index = torch.arange(self.size, device=device).expand(*members, self.size)
        super().__init__(Rows(stretch, index), batch_size, noise)

    def places(self):
        """Read the next stretch, and return where the rows of its batches are."""
        for own, new in zip(self.rows.table, self._read(), strict=True):
            if own is not None:
                own.copy_(new)
        self.next = (self.next + 1) % self.n_stretches
        self.n_read = min(self.n_read + self.size, len(self.file))
        return super().places()

    def state(self):
        """Copy what goes over from one epoch to the next, for :meth:`resume`."""
        return {**super().state(), "next": self.next, "n_read": self.n_read}

    def resume(self, state):
        """Go on from where other batches of the same file were."""
        super().resume(state)
        self.next, self.n_read = state["next"], state["n_read"]

    def _read(self):
        return batch_of(self.file.read(self.next * self.size, self.size))


def batch_of(rows):
    """Return the Batch of rows (n,) with a field x, and perhaps context and weight."""
    return Batch(
        *(
            torch.from_numpy(rows[name].copy()) if name in rows.dtype.names else None
            for name in Batch._fields
        )
    )
