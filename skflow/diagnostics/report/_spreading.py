"""Rows with their repeated values spread, as the fit spread those of its table."""

import numpy as np

from skflow.tables._observation import observation_of

__all__ = ["spread_rows"]


def spread_rows(estimator, X, random_state=0):
    """Spread repeated values over the widths of the fit, inside the declared support.

    A density of spread values expects spread values: rows on a grid lie in the middle of their
    cells, which are not typical places. Estimators of integers take rows as they are.

    Parameters
    ----------
    estimator : fitted estimator
    X : ndarray of shape (n_samples, n_features), float64
    random_state : int, default=0

    Returns
    -------
    X : ndarray of shape (n_samples, n_features)
    """
    return observation_of(estimator, X).spread(X, np.random.default_rng(random_state))
