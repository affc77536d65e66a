"""Folds, thresholds and p-values: from scores of rows that the models had not seen."""

import numpy as np

from skflow._persistence import stored
from skflow.estimators.stack._folds import deal_folds

__all__ = ["RandomFolds", "cross_conformal_p_values", "rank_table", "threshold"]

ROUNDING = 1e-9  # of a share of rows


@stored
class RandomFolds:
    """Splitter into random folds of rows; of long tables, two folds of a tenth are held out.

    Equal rows may fall into different folds, unlike those of :class:`StackedDensity`: a new row
    may equal a training row too, and p-values compare like with like.
    """

    def __init__(self, n_folds, seed):
        self.n_folds = n_folds
        self.seed = seed

    def split(self, X, y=None, groups=None):
        """Yield pairs (train, test) of row numbers."""
        fold = deal_folds(len(X), self.n_folds, np.random.default_rng(self.seed))
        for k in range(fold.max() + 1):
            yield np.flatnonzero(fold != k), np.flatnonzero(fold == k)


def threshold(scores, share, weight=None):
    """Find the number that a share of the scores lies below: exactly, if none are equal.

    It is midway between the last score below and the first above, so that rounding moves no
    score across. Where equal scores forbid the exact share, fewer lie below.

    Parameters
    ----------
    scores : ndarray of shape (n,)
    share : float in [0, 1)
    weight : ndarray of shape (n,), optional
        Non-negative; only ratios matter, and a weight of 2 is a score given twice.
    """
    if weight is not None:
        scores, weight = scores[weight > 0], weight[weight > 0]
    values, group = np.unique(scores, return_inverse=True)
    mass = np.bincount(group, weights=weight).cumsum()
    below = np.searchsorted(mass / mass[-1], share + ROUNDING, side="right")
    return float(values[max(below - 1, 0)] / 2 + values[below] / 2)


def rank_table(scores, weight):
    """Sorted scores (n,) and the weight (n + 1,) of those before each: what a p-value needs."""
    order = np.argsort(scores)
    return scores[order], np.append(0.0, weight[order].cumsum())


def cross_conformal_p_values(tables, scores):
    r"""p-values of new rows, from their scores by each fold's model.

    .. math:: p(x) = \frac{1 + \sum_k \sum_{i \in k} w_i [s_k(x_i) \le s_k(x)]}{1 + \sum_i w_i}

    Parameters
    ----------
    tables : list of (ndarray, ndarray)
        :func:`rank_table` of the held-out scores of each fold.
    scores : list of ndarray of shape (n_rows,)
        Scores of the new rows by the model that did not see fold 0, 1, ...

    Returns
    -------
    p_values : ndarray of shape (n_rows,)

    References
    ----------
    Vovk (2015), Cross-conformal predictors, Annals of Mathematics and Artificial Intelligence
    74, 9-28.
    """
    below = sum(
        before[np.searchsorted(ranked, s, side="right")]
        for (ranked, before), s in zip(tables, scores, strict=True)
    )
    total = sum(before[-1] for _, before in tables)
    return np.minimum((1 + below) / (1 + total), 1.0)
