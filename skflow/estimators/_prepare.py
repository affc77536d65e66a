"""From the user's X to clean rows: checks, declared bounds, ties spread."""

from dataclasses import dataclass

import numpy as np

from skflow._support import (
    boundary_positions,
    check_inside_support,
    move_inside,
    resolve_support,
)
from skflow._validation import check_data, check_rows, check_sample_weight
from skflow.estimators._ties import dequantize, find_ties

__all__ = ["Table", "prepare"]


@dataclass(frozen=True)
class Table:
    """Training rows, ready for preprocessing.

    Attributes
    ----------
    rows : ndarray of shape (n_samples, n_features)
        Distinct, strictly inside the bounds, repeated values spread.
    weight : ndarray of shape (n_samples,) or None
        With mean 1, None if all are equal; rows of weight 0 are gone.
    bounds : tuple of four ndarray of shape (n_features,)
        low, high and the positions at which values on them are scored.
    dequantized : dict {column index: width}
        Columns that were spread and over what width, in the units of X.
    """

    rows: np.ndarray
    weight: np.ndarray | None
    bounds: tuple
    dequantized: dict


def prepare(estimator, X, sample_weight, rng):
    """Check X and weights for ``estimator`` and make the rows to train on."""
    X = check_data(estimator, X, reset=True)
    weight = check_sample_weight(sample_weight, X)
    check_rows(X, sample_weight=weight)
    if weight is not None:
        X, weight = X[weight > 0], weight[weight > 0]
    names = getattr(estimator, "feature_names_in_", None)
    low, high = resolve_support(estimator.support, X.shape[1], names)
    check_inside_support(X, low, high, names)
    ties = find_ties(X)
    widths = ties.row_widths(X)
    bounds = (low, high, *boundary_positions(X, low, high, widths))
    rows = move_inside(dequantize(X, widths, rng, low, high), *bounds)
    rows, weight = _merge_equal_rows(rows, weight)
    found = {int(j): float(ties.widths[j]) for j in np.flatnonzero(ties.widths)}
    return Table(rows, weight, bounds, found)


def _merge_equal_rows(rows, weight):
    """Distinct rows in sorted order, with the sums of their weights (mean 1).

    A row of weight 2 and a row given twice then are the same table, and so are all orders of
    its rows: they give the same fit, to the last bit. Sorting by value, unlike sorting by a hash
    of the bits, also makes the order independent of the units of the columns.
    """
    order = np.argsort(rows[:, 0], kind="stable")
    if (np.diff(rows[order, 0]) == 0).any():
        order = np.lexsort(rows.T[::-1])
    rows = rows[order]
    new = np.append(True, (rows[1:] != rows[:-1]).any(axis=1))
    weight = np.ones(len(rows)) if weight is None else weight[order]
    weight = np.add.reduceat(weight, np.flatnonzero(new))
    equal = np.ptp(weight) <= 1e-12 * weight.max()
    return rows[new], None if equal else weight / weight.mean()
