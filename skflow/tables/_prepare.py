"""From the user's X to clean rows: checks, declared bounds, ties spread."""

from dataclasses import dataclass

import numpy as np

from skflow._validation import check_data, check_rows, check_sample_weight
from skflow.tables._bounds import (
    boundary_positions,
    check_inside_support,
    move_inside,
    resolve_support,
)
from skflow.tables._ties import Ties, dequantize, find_ties

__all__ = ["Table", "group_rows", "prepare"]


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
    ties : Ties
        Repeated values that were spread and over what widths, in the units of X.
    source : ndarray of shape (n_samples,)
        Which of ``rows`` each row of X became, -1 where its weight is 0.
    holder : ndarray of shape (n_rows,) or None
        The member that is to hold each of ``rows`` out, -1 for none; None leaves that open.
    """

    rows: np.ndarray
    weight: np.ndarray | None
    bounds: tuple
    ties: Ties
    source: np.ndarray
    holder: np.ndarray | None

    @property
    def dequantized(self):
        """Columns that were spread, and over what width, as a dict."""
        widths = self.ties.widths
        return {int(j): float(widths[j]) for j in np.flatnonzero(widths)}


def prepare(estimator, X, sample_weight, rng, fold=None, spread=True, check=None):
    """Check X and weights for ``estimator`` and make the rows to train on.

    ``fold`` (n_samples,) may name the member that is to hold each row of X out. Without
    ``spread``, repeated values stay as they are. ``check`` is called with the numbers of X as
    they came, so that what it raises can name their rows.
    """
    X = check_data(estimator, X, reset=True)
    weight = check_sample_weight(sample_weight, X)
    check_rows(X, sample_weight=weight)
    if check is not None:
        check(X)
    source = np.full(len(X), -1)
    used = slice(None) if weight is None else weight > 0
    if weight is not None:
        X, weight = X[used], weight[used]
    names = getattr(estimator, "feature_names_in_", None)
    low, high = resolve_support(estimator.support, X.shape[1], names)
    check_inside_support(X, low, high, names)
    ties = find_ties(X)
    widths = ties.row_widths(X)
    bounds = (low, high, *boundary_positions(X, low, high, widths))
    rows = dequantize(X, widths, rng, low, high) if spread else X
    rows = move_inside(rows, *bounds)
    rows, weight, source[used] = _merge_equal_rows(rows, weight)
    if not spread:
        ties = Ties((None,) * X.shape[1])
    holder = None
    if fold is not None:
        holder = np.empty(len(rows), dtype=int)
        holder[source[used]] = fold[used]
    return Table(rows, weight, bounds, ties, source, holder)


def group_rows(rows):
    """Find groups of equal rows, numbered in the order of their values.

    Sorting by value, unlike sorting by a hash of the bits, makes the order independent of the
    units of the columns.

    Returns
    -------
    first : ndarray of shape (n_groups,)
        A row of each group.
    group : ndarray of shape (n_rows,)
    """
    order = np.argsort(rows[:, 0], kind="stable")
    if (np.diff(rows[order, 0]) == 0).any():
        order = np.lexsort(rows.T[::-1])
    ordered = rows[order]
    new = np.append(True, (ordered[1:] != ordered[:-1]).any(axis=1))
    group = np.empty(len(rows), dtype=int)
    group[order] = np.cumsum(new) - 1
    return order[new], group


def _merge_equal_rows(rows, weight):
    """Distinct rows in sorted order, the sums of their weights (mean 1), and where each went.

    A row of weight 2 and a row given twice then are the same table, and so are all orders of
    its rows: they give the same fit, to the last bit.
    """
    first, group = group_rows(rows)
    weight = np.bincount(group, weights=weight)
    equal = np.ptp(weight) <= 1e-12 * weight.max()
    return rows[first], None if equal else weight / weight.mean(), group
