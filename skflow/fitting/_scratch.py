"""Rows in a file, shuffled, of which stretches are read: a table that does not fit in memory."""

import shutil
import tempfile
from threading import Lock

import numpy as np

__all__ = ["ShuffledFile", "row_type"]

REGION = 2**23  # bytes of rows that are shuffled together, in memory
SPARE = 2**26  # bytes that are left free on the disk


def row_type(n_features, n_context, dtype, weighted):
    """Return the numpy dtype of a row: what is scored, what it is given, its weight."""
    # a context keeps its digits until it is standardised
    fields = [("x", dtype, (n_features,))]
    fields += [("context", np.float64, (n_context,))] if n_context else []
    return np.dtype(fields + ([("weight", dtype)] if weighted else []))


class ShuffledFile:
    """Rows in the order of their keys, but for regions, which are shuffled each in memory.

    How many rows each bin of keys will get is known beforehand, so that every row is written once
    to the region where it will lie, and then region after region is put in a random order: the
    rows of the file are shuffled as a whole, whatever order they came in.

    Parameters
    ----------
    row : dtype
    counts : ndarray of shape (n_bins,)
        Rows by bins of keys.

    Raises
    ------
    OSError
        If the disk has no room for it.
    """

    def __init__(self, row, counts):
        self.row, self.lock = row, Lock()
        self.ends = np.concatenate([[0], np.cumsum(counts)])  # of bins, in rows
        self.first = _regions(self.ends, max(1, REGION // row.itemsize))
        self.region_of = np.repeat(np.arange(len(self.first) - 1), np.diff(self.first))
        self.start = self.ends[self.first[:-1]]
        self.room = np.diff(self.ends[self.first])
        self.filled = np.zeros_like(self.room)
        self.file = _new_file(int(self.ends[-1]) * row.itemsize)

    def __len__(self):
        return int(self.filled.sum())

    def write(self, bins, rows):
        """Write rows (m,) of the row's dtype to where their bins (m,) lie."""
        region = self.region_of[bins]
        order = np.argsort(region, kind="stable")
        rows, region = rows[order], region[order]
        cuts = np.flatnonzero(np.diff(region)) + 1
        firsts = region[np.append(0, cuts)] if len(rows) else []
        for part, k in zip(np.split(rows, cuts), firsts, strict=False):
            if self.filled[k] + len(part) > self.room[k]:
                raise ValueError(
                    "the source gave more rows when it was read again than at first; one that "
                    "gives the same rows every time is needed: write it to a file first."
                )
            self._write(self.start[k] + self.filled[k], part)
            self.filled[k] += len(part)

    def close(self):
        """Let go of the file, which is gone then."""
        self.file.close()

    def shuffle(self):
        """Put the rows of each region in a random order."""
        for k, (start, n) in enumerate(zip(self.start, self.filled, strict=True)):
            rows = self._read(start, n)
            order = np.random.default_rng(k).permutation(len(rows))
            self._write(start, rows[order])

    def read(self, start, n):
        """Return n rows from a place on, which after the last one go on with the first."""
        parts = []
        ends = np.cumsum(self.filled)
        while n:
            start %= len(self)
            k = int(np.searchsorted(ends, start, side="right"))
            inside = start - (ends[k] - self.filled[k])
            size = min(n, int(self.filled[k] - inside))
            parts.append(self._read(self.start[k] + inside, size))
            start, n = start + size, n - size
        return np.concatenate(parts)

    def _read(self, start, n):
        # not mapped: pages of a map would count as memory of the process
        rows = np.empty(int(n), dtype=self.row)
        with self.lock:
            self.file.seek(int(start) * self.row.itemsize)
            self.file.readinto(memoryview(rows).cast("B"))
        return rows

    def _write(self, start, rows):
        with self.lock:
            self.file.seek(int(start) * self.row.itemsize)
            self.file.write(memoryview(rows).cast("B"))


def _new_file(size):
    """Make a file without a name, which vanishes with the process however that ends."""
    folder = tempfile.gettempdir()
    free = shutil.disk_usage(folder).free
    if free < size + SPARE:
        raise OSError(
            f"a fit to this table writes a shuffled copy of {size / 2**30:.1f} GiB to {folder}, "
            f"where {free / 2**30:.1f} GiB are free. Make room, or have TMPDIR name a folder on a "
            "larger disk."
        )
    file = tempfile.TemporaryFile(prefix="skflow-")  # noqa: SIM115
    file.truncate(size)
    return file


def _regions(ends, most):
    """First bins of regions of at most so many rows, or of one bin, and the number of bins."""
    first = [0]
    for k in range(1, len(ends) - 1):
        if ends[k + 1] - ends[first[-1]] > most:
            first.append(k)
    return np.array([*first, len(ends) - 1])
