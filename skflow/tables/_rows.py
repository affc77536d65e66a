"""Equal rows of a table: found, numbered and merged, without a second copy of a long table."""

import numpy as np

__all__ = ["group_rows", "merge_equal_rows"]


def group_rows(rows):
    """Find groups of equal rows, numbered in the order of their values.

    Sorting by value, unlike sorting by a hash of the bits, makes the order independent of the
    units of the columns.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_features)

    Returns
    -------
    first : ndarray of shape (n_groups,)
        A row of each group.
    group : ndarray of shape (n_rows,)
    """
    order = np.argsort(rows[:, 0], kind="stable")
    new = _changes(rows[order, 0])
    if not new.all():
        order = np.lexsort(rows.T[::-1])
        new = _changes(rows[order, 0])
        for column in rows.T[1:]:  # one after the other: rows in order would be a copy of them all
            new |= _changes(column[order])
    group = np.empty(len(rows), dtype=int)
    group[order] = np.cumsum(new) - 1
    return order[new], group


def _changes(x):
    """Whether each of x (n,) differs from the one before it; the first one does."""
    return np.append(True, x[1:] != x[:-1])


def merge_equal_rows(rows, weight, fold=None):
    """Give distinct rows numbers in sorted order, and add up their weights.

    A row of weight 2 and a row given twice then are the same table, and so are all orders of
    its rows: they give the same fit, bit for bit. Equal rows of different folds stay apart.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_features)
    weight : ndarray of shape (n_rows,) or None
    fold : ndarray of shape (n_rows,), int, optional
        At least -1.

    Returns
    -------
    first : ndarray of shape (n_distinct,)
        Which of the rows stands for each distinct one.
    weight : ndarray of shape (n_distinct,) or None
        With mean 1, None if all are equal.
    group : ndarray of shape (n_rows,)
        Which distinct row each row is.
    """
    first, group = group_rows(rows)
    if fold is not None:
        pair = group * (fold.max() + 2) + fold + 1
        _, first, group = np.unique(pair, return_index=True, return_inverse=True)
    if weight is not None:  # sums of the largest numbers overflow; powers of two change no digit
        weight = np.ldexp(weight, -np.frexp(weight.max())[1])
    weight = np.bincount(group, weights=weight)
    equal = np.ptp(weight) <= 1e-12 * weight.max()
    return first, None if equal else weight / weight.mean(), group
