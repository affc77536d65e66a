"""What displays ask of a fitted estimator and of the table that the user passed."""

from inspect import Parameter, signature
from numbers import Integral

import numpy as np

from skflow._containers import as_table
from skflow._input import names_of
from skflow._random import draw_seed
from skflow._validation import check_data
from skflow.diagnostics.measures._checks import check_whole_density
from skflow.diagnostics.report._spreading import spread_rows

__all__ = [
    "bin_edges",
    "check_keywords",
    "chosen_columns",
    "chosen_target",
    "framed_like",
    "inner_range",
    "like",
    "require",
    "require_density",
    "rows_and_names",
    "spread_like",
]

TAIL = 0.04  # share on either side that does not decide how far a picture reaches
REACH = 0.7  # of the range without these shares, beyond it on either side


def rows_and_names(estimator, X):
    """Return the rows of X (n, d) as float64 and the names of the columns; fitted is checked."""
    check_whole_density(estimator)
    rows = check_data(estimator, X, reset=False)
    names = names_of(as_table(X))
    if names is None:
        names = getattr(estimator, "feature_names_in_", None)
    if names is None:
        names = [f"column {j}" for j in range(rows.shape[1])]
    return rows, [str(name) for name in names]


def like(X, rows):
    """Return rows (n, d) as a table of the kind of X, with its column names if it has them."""
    names = names_of(as_table(X))
    return rows if names is None else framed_like(X, dict(zip(names, rows.T, strict=True)))


def framed_like(X, columns):
    """Return columns, cells (n,) by name, as a frame of the kind of X."""
    kind = type(as_table(X))
    return getattr(kind, "from_pydict", kind)(columns)  # the former of pyarrow


def spread_like(estimator, X, random_state):
    """Return X, as a table of its kind, with repeated values spread as those of the fit were."""
    rows, _ = rows_and_names(estimator, X)
    return like(X, spread_rows(estimator, rows, draw_seed(random_state)))


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


def chosen_target(values, target, axis=1, n_axes=2):
    """Return what belongs to one column of y: values with n_axes axes have one for the columns."""
    n_targets = values.shape[axis] if np.ndim(values) == n_axes else 1
    if not isinstance(target, Integral) or not 0 <= target < n_targets:
        raise ValueError(
            f"target must be the number of a column of y, from 0 to {n_targets - 1}, got "
            f"{target!r}."
        )
    return values if np.ndim(values) < n_axes else np.take(values, target, axis=axis)


def require(estimator, method, what, remedy):
    """Raise a TypeError unless the estimator has a method."""
    if not hasattr(estimator, method):
        name = type(estimator).__name__
        raise TypeError(f"{what} needs an estimator with `{method}`; {name} has none. {remedy}")


def require_density(estimator, method, display):
    """Raise a TypeError unless an estimator of densities has a method, as few pipelines do."""
    remedy = (
        "Take a density, such as NSFDensity; of a pipeline take the last step, with the rows as "
        "the steps before it transform them: (pipeline[-1], pipeline[:-1].transform(X))."
    )
    require(estimator, method, display.__name__, remedy)


def check_keywords(display, keywords):
    """Raise a TypeError if ``from_estimator`` was given what neither it nor ``plot`` takes."""
    of_plot = signature(display.plot).parameters
    if any(p.kind is Parameter.VAR_KEYWORD for p in of_plot.values()):
        return  # they go on to matplotlib
    unknown = [name for name in keywords if name not in of_plot]
    if unknown:
        known = dict.fromkeys([*signature(display.from_estimator).parameters, *of_plot])
        left_out = {"self", "kwargs", "ax"}
        raise TypeError(
            f"{display.__name__}.from_estimator() got an unexpected keyword argument "
            f"{unknown[0]!r}; it takes {', '.join(k for k in known if k not in left_out)} and ax."
        )


def inner_range(values):
    """Return the lowest and highest of the values (n,) that do not lie far beyond the others.

    Nothing is left out of light tails but a row in thousands. Where nearly all values are equal,
    the others count as well.
    """
    low, high = np.quantile(values, [TAIL, 1 - TAIL], method="nearest")
    if low == high:
        return values.min(), values.max()
    reach = REACH * (high - low)
    near = values[(low - reach <= values) & (values <= high + reach)]
    return near.min(), near.max()


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
