"""What rows are given: columns of any kind, read into numbers that nets take."""

from dataclasses import dataclass

import numpy as np

from skflow._containers import as_table
from skflow._escapes import escaped
from skflow._input import names_of, row_label, time_in, unmasked
from skflow._notices import warn
from skflow._persistence import stored
from skflow._validation import column_label
from skflow.tables._declared import by_column

__all__ = [
    "ContextColumns",
    "cells_of",
    "columns_of",
    "dtype_of",
    "is_category",
    "is_hole",
    "numbers_of",
    "split_context",
]

MAX_LEVELS = 100  # of a category that have a number of their own; rarer ones share one
NANOSECONDS_OF_A_DAY = 8.64e13
# how the names of dtypes begin whose cells are labels
LABELLED = ("categor", "str", "large_string", "dictionary", "enum", "<u", "<s", "|s")


@stored
@dataclass(frozen=True)
class ContextColumns:
    """Columns of a context, as the rows of a fit had them, and the way from there to numbers.

    Attributes
    ----------
    names : tuple of str or None
        Of the columns, if the context came with names.
    columns : tuple of Quantity or Category
    """

    names: tuple | None
    columns: tuple

    @classmethod
    def read(cls, context, n_rows):
        """Learn the columns of a context (n_rows, c): an array or a data frame."""
        names, columns = columns_of(context, n_rows)
        places = (_place(j, names) for j in range(len(columns)))
        kinds = [
            Category.read(column) if is_category(column) else Quantity.read(column, place)
            for column, place in zip(columns, places, strict=True)
        ]
        return cls(names, tuple(kinds))

    def __len__(self):
        return len(self.columns)

    def encode(self, context, n_rows=None):
        """Numbers (n_rows, n_encoded) of a context (n_rows, c), float64.

        ``n_rows`` None takes any number of rows. What the fit has not seen, a hole or a level,
        counts as an average row's value, with a warning.
        """
        names, columns = columns_of(context, n_rows)
        self._check_columns(names, len(columns))
        parts = [
            kind.encode(column, _place(j, self.names))
            for j, (kind, column) in enumerate(zip(self.columns, columns, strict=True))
        ]
        return np.concatenate(parts, axis=1)

    def _check_columns(self, names, n_columns):
        if n_columns != len(self):
            known = "" if self.names is None else f": {list(self.names)}"
            raise ValueError(
                f"context has {n_columns} columns, and the fit had {len(self)}{known}. Pass the "
                "same columns."
            )
        if names is not None and self.names is not None and names != self.names:
            raise ValueError(
                f"context has columns {list(names)}, and the fit had {list(self.names)}: pass the "
                "same columns in the same order."
            )


@stored
@dataclass(frozen=True)
class Quantity:
    """A column of numbers or dates: one number, and a second that says "missing" if any was.

    Attributes
    ----------
    mean : float
        Of the fit; it stands in holes.
    has_holes : bool
        Whether the fit saw any.
    """

    mean: float
    has_holes: bool

    @classmethod
    def read(cls, column, place):
        """Learn from the column of a fit."""
        numbers = numbers_of(column, place)
        known = numbers[~np.isnan(numbers)]
        return cls(float(known.mean()) if len(known) else 0.0, len(known) < len(numbers))

    def encode(self, column, place):
        """Numbers (n, 1), or (n, 2) if the fit saw holes."""
        numbers = numbers_of(column, place)
        holes = np.isnan(numbers)
        if not self.has_holes:
            _warn_of_unseen(holes, "a hole", place, column)
        filled = np.where(holes, self.mean, numbers)
        return np.column_stack([filled, holes]) if self.has_holes else filled[:, None]


@stored
@dataclass(frozen=True)
class Category:
    """A column of labels: for each of its levels a number, 1 for its own and 0 elsewhere.

    Attributes
    ----------
    levels : tuple of str
        Of the fit, the most frequent first; a hole is none of them.
    shared : bool
        Whether others share one more number.
    """

    levels: tuple
    shared: bool

    @classmethod
    def read(cls, column):
        """Learn from the column of a fit."""
        labels = [str(cell) for cell in cells_of(column) if not is_hole(cell)]
        levels, counts = np.unique(labels, return_counts=True)
        ordered = tuple(map(str, levels[np.lexsort((levels, -counts))]))
        return cls(ordered[:MAX_LEVELS], len(ordered) > MAX_LEVELS)

    def encode(self, column, place):
        """Numbers (n, n_levels), one more if rare levels share one."""
        known = {level: k for k, level in enumerate(self.levels)}
        cells = cells_of(column)
        holes = np.array([is_hole(cell) for cell in cells], dtype=bool)
        other = len(self.levels)
        found = np.array([known.get(str(cell), other) for cell in cells], dtype=int)
        if not self.shared:
            unseen = (found == other) & ~holes
            level = f"the level {cells[unseen.argmax()]!r}"
            _warn_of_unseen(unseen, level, place, column)
        ones = np.eye(other + 1)[found]
        ones[holes] = 0.0
        return ones if self.shared else ones[:, :-1]


