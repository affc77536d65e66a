"""What displays ask of a fitted estimator and of the table that the user passed."""

from numbers import Integral

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skflow._validation import check_data

__all__ = ["bin_edges", "chosen_columns", "like", "require", "rows_and_names"]


def rows_and_names(estimator, X):
    """Return the rows of X (n, d) as float64 and the names of the columns; fitted is checked."""
    check_is_fitted(estimator)
    rows = check_data(estimator, X, reset=False)
    names = getattr(X, "columns", getattr(estimator, "feature_names_in_", None))
    if names is None:
        names = [f"column {j}" for j in range(rows.shape[1])]
    return rows, [str(name) for name in names]


def like(X, rows):
    """Return rows (n, d) as a table of the kind of X, with its column names if it has them."""
    if not hasattr(X, "columns"):
        return rows
    return type(X)(dict(zip(X.columns, rows.T, strict=True)))


def chosen_columns(columns, names):
    """Return the numbers of columns that are given by name or by number."""
    chosen = [columns] if isinstance(columns, str | Integral) else list(columns)
    numbers = []
    for column in chosen:
        if isinstance(column, str) and column in names:
            numbers.append(names.index(column))
        elif isinstance(column, Integral) and -len(names) <= column < len(names):
            numbers.append(int(column) % len(names))
        else:
            raise ValueError(
                f"columns holds {column!r}; expected names among {names} or numbers from 0 to "
                f"{len(names) - 1}."
            )
    if not numbers or len(set(numbers)) < len(numbers):
        raise ValueError(
            f"columns must name one column or several different ones, got {columns!r}."
        )
    return numbers


def require(estimator, method, what, remedy):
    """Raise a TypeError unless the estimator has a method."""
    if not hasattr(estimator, method):
        name = type(estimator).__name__
        raise TypeError(f"{what} needs an estimator with `{method}`; {name} has none. {remedy}")


def bin_edges(values, low, high, n_bins):
    """Return edges of about n_bins bins from low to high that suit the values (n,).

    Rounded values would fall into bins of unlike numbers of them and make a comb: where most
    values are repeated, each bin holds the same number of steps between them.
    """
    distinct = np.unique(values)
    width = (high - low) / n_bins
    if not 1 < len(distinct) <= len(values) / 2:
        return np.linspace(low, high, n_bins + 1)
    step = np.diff(distinct).min()
    if step < width / n_bins:  # no common step
        return np.linspace(low, high, n_bins + 1)
    width = step * max(1, round(width / step))
    first = distinct[0] - step / 2
    before = np.ceil(max(0.0, first - low) / width)
    after = np.ceil((high - first) / width)
    return first + width * np.arange(-before, after + 1)
