"""Which rows are like those of no class: scores on one scale, ranked among held-out rows."""

import numpy as np

from skflow._persistence import stored
from skflow.estimators.outlier._conformal import (
    cross_conformal_p_values,
    rank_table,
    threshold,
)

__all__ = ["NoveltyScale"]

LOW = 0.2  # quantile whose distance from the median is a unit


@stored
class NoveltyScale:
    r"""The least of several scores, each in units of its spread over held-out rows.

    .. math:: u(x) = \min_j \frac{s_j(x) - m_j}{m_j - q_j}

    with the median m and the 20 % quantile q of what the held-out rows scored. What one of the
    scores finds strange is strange; a p-value is the rank of u among the held-out rows, so that
    asking several costs nothing in false alarms.

    Attributes
    ----------
    centres, units : ndarray of shape (n_scores,)
    tables : list of (ndarray, ndarray)
        Of each fold.
    """

    def __init__(self, centres, units, tables):
        self.centres, self.units, self.tables = centres, units, tables

    @classmethod
    def fit(cls, scores, fold, weight):
        """Learn it from held-out scores (n, n_scores), the folds (n,) of the rows and weights."""
        centres = np.array([threshold(column, 0.5, weight) for column in scores.T])
        lows = np.array([threshold(column, LOW, weight) for column in scores.T])
        units = np.where(centres > lows, centres - lows, 1.0)
        scale = cls(centres, units, [])
        least = scale.least(scores)
        for k in range(int(fold.max()) + 1):
            scale.tables.append(rank_table(least[fold == k], weight[fold == k]))
        return scale

    def least(self, scores):
        """Return u (n,) of rows with scores (n, n_scores)."""
        return ((scores - self.centres) / self.units).min(axis=1)

    def p_values(self, scores):
        """p-values (n,) from scores (n, n_scores) by the models without fold 0, 1, ..."""
        return cross_conformal_p_values(self.tables, [self.least(each) for each in scores])
