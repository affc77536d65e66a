"""The way of a user's X to the table that is trained on."""

import numpy as np

from skflow._validation import check_data, check_rows, check_sample_weight

__all__ = ["checked_rows", "read_table", "table_of"]


def checked_rows(estimator, X, sample_weight):
    """Rows and weights of a user's X, after what can be wrong with them was found not to be.

    Sets ``n_features_in_`` and ``feature_names_in_``.

    Returns
    -------
    rows : ndarray of shape (n_samples, n_features), float64
    weight : ndarray of shape (n_samples,) or None
    owned : bool
        Whether the rows are a copy of X, which may be changed.
    """
    rows = check_data(estimator, X, reset=True)
    weight = check_sample_weight(sample_weight, rows)
    check_rows(rows, sample_weight=weight)
    # of data frames nobody can tell without making a copy
    owned = isinstance(X, np.ndarray) and not np.may_share_memory(X, rows)
    return rows, weight, owned


def read_table(estimator, family, X, sample_weight, rng, *, fold=None, context=None):
    """Check X, observe it and make the rows to train on.

    Parameters
    ----------
    rng : numpy.random.Generator or callable
        Of the noise that spreads repeated values; or a function that returns it, of the checked
        rows, their weights and their context.

    Returns
    -------
    rows : ndarray of shape (n_samples, n_features)
        X as it was given, in numbers that may not be float64 yet: a copy that was made of it
        becomes the table.
    given : ndarray of shape (n_samples, n_context) or None
        Numbers of the context of each.
    table : Table
    """
    X, context = estimator._split(X, context)
    rows, weight, owned = checked_rows(estimator, X, sample_weight)
    observation = _observed(estimator, rows, weight, family, X)
    given = estimator._read_context(context, len(rows), family.takes_context)
    rng = rng(rows, weight, given) if callable(rng) else rng
    table = observation.prepare(rows, weight, rng, fold=fold, context=given, owned=owned)
    return X if owned else rows, given, table


def table_of(estimator, family, rows, weight, context, rng):
    """Observe checked rows, and the numbers of their context, and make the rows to train on."""
    observation = _observed(estimator, rows, weight, family, rows)
    return observation.prepare(rows, weight, rng, context=context)


def _observed(estimator, rows, weight, family, like):
    observation = estimator._observe(rows, weight, family, like=like)
    observation.check(rows, getattr(estimator, "feature_names_in_", None), like=like)
    return observation
