"""Rows with their repeated values spread, as the fit spread those of its table."""

import numpy as np

from skflow.tables._ties import dequantize, find_ties

__all__ = ["fitted_ties", "spread_rows"]


def fitted_ties(estimator, X):
    """Repeated values as the fit found them; as X shows them for an estimator of another make."""
    ties = getattr(estimator, "_ties", None)
    return find_ties(X) if ties is None else ties


def spread_rows(estimator, X, random_state=0):
    """Spread repeated values over the widths of the fit, inside the declared support.

    A density of spread values expects spread values: rows on a grid lie in the middle of their
    cells, which are not typical places. Estimators of integers (``levels``) take rows as they are.

    Parameters
    ----------
    estimator : fitted estimator
    X : ndarray of shape (n_samples, n_features), float64
    random_state : int, default=0

    Returns
    -------
    X : ndarray of shape (n_samples, n_features)
    """
    if getattr(estimator, "levels", None) is not None:
        return X
    low, high = getattr(estimator, "support_bounds_", (None, None))[:2]
    widths = fitted_ties(estimator, X).row_widths(X)
    return dequantize(X, widths, np.random.default_rng(random_state), low, high)
