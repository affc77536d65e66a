"""Rows with their repeated values spread, as the fit spread those of its table."""

import numpy as np

from skflow.tables._observation import observation_of

__all__ = ["handles_ties", "knowing_part", "spread_rows"]


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
    known = observation_of(knowing_part(estimator), X)
    return known.spread(X, np.random.default_rng(random_state))


def knowing_part(estimator):
    """Return the estimator that knows of its table: itself, or one that it is made of."""
    parts = [part for part in _parts(estimator) if hasattr(part, "observation_")]
    return parts[0] if parts else estimator


def handles_ties(estimator):
    """Whether all densities that an estimator is made of knew of repeated values in their fit."""
    return all(hasattr(part, "observation_") for part in _parts(estimator))


def _parts(estimator):
    """Return the members of a stack; any other estimator is one part."""
    return list(getattr(estimator, "estimators_", None) or [estimator])
