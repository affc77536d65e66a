"""Columns in units of their own deviations."""

from dataclasses import dataclass

import numpy as np
import torch

from skflow._persistence import stored
from skflow.tables._rows import merge_equal_rows

__all__ = ["Standard", "distinct_rows", "given_rows"]

# Deviation, beside the size of a column's values, below which it is rounding error.
CONSTANT = 1e-12
FARTHEST = 1e100  # its square is a number
# How far multiples may be from whole, and to how many times the rows they may come.
WHOLE, MOST_REPEATED = 1e-9, 10


@stored
@dataclass(frozen=True)
class Standard:
    """Mean and standard deviation (d,) of columns; constant ones keep their units."""

    mean: np.ndarray
    deviation: np.ndarray

    @classmethod
    def of(cls, X, weight):
        """Those of rows X (n, d) with weights (n,)."""
        size = np.abs(X).max(axis=0)
        size[size == 0] = 1.0
        X = X / size  # so that no square overflows
        mean = np.average(X, axis=0, weights=weight)
        deviation = np.sqrt(np.average(np.square(X - mean), axis=0, weights=weight))
        return cls(mean * size, np.where(deviation > CONSTANT, deviation * size, 1.0))

    def __call__(self, X):
        """Rows (n, d) in these units, as a tensor; what is beyond ``FARTHEST`` is there."""
        with np.errstate(over="ignore"):
            z = (X - self.mean) / self.deviation
        return torch.as_tensor(np.clip(z, -FARTHEST, FARTHEST))


def given_rows(X, weight):
    """Return the rows of X (n, d) that weigh anything, in sorted order, and their weights.

    A row of weight 2 and a row given twice are the same: where all weights are multiples of the
    smallest, rows are repeated. Equal rows stay apart, since that there are some is a fact of the
    table: rows like these are to be expected to the last digit.

    Parameters
    ----------
    X : ndarray of shape (n, d)
    weight : ndarray of shape (n,) or None

    Returns
    -------
    rows : ndarray of shape (n_rows, d)
    weight : ndarray of shape (n_rows,)
    """
    weight = np.ones(len(X)) if weight is None else np.asarray(weight, dtype=float)
    X, weight = X[weight > 0], weight[weight > 0]
    times = weight / weight.min()
    whole = np.round(times)
    if np.abs(times - whole).max() < WHOLE and whole.sum() <= MOST_REPEATED * len(X):
        X, weight = X.repeat(whole.astype(int), axis=0), np.ones(int(whole.sum()))
    order = np.lexsort(X.T[::-1])
    return X[order], weight[order]


def distinct_rows(X, weight):
    """Return the distinct rows of X (n, d) that weigh anything, their weights, and who is which.

    Parameters
    ----------
    X : ndarray of shape (n, d)
    weight : ndarray of shape (n,) or None

    Returns
    -------
    rows : ndarray of shape (n_distinct, d)
    weight : ndarray of shape (n_distinct,)
    used : ndarray of shape (n_used,)
        The rows that weigh anything.
    group : ndarray of shape (n_used,)
        Which of the distinct rows each of these is.
    """
    used = np.arange(len(X)) if weight is None else np.flatnonzero(weight)
    X = X[used]
    first, merged, group = merge_equal_rows(X, None if weight is None else weight[used])
    return X[first], np.ones(len(first)) if merged is None else merged, used, group
