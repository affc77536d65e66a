"""Declared grids: what ``resolution={column: step}`` means, column by column."""

import numpy as np

from skflow._notices import warn
from skflow._validation import column_label, is_real
from skflow.tables._declared import by_column
from skflow.tables._ties import declared_ties

__all__ = ["read_resolution", "resolve_resolution"]

# Times the rounding error of a column's largest value: a finer step would hardly move it.
SMALLEST_STEP = 16


def resolve_resolution(resolution, n_features, feature_names=None):
    """Return the steps by index of the column, as a dict {int: float}.

    Parameters
    ----------
    resolution : None or mapping {column index or name: step}
        A step is a finite number, at least 0.
    n_features : int
    feature_names : sequence of str, optional
        Needed for columns given by name.
    """
    declared = by_column("resolution", resolution, "step", n_features, feature_names)
    for j, step in declared.items():
        if not is_real(step) or not 0 <= step < np.inf:
            raise ValueError(
                f"resolution for {column_label(j, feature_names)} must be a finite step, at least "
                f"0 (0: values that repeat are not spread), got {step!r}."
            )
    return {j: float(step) for j, step in declared.items()}


def read_resolution(X, resolution, used=None, names=None):
    """Return what is declared of columns of X, as ``find_ties`` takes it.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
    resolution : None or mapping {column index or name: step}
    used : ndarray of shape (n_samples,), bool, optional
        Rows that count; all by default.
    names : sequence of str, optional

    Returns
    -------
    declared : dict {int: ColumnTies or None}

    Raises
    ------
    ValueError
        For a step that rounding swallows.

    Warns
    -----
    UserWarning
        If values are no multiples of the step apart.
    """
    declared = {}
    for j, step in resolve_resolution(resolution, X.shape[1], names).items():
        x = X[:, j] if used is None else X[used, j]
        declared[j] = _ties(x, step, column_label(j, names)) if step else None
    return declared


def _ties(x, step, label):
    largest = np.abs(x).max()
    if step < SMALLEST_STEP * np.spacing(largest):
        raise ValueError(
            f"resolution for {label} is a step of {step!s}, which is lost in the rounding of its "
            f"values, up to {largest!s}: give the step of the grid, or 0 to spread nothing."
        )
    ties, on_grid = declared_ties(x, step)
    if not on_grid:
        warn(
            f"resolution declares steps of {step!s} for {label}, and its values are no multiples "
            f"of that apart: each is spread over {step!s} all the same, and draws with "
            "on_grid=True are multiples of it. Check the unit, or round the column.",
            UserWarning,
        )
    return ties
