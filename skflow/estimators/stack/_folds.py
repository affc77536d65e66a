"""Which rows are held out together: folds of whole tables, of groups of equal rows, of things."""

from dataclasses import dataclass

import numpy as np
from sklearn.utils.validation import has_fit_parameter

from skflow.estimators._given import as_keyword
from skflow.tables._rows import group_rows

__all__ = ["FoldedRows", "assign_folds", "deal_folds"]

# Up to here every row is held out once; above, two folds of a tenth tell enough.
MAX_ROWS_HELD_OUT_ALL = 5_000
MIN_ROWS = 2  # that an estimator can be fitted to


@dataclass(frozen=True)
class FoldedRows:
    """Rows of a table, each with the fold that holds it out.

    Attributes
    ----------
    X : ndarray of shape (n_samples, n_features)
    weight : ndarray of shape (n_samples,) or None
    fold : ndarray of shape (n_samples,)
        -1 for rows that no fold holds out.
    context : ndarray of shape (n_samples, n_context) or None
        What each row is given.
    """

    X: np.ndarray
    weight: np.ndarray | None
    fold: np.ndarray
    context: np.ndarray | None = None

    @property
    def shape(self):
        """Rows, and columns of X and context together."""
        n, d = self.X.shape
        return n, d if self.context is None else d + self.context.shape[1]

    def fit_without(self, estimator, k):
        """Fit to the rows of all folds but k, with weight and context if they have them.

        Rows of weight 0 are left out.
        """
        rows, given = self.fold != k, {}
        if self.weight is not None:
            if not has_fit_parameter(estimator, "sample_weight"):
                raise TypeError("its fit takes no sample_weight")
            rows = rows & (self.weight > 0)
            given["sample_weight"] = self.weight[rows]
        return estimator.fit(self.X[rows], **given, **as_keyword(self.context, rows))

    def score(self, estimator, k):
        """Log density of each row of fold k by a fitted estimator."""
        rows = self.fold == k
        return estimator.score_samples(self.X[rows], **as_keyword(self.context, rows))


def assign_folds(X, weight, cv, rng, context=None):
    """Fold (n_samples,) that holds each row out, -1 for none.

    Rows that are equal, and are given the same, share a fold, and rows of weight 0, which no
    model sees, are in none. Nor is any row if a fold would leave fewer than the two rows that a
    fit takes.
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
    whole = X if context is None else np.concatenate([X, context], axis=1)
    first, group = group_rows(whole[used])
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
