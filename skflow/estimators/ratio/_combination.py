"""Several log ratios combined into one by the rows that none of their models has seen."""

import numpy as np

from skflow.estimators.ratio._logistic import linear_log_odds

__all__ = ["Combination", "cross_fitted_log_ratio"]

PULL = 10.0  # rows that speak for the expected weights
FARTHEST = 1e3  # nats beyond which a ratio counts as if it were there


class Combination:
    r"""Log ratios in a sum whose weights held-out rows have chosen.

    .. math:: \log \frac{p(x)}{q(x)} = b + \sum_k w_k\, r_k(x)

    with weights that are not negative and minimise the logistic loss of telling rows of p from
    rows of q, see :func:`linear_log_odds`. A sum of weights below 1 stands for ratios that are
    too sure of themselves.

    Parameters
    ----------
    weights : ndarray of shape (n_ratios,)
    level : float
        The number b.
    """

    def __init__(self, weights, level=0.0):
        self.weights, self.level = weights, level

    @classmethod
    def fit(cls, log_ratios, code, expected):
        """Weigh log ratios (n, n_ratios) by rows that they have not seen; code (n,) is 1 for p."""
        if len(np.unique(code)) < 2:
            return cls(expected)
        rows = np.clip(log_ratios, -FARTHEST, FARTHEST)
        weight = np.ones(len(code))
        return cls(*linear_log_odds(rows, code, weight, expected, PULL, growing=True))

    def log_ratio(self, log_ratios):
        """Log ratio (n,) of log ratios (n, n_ratios)."""
        return self.level + np.clip(log_ratios, -FARTHEST, FARTHEST) @ self.weights


def cross_fitted_log_ratio(log_ratios, code, fold, expected):
    """Log ratio (n,) of held-out rows by weights that the other folds chose.

    Parameters
    ----------
    log_ratios : ndarray of shape (n, n_ratios)
        By models without the row.
    code, fold : ndarray of shape (n,)
        Each fold is 0 or more.
    expected : ndarray of shape (n_ratios,)
    """
    found = np.empty(len(code))
    for k in np.unique(fold):
        own = fold == k
        others = Combination.fit(log_ratios[~own], code[~own], expected)
        found[own] = others.log_ratio(log_ratios[own])
    return found
