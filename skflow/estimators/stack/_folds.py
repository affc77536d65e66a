"""Which rows are held out together: folds of whole tables, of groups of equal rows, of things."""

import numpy as np

from skflow.tables._rows import group_rows

__all__ = ["assign_folds", "deal_folds"]

# Up to here every row is held out once; above, two folds of a tenth tell enough.
MAX_ROWS_HELD_OUT_ALL = 5_000
MIN_ROWS = 2  # that an estimator can be fitted to


def assign_folds(X, weight, cv, rng):
    """Fold (n_samples,) that holds each row out, -1 for none.

    Equal rows share a fold, and rows of weight 0, which no model sees, are in none. Nor is any
    row if a fold would leave fewer than the two rows that a fit takes.
    """
    fold = np.full(len(X), -1)
    used = np.arange(len(X)) if weight is None else np.flatnonzero(weight)
    if hasattr(cv, "split"):
        for k, (_, test) in enumerate(cv.split(X[used])):
            fold[used[test]] = k
        return fold
    if isinstance(cv, list):  # splits number all rows of X
        for k, (_, test) in enumerate(cv):
            fold[test] = k
        if weight is not None:
            fold[weight == 0] = -1
        return fold
    first, group = group_rows(X[used])
    dealt = deal_folds(len(first), cv, rng)[group]
    if len(dealt) - np.bincount(dealt[dealt >= 0]).max() >= MIN_ROWS:
        fold[used] = dealt
    return fold


def deal_folds(n, n_folds, rng):
    """Deal n things out at random: the fold (n,) that holds each, -1 for none.

    Up to ``MAX_ROWS_HELD_OUT_ALL`` all are held; above, two folds of a tenth at most.
    """
    n_folds, n_held = (n_folds, n_folds) if n <= MAX_ROWS_HELD_OUT_ALL else (max(n_folds, 10), 2)
    n_folds = min(n_folds, n)
    n_held = min(n_held, n_folds)
    held = rng.permutation(n)
    if n_held < n_folds:
        held = held[: n_held * (n // n_folds)]
    fold = np.full(n, -1)
    fold[held] = np.arange(len(held)) % n_held
    return fold
