"""A uniform sample of rows that come one after the other, of which nobody knows how many come.

Each row has a key that looks random and follows from its position alone. Rows in the order of
their keys are shuffled, so that the first of them are a uniform sample, and the first of these
another one: what is held out, and what a fit starts from, do not depend on how the rows were cut
into blocks.
"""

import numpy as np

__all__ = ["Head", "keys_of", "smallest"]

# Steele, Lea & Flood (2014), Fast splittable pseudorandom number generators, figure 16
GOLDEN, FIRST, SECOND = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
OF_SALTS = 0xD1B54A32D192ED03


def keys_of(positions, salt=0):
    """Return a key of 64 bits for each of some positions (n,), other ones for every salt."""
    with np.errstate(over="ignore"):  # arithmetic modulo 2^64
        z = np.asarray(positions).astype(np.uint64) + np.uint64(1)
        z = (z + np.uint64(salt) * np.uint64(OF_SALTS)) * np.uint64(GOLDEN)
        for shift, factor in ((30, FIRST), (27, SECOND)):
            z = (z ^ (z >> np.uint64(shift))) * np.uint64(factor)
        return z ^ (z >> np.uint64(31))


def smallest(keys, n):
    """Return where the n smallest of some keys are, in the order of their places."""
    if len(keys) <= n:
        return np.arange(len(keys))
    return np.sort(np.argpartition(keys, n - 1)[:n])


class Head:
    """The rows with the smallest keys of all that came.

    Parameters
    ----------
    size : int
        How many rows it keeps, at most.
    """

    def __init__(self, size):
        self.size = size
        self.pending, self.n_pending = [], 0
        self.limit = np.uint64(np.iinfo(np.uint64).max)  # that a key must not exceed to get in

    def admits(self, keys):
        """Return which rows with some keys (m,) may be among the first, as indices."""
        return np.flatnonzero(keys <= self.limit)

    def take(self, keys, *parts):
        """Take in rows that it admits: their keys (m,), and arrays (m, ...) of theirs."""
        self.pending.append([keys, *parts])
        self.n_pending += len(keys)
        if self.n_pending > 1.5 * self.size:
            self._compact()

    def settle(self):
        """Return the keys of the rows that it kept, ascending, and their parts."""
        self._compact()
        keys, *parts = self.pending[0]
        order = np.argsort(keys, kind="stable")
        return [part[order] for part in (keys, *parts)]

    def _compact(self):
        merged = [np.concatenate(part) for part in zip(*self.pending, strict=True)]
        if len(merged[0]) > self.size:
            which = smallest(merged[0], self.size)
            merged = [part[which] for part in merged]
            self.limit = merged[0].max()
        self.pending, self.n_pending = [merged], len(merged[0])
