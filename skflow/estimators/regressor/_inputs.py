"""What a regressor is given: rows of any kind, and the numbers that they are to explain."""

import re

import numpy as np
from sklearn.utils import check_array, get_tags
from sklearn.utils.validation import check_consistent_length

from skflow._containers import as_table
from skflow._input import names_of, refuse_masked, refuse_times, unmasked
from skflow._validation import check_finite, check_rows, check_sample_weight, validated
from skflow.sources._whole import whole_table

__all__ = ["Scale", "read_inputs", "read_training_rows", "read_y"]

MINIMUM = 5  # rows: two of them are held out
# how the names of dtypes of numbers begin, in numpy, pandas, polars and pyarrow
NUMBERS = re.compile(r"u?int\d|float|bool|double|halffloat")  # "interval" is none


def read_inputs(estimator, X, *, reset=False):
    """Rows as a float64 array, or the table itself if it holds labels.

    Holes are for an estimator whose tags allow NaN.

    Sets (reset) or compares ``n_features_in_`` and ``feature_names_in_``.
    """
    X = as_table(X)
    given, mask = X, None
    if not hasattr(X, "columns"):
        X, mask = unmasked(X)
    if _holds_labels(X):
        if hasattr(X, "column_names"):  # of pyarrow
            X = X.to_pandas(date_as_object=False)
        elif not hasattr(X, "columns"):
            X = np.asarray(X, dtype=object)
        validated(estimator, X, reset=reset, skip_check_array=True)
        return X
    rows = validated(estimator, X, reset=reset, dtype=np.float64, ensure_all_finite=False)
    allow_nan = get_tags(estimator).input_tags.allow_nan
    names = getattr(estimator, "feature_names_in_", None)
    check_finite(rows, names, like=given, mask=mask, allow_nan=allow_nan)
    return rows


def read_training_rows(estimator, X, y, sample_weight):
    """Rows as of :func:`read_inputs`, y (n, k) with whether it came as a column, and weights."""
    if y is None:
        raise ValueError(
            f"{type(estimator).__name__} requires y to be passed, but the target y is None."
        )
    X = read_inputs(estimator, whole_table(X, estimator), reset=True)
    y, flat = read_y(whole_table(y, estimator, "y"), len(X))
    weight = check_sample_weight(sample_weight, y)
    check_rows(y, MINIMUM, sample_weight=weight)
    return X, y, flat, weight


def read_y(y, n_rows, n_columns=None):
    """Numbers (n, k) of y (n,) or (n, k), and whether it had one dimension."""
    y = as_table(y, "y")
    refuse_times(y, "y")
    y = refuse_masked(y, "y", "A regressor learns from known y: leave these rows out.")
    y = check_array(y, ensure_2d=False, dtype=np.float64, input_name="y")
    check_consistent_length(np.empty(n_rows), y)
    flat = y.ndim == 1
    y = y.reshape(len(y), -1)
    if n_columns not in (None, y.shape[1]):
        raise ValueError(
            f"y has {y.shape[1]} columns, and the fit had {n_columns}: pass the same columns."
        )
    return y, flat


class Scale:
    """Columns of y in units in which regressors work alike, whatever theirs."""

    def __init__(self, y):
        self.centre = np.median(y, axis=0)
        size = np.abs(y - self.centre).max(axis=0)
        size = np.where(size > 0, size, 1.0)
        spread = ((y - self.centre) / size).std(axis=0) * size  # squares might overflow
        self.size = np.where(spread > 0, spread, 1.0)

    def apply(self, y):
        """Y (n, k) about 0, with deviation 1."""
        return (y - self.centre) / self.size


def _holds_labels(X):
    """Whether a column of X holds anything but numbers."""
    if hasattr(X, "columns"):
        return any(_is_of_labels(X[name]) for name in names_of(X))
    rows = X if isinstance(X, np.ndarray) else None
    if rows is None and isinstance(X, list | tuple):
        rows = np.asarray(X, dtype=object)
    if rows is None or rows.ndim != 2 or rows.dtype.kind not in "OUSM":
        return False
    return rows.dtype.kind == "M" or any(isinstance(cell, str) for cell in rows.flat)


def _is_of_labels(column):
    kind = str(column.type if hasattr(column, "type") else column.dtype).lower()
    return NUMBERS.match(kind) is None
