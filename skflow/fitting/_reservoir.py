"""Rows of a stream that are kept: drawn uniformly from all, however the stream is cut."""

import numpy as np

from skflow.tables._head import keys_of, smallest

__all__ = ["Reservoir", "blocks_joined"]


class Reservoir:
    """Rows with the lowest of numbers that their positions in a stream are hashed to.

    That is a uniform draw from all rows that came, and the same one whether they came one by one
    or all at once. It is never changed: :meth:`add` returns another one.

    Parameters
    ----------
    size : int
        Rows kept, at most.
    salt : int
        Of the hash.
    """

    def __init__(self, size, salt):
        self.size, self.salt = size, salt
        self.keys = np.empty(0, dtype=np.uint64)
        self.columns = None

    def __len__(self):
        return len(self.keys)

    def add(self, positions, columns):
        """Offer rows to it: their positions (n,), and arrays (n, ...) or None by name."""
        other = Reservoir(self.size, self.salt)
        keys = np.concatenate([self.keys, keys_of(positions, self.salt)])
        columns = columns if self.columns is None else blocks_joined([self.columns, columns])
        # in the order in which they came, which their numbers would not show
        kept = smallest(keys, self.size)
        other.keys, other.columns = keys[kept], _of(columns, kept)
        return other

    def draw(self, n, rng):
        """Draw n of its rows, or all if it has no more, without repetition; None of nothing."""
        if self.columns is None:
            return None
        which = np.arange(len(self))
        if n < len(which):
            which = rng.choice(which, n, replace=False)
        return _of(self.columns, which)

    def with_column(self, name, values):
        """Return it with an array (n, ...) in the place of another one."""
        other = Reservoir(self.size, self.salt)
        other.keys, other.columns = self.keys, {**self.columns, name: values}
        return other


def blocks_joined(parts):
    """Columns of several blocks as those of one; weights that some have are 1 elsewhere."""
    first = parts[0]
    if len(parts) == 1:
        return first
    out = {}
    for name in first:
        arrays = [part[name] for part in parts]
        if any(array is not None for array in arrays):
            sizes = [len(part["rows"]) for part in parts]
            pairs = zip(arrays, sizes, strict=True)
            out[name] = np.concatenate([np.ones(n) if a is None else a for a, n in pairs])
        else:
            out[name] = None
    return out


def _of(columns, which):
    return {name: None if a is None else a[which] for name, a in columns.items()}
