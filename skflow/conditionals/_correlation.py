"""Correlations of few rows of many columns, some of them unknown."""

import warnings
from threading import Lock

import numpy as np
from sklearn.covariance import graphical_lasso
from sklearn.exceptions import ConvergenceWarning

__all__ = ["RIDGE", "correlations"]

RIDGE = 1e-2  # on the diagonal of the correlations: no column is another's copy
FEWEST = 5  # rows that two columns must share for a correlation
# Penalties, in units of the largest of many correlations that are none: sqrt(log d / n).
PENALTIES = (0.02, 0.05, 0.1, 0.2, 0.35, 0.6)
LEAST_ROWS = 20
MANY_ROWS = 50  # times the columns: then hardly anything is to be gained
MOST_COLUMNS = 300  # the cost of a penalty is their cube, times ten or so
MOST_ITERATIONS = 20
ONE_AT_A_TIME = Lock()  # what is warned of is of the process, not of a thread


def correlations(z, weight=None):
    """Correlations (d, d) of z (n, d) with mean 0 and deviation 1, NaN in holes: several guesses.

    From the rows in which two columns are known, shrunk towards none as far as so few rows ask for
    it [1]_. Of few rows of some columns there are more guesses, with few direct dependences: by
    graphical lassos of several penalties [2]_.

    Cost: O(n d^2), and about O(10 d^3) for each penalty.

    Parameters
    ----------
    z : ndarray of shape (n, d)
    weight : ndarray of shape (n,), optional

    Returns
    -------
    guesses : list of ndarray of shape (d, d)
        Positive definite; their diagonals are 1 and a little more.

    References
    ----------
    .. [1] Chen, Wiesel, Eldar & Hero (2010), Shrinkage algorithms for MMSE covariance
       estimation, IEEE Trans. Signal Processing 58, eq. 23.
    .. [2] Friedman, Hastie & Tibshirani (2008), Sparse inverse covariance estimation with the
       graphical lasso, Biostatistics 9(3).
    """
    n, d = z.shape
    pairs = _pairs(z, weight)
    guesses = [_proper(_shrunk(pairs, n))]
    if 1 < d <= MOST_COLUMNS and LEAST_ROWS <= n < MANY_ROWS * d:
        unit = np.sqrt(np.log(d) / n)
        sparse = (_sparse(pairs, factor * unit) for factor in PENALTIES)
        guesses += [_proper(found) for found in sparse if found is not None]
    return guesses


def _pairs(z, weight):
    """Correlations by the rows in which both columns are known, none where there are few."""
    seen = ~np.isnan(z)
    root = np.ones((len(z), 1)) if weight is None else np.sqrt(weight / weight.mean())[:, None]
    filled, known = np.where(seen, z, 0.0).astype(float) * root, seen * root
    count = known.T @ known
    pairs = np.where(count >= FEWEST, filled.T @ filled / np.maximum(count, 1), 0.0)
    np.fill_diagonal(pairs, 1.0)
    return pairs


def _shrunk(pairs, n):
    """Correlations, all nearer to none by one factor."""
    d = len(pairs)
    if d > 1:
        square = np.mean(pairs**2)
        shrunk = (square + 1) / ((n + 1) * max(square - 1 / d, 1e-12))
        pairs = pairs * (1 - min(shrunk, 1.0))
    return pairs


def _sparse(pairs, penalty):
    """Correlations with few direct dependences, or None if the search for them broke down."""
    with ONE_AT_A_TIME, warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # it is a guess like others
        try:
            return graphical_lasso(_proper(pairs), penalty, max_iter=MOST_ITERATIONS)[0]
        except FloatingPointError:
            return None


def _proper(pairs):
    """Make correlations those of some table, which of different rows they need not be."""
    pairs = pairs.copy()
    np.fill_diagonal(pairs, 1.0)
    values, vectors = np.linalg.eigh(pairs)
    pairs = (vectors * np.maximum(values, 0.0)) @ vectors.T
    np.fill_diagonal(pairs, np.diag(pairs) + RIDGE)
    return pairs
