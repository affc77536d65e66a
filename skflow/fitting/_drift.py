"""Whether a block of a stream is like the rows that came before it."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import ks_2samp

__all__ = ["Drift", "compare_block"]

ERRORS = 5.0  # standard errors that the mean score of a block may differ by
LEAST = 0.05  # nats a row, and of distribution functions: less is no news
CHANCE = 1e-7  # that one of a block's columns seems to differ when it does not
FEWEST = 30  # rows before, below which nothing is said
MOST = 10_000  # rows of a block that its columns are judged by


@dataclass(frozen=True)
class Drift:
    """What was found.

    Attributes
    ----------
    score : float
        Mean log density of the block before it was learnt.
    level : float
        Of held-out rows of before, NaN if there are too few.
    error : float
        Standard error of their difference.
    columns : dict {int: float}
        Columns whose distribution differs, with the largest distance between the two
        distribution functions (Kolmogorov-Smirnov).
    """

    score: float
    level: float
    error: float
    columns: dict

    @property
    def reported(self):
        """Whether the block scores lower than chance explains, or has columns that differ."""
        return bool(self.columns) or self.level - self.score > self._noise

    @property
    def typical(self):
        """Whether nothing speaks against it being a draw from what came before."""
        return not self.columns and not abs(self.score - self.level) > self._noise

    @property
    def _noise(self):
        return max(ERRORS * self.error, LEAST)


def compare_block(scores, before, columns, columns_before):
    """Compare a block with held-out rows of before.

    A mean of scores hardly sees one column of many move, and columns do not see how they hang
    together: both are looked at.

    Parameters
    ----------
    scores, before : ndarray of shape (n,) and (m,)
        Log densities by the flow that has learnt neither.
    columns, columns_before : ndarray of shape (n, d) and (m, d), or None

    Returns
    -------
    Drift
    """
    score = float(np.mean(scores))
    if len(before) < FEWEST:
        return Drift(score, np.nan, np.nan, {})
    expected = np.var(before)  # the spread that a block should have, which few rows do not know
    variance = max(expected, np.var(scores)) / len(scores) + expected / len(before)
    error = float(np.sqrt(variance))
    found = {}
    if columns_before is not None and len(columns_before) >= FEWEST:
        step = -(-len(columns) // MOST)
        pairs = zip(columns[::step].T, columns_before.T, strict=True)
        for j, (now, then) in enumerate(pairs):
            distance, chance = ks_2samp(now, then, method="asymp")
            if chance < CHANCE / columns.shape[1] and distance > LEAST:
                found[j] = float(distance)
    return Drift(score, float(np.mean(before)), error, found)