def split_context(X, columns):
    """Split a table into the columns of a density and those that it is given.

    Parameters
    ----------
    X : array-like or data frame of shape (n_samples, n_columns)
    columns : sequence of int or str
        Which columns are the context, by index or name.

    Returns
    -------
    rows, context : data frames if X is one, else ndarrays
        The context in the order of ``columns``, the rest in the order of X.
    """
    if isinstance(columns, str | int | np.integer):
        columns = [columns]
    X = as_table(X)
    X = unmasked(X)[0] if isinstance(X, list | tuple) else X
    framed, names = hasattr(X, "columns"), names_of(X)
    X = X if framed or isinstance(X, np.ma.MaskedArray) else np.asarray(X)
    if len(X.shape) != 2:
        raise ValueError(
            "Expected 2D array, got an array with another number of dimensions: with "
            f"context_columns X must have shape (n_samples, n_columns), got {X.shape}."
        )
    declared = dict.fromkeys(columns)
    if len(declared) < len(list(columns)):
        raise ValueError(f"context_columns names a column twice: {list(columns)!r}.")
    given = list(by_column("context_columns", declared, "", X.shape[1], names))
    rest = [j for j in range(X.shape[1]) if j not in given]
    if not given or not rest:
        raise ValueError(
            f"context_columns must name some columns of X and leave some; it names {len(given)} "
            f"of {X.shape[1]}."
        )
    if framed:
        pick = X.select if hasattr(X, "column_names") else X.__getitem__
        return pick([names[j] for j in rest]), pick([names[j] for j in given])
    return X[:, rest], X[:, given]


def _place(j, names):
    return f"context, {column_label(j, names)},"


def columns_of(context, n_rows):
    """Names (None without) and columns (n_rows,) of a context."""
    context, _ = unmasked(as_table(context, "context"))
    if hasattr(context, "column_names"):  # of pyarrow
        context = context.to_pandas(date_as_object=False)
    if hasattr(context, "columns"):
        names = tuple(map(str, context.columns))
        columns = [context[name] for name in context.columns]
    else:
        names, rows = None, np.asarray(context)
        if rows.ndim != 2:
            raise ValueError(
                "context must have two dimensions, rows and columns; got shape "
                f"{rows.shape}. One column is context.reshape(-1, 1), one row "
                "context.reshape(1, -1)."
            )
        columns = list(rows.T)
    length = len(columns[0]) if columns else 0
    if length == 0 or n_rows not in (None, length):
        wanted = "at least one row" if n_rows is None else f"one row for each of {n_rows} rows"
        raise ValueError(
            f"context must have columns, and {wanted}; got {length} rows of {len(columns)} "
            "columns."
        )
    return names, columns


def is_category(column):
    """Whether the cells of a column are labels and not numbers."""
    dtype = dtype_of(column)
    if dtype.startswith(LABELLED):
        return True
    return dtype == "object" and any(isinstance(cell, str) for cell in cells_of(column))


def dtype_of(column):
    """Name of a column's dtype in small letters, whatever package it is of."""
    return str(getattr(column, "dtype", "object")).lower()


def cells_of(column):
    """Cells (n,) of a column as objects."""
    # polars makes floats of integers with holes
    if callable(getattr(column, "null_count", None)) and column.null_count():
        cells = np.empty(len(column), dtype=object)
        cells[:] = column.to_list()
        return cells
    return np.asarray(column, dtype=object)


def is_hole(cell):
    """Whether a cell is missing."""
    # NaN, NaT and pandas' NA are not equal to themselves
    return cell is None or str(cell) == "<NA>" or cell != cell  # noqa: PLR0124


def numbers_of(column, place):
    """Numbers of a column, NaN where there is none; dates count in days."""
    cells = np.asarray(column)
    if cells.dtype.kind == "M":
        days = cells.astype("datetime64[ns]")
        return np.where(np.isnat(days), np.nan, days.astype(np.int64) / NANOSECONDS_OF_A_DAY)
    try:
        if cells.dtype == object:
            cells = np.array([np.nan if is_hole(cell) else cell for cell in cells])
        if cells.ndim > 1 or cells.dtype.kind == "c":
            raise TypeError(f"{column[:1].tolist()[0]!r} is none")
        numbers = cells.astype(np.float64)
    except (TypeError, ValueError) as error:
        times = next(filter(None, map(time_in, cells.ravel().tolist())), "")
        if times:
            raise ValueError(
                f"{place} holds {times} as objects: give the column a dtype of its own, by "
                "pandas.to_datetime or pandas.to_timedelta."
            ) from None
        raise ValueError(f"{place} must hold numbers, as in the fit: {escaped(error)}.") from None
    if np.isinf(numbers).any():
        row = int(np.isinf(numbers).argmax())
        raise ValueError(
            f"{place} is {numbers[row]} in {row_label(row, column)}; numbers must be finite."
        )
    return numbers


def _warn_of_unseen(unseen, what, place, column):
    if unseen.any():
        where = row_label(unseen.argmax(), column)
        warn(
            f"{place} holds {what} in {where} ({int(unseen.sum())} such rows), and "
            "the fit saw none: they count as average there.",
            UserWarning,
        )
