"""Which cells of a row are holes: patterns by how often they were there in a fit."""

from dataclasses import dataclass

import numpy as np

from skflow._persistence import stored

__all__ = ["HolePatterns"]

MOST_PATTERNS = 255


@stored
@dataclass(frozen=True, eq=False)
class HolePatterns:
    """Patterns of holes, the most frequent ones by themselves, others column by column.

    Attributes
    ----------
    patterns : ndarray of shape (k, d), bool
    shares : ndarray of shape (k + 1,)
        Of each, and of all others together.
    by_column : ndarray of shape (d, 2)
        Shares of cells and of holes, for those others.
    """

    patterns: np.ndarray
    shares: np.ndarray
    by_column: np.ndarray

    @classmethod
    def read(cls, holes):
        """Learn from the holes (n, d) of a fit; each pattern counts half a time more."""
        patterns, counts = np.unique(holes, axis=0, return_counts=True)
        kept = np.argsort(-counts, kind="stable")[:MOST_PATTERNS]
        counts = np.append(counts[kept], counts.sum() - counts[kept].sum()) + 0.5
        share = (holes.sum(axis=0) + 0.5) / (len(holes) + 1)
        return cls(patterns[kept], counts / counts.sum(), np.column_stack([1 - share, share]))

    def log_prob(self, holes):
        """Log probability (n,) of holes (n, d), in nats."""
        which = self._which(holes)
        own = np.where(holes, self.by_column[:, 1], self.by_column[:, 0])
        other = which == len(self.patterns)
        return np.log(self.shares[which]) + np.where(other, np.log(own).sum(axis=1), 0.0)

    def code(self, n, channel, holes=None):
        """Holes (n, d) through a channel."""
        which = None if holes is None else self._which(holes)
        which = channel.code(np.broadcast_to(self.shares, (n, len(self.shares))), which)
        other = np.flatnonzero(which == len(self.patterns))
        found = self.patterns[np.minimum(which, len(self.patterns) - 1)]
        for j, shares in enumerate(self.by_column):
            own = None if holes is None else holes[other, j].astype(np.int64)
            own = channel.code(np.broadcast_to(shares, (len(other), 2)), own)
            found[other, j] = own.astype(bool)
        return found

    def _which(self, holes):
        """Which pattern (n,) each row has, k for none of them."""
        known = {row.tobytes(): k for k, row in enumerate(self.patterns)}
        rows = np.ascontiguousarray(holes)
        return np.array([known.get(row.tobytes(), len(known)) for row in rows], dtype=np.int64)
