"""The first pass over a table that does not fit in memory: what there is, and a sample of it."""

import hashlib
from dataclasses import dataclass

import numpy as np

from skflow._clock import left_out, time_is_up
from skflow._containers import rows_at
from skflow.sources._parts import joined
from skflow.tables._head import Head, keys_of

__all__ = ["Scout", "Survey", "head_size", "take_survey"]

# Rows of the uniform sample, and entries that it has at most: of it a fit starts, by it the fit is
# judged, and it stands for the table where ties and bounds are looked for.
HEAD_ROWS, HEAD_ENTRIES, FEWEST_HEAD_ROWS = 100_000, 2**23, 10_000
BINS = 4096  # by the keys of rows, to know beforehand where rows will lie once they are shuffled
KEY_BITS = 64
# share of a limited time after which the rest of the table is not read: training wants more
READING = 0.25


@dataclass(frozen=True)
class Survey:
    """What one pass tells.

    Attributes
    ----------
    n_samples, n_rows : int
        Rows in all, and those of positive weight.
    keys : ndarray of shape (n_head,), uint64
        Of the rows of the sample, ascending.
    rows : ndarray of shape (n_head, d), float64
    positions : ndarray of shape (n_head,), int
    weight : ndarray of shape (n_head,) or None
        None if all weights are equal.
    context : table of n_head rows, or None
    weight_mean : float
        Of all rows of positive weight.
    counts : ndarray of shape (BINS,)
        Rows by the first bits of their keys.
    digest : ndarray of shape (n_bytes,), or None
        Of all rows and weights, the same however they were cut into blocks.
    """

    n_samples: int
    n_rows: int
    keys: np.ndarray
    rows: np.ndarray
    positions: np.ndarray
    weight: np.ndarray | None
    context: object
    weight_mean: float
    counts: np.ndarray
    digest: np.ndarray | None

    @staticmethod
    def bins(keys):
        """Return the bin (n,) of each key."""
        return (keys >> np.uint64(KEY_BITS - (BINS.bit_length() - 1))).astype(np.intp)


def take_survey(blocks, digests=False):
    """Go through the rows once.

    Parameters
    ----------
    blocks : iterable of Block
        Of which each has rows (m, d), weights (m,) or None and a context or None.
    digests : bool, default=False
        Whether to tell the rows from others, which takes a second a gigabyte.

    Returns
    -------
    survey : Survey
    """
    scout = Scout(digests)
    for block in blocks:
        scout.look_at(block)
        if time_is_up(READING):
            left_out(f"all rows after the first {scout.n_samples:,}")
            break
    return scout.survey()


def head_size(d):
    """How many rows of d columns the sample has, at most."""
    return int(np.clip(HEAD_ENTRIES // d, FEWEST_HEAD_ROWS, HEAD_ROWS))


class Scout:
    """What is known after the blocks so far.

    Parameters
    ----------
    digests : bool
    limit : int, optional
        Key above which no row is kept for the sample, where it is known that these are too many.
    """

    def __init__(self, digests=False, limit=None):
        self.limit = limit
        self.head, self.n_columns = None, None
        self.digest = hashlib.blake2b() if digests else None
        self.n_samples, self.n_rows, self.sum = 0, 0, 0.0
        self.counts = np.zeros(BINS, dtype=np.int64)
        self.ends = np.array([np.inf, -np.inf])  # of the weights
        self.contexts, self.places = [], []

    def look_at(self, block):
        start, rows, weight, context, _ = block
        if self.head is None:
            self._begin(rows.shape[1])
        if self.digest is not None:
            each = rows if weight is None else np.column_stack([rows, weight])
            self.digest.update(np.ascontiguousarray(each))
        used = slice(None) if weight is None or weight.all() else np.flatnonzero(weight)
        positions = np.arange(start, start + len(rows))[used]
        keys = keys_of(positions)
        self.n_samples = start + len(rows)
        if not len(positions):
            return
        self._count(keys, None if weight is None else weight[used])
        which = self.head.admits(keys)
        of_block = positions[which] - start
        weights = np.ones(len(which)) if weight is None else weight[of_block]
        self.head.take(keys[which], rows[of_block], positions[which], weights)
        if context is not None:
            self.contexts.append(rows_at(context, of_block))
            self.places.append(positions[which])

    def add(self, other):
        """Take in what a scout of the rows that follow knows, whose digest is one in bytes."""
        if self.digest is not None:
            self.digest.update(other.digest)
        if other.head is None:
            return
        if self.head is None:
            self._begin(other.n_columns)
        self.n_samples = max(self.n_samples, other.n_samples)
        self.n_rows, self.sum = self.n_rows + other.n_rows, self.sum + other.sum
        self.ends = np.array([min(self.ends[0], other.ends[0]), max(self.ends[1], other.ends[1])])
        self.counts += other.counts
        for taken in other.head.pending:
            self.head.take(*taken)
        self.contexts += other.contexts
        self.places += other.places

    @property
    def kept_keys(self):
        """Keys (n,) of the rows that it keeps for the sample."""
        pending = [] if self.head is None else self.head.pending
        return np.concatenate([np.empty(0, dtype=np.uint64), *(keys for keys, *_ in pending)])

    def survey(self):
        if not self.n_rows:
            raise ValueError(
                f"sample_weight is zero in every one of {self.n_samples:,} rows: at least one "
                "weight must be non-zero."
                if self.n_samples
                else "X holds no rows (0 samples): pass a table with rows."
            )
        keys, rows, positions, weight = self.head.settle()
        equal, digest = self.ends[0] == self.ends[1], self.digest
        return Survey(
            n_samples=self.n_samples,
            n_rows=self.n_rows,
            keys=keys,
            rows=rows,
            positions=positions,
            weight=None if equal else weight,
            context=self._context_at(positions),
            weight_mean=self.sum / self.n_rows,
            counts=self.counts,
            digest=None if digest is None else np.frombuffer(digest.digest(), dtype=np.uint8),
        )

    def _context_at(self, positions):
        """Rows of the context at some positions, of all that the head ever admitted."""
        if not self.contexts:
            return None
        places = np.concatenate(self.places)
        order = np.argsort(places)
        found = order[np.searchsorted(places[order], positions)]
        return rows_at(joined(self.contexts), found)

    def _begin(self, d):
        self.head, self.n_columns = Head(head_size(d)), d
        if self.limit is not None:
            self.head.limit = np.uint64(self.limit)

    def _count(self, keys, weight):
        weight = np.ones(len(keys)) if weight is None else weight
        self.n_rows += len(keys)
        self.sum += float(weight.sum())
        self.ends = np.array([min(self.ends[0], weight.min()), max(self.ends[1], weight.max())])
        self.counts += np.bincount(Survey.bins(keys), minlength=BINS)
