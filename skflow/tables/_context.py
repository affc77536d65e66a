"""What rows are given: columns of any kind, read into numbers that nets take."""

from dataclasses import dataclass

import numpy as np

from skflow._persistence import stored
from skflow._validation import column_label

__all__ = ["ContextColumns"]

MAX_LEVELS = 100  # of a category that have a number of their own; rarer ones share one
PLACE = "a row of the context for each row of X"


@stored
@dataclass(frozen=True)
class ContextColumns:
    """Columns of a context, as the rows of a fit had them, and the way from there to numbers.

    A column of numbers becomes one number, with a second one for "missing" if the fit saw
    holes; in a hole stands the mean. A category becomes a number for each of its levels, 1 for
    its own and 0 elsewhere; a hole has 0 everywhere.

    Attributes
    ----------
    names : tuple of str or None
        Of the columns, if the context came with names.
    fills : tuple
        For each column: the number in place of a hole, None where the fit had no holes.
    levels : tuple
        For each column: the levels of a category, as text, most frequent first; None for numbers.
    shared : tuple of bool
        For each column: whether levels that are not listed share a number.
    """

    names: tuple | None
    fills: tuple
    levels: tuple
    shared: tuple

    @classmethod
    def read(cls, context, n_rows):
        """Learn the columns of a context (n_rows, c): an array or a data frame."""
        names, columns = _columns(context, n_rows)
        kinds = [_read_column(column, j, names) for j, column in enumerate(columns)]
        return cls(names, *(zip(*kinds, strict=True)))

    def __len__(self):
        return len(self.fills)

    @property
    def n_encoded(self):
        """How many numbers a row of the context becomes."""
        numbers = sum(1 + (fill is not None) for fill in self._of_numbers())
        return numbers + sum(
            len(levels) + shared
            for levels, shared in zip(self.levels, self.shared, strict=True)
            if levels is not None
        )

    def encode(self, context, n_rows):
        """Numbers (n_rows, n_encoded) of a context (n_rows, c), float64.

        ``n_rows`` None takes any number of rows.
        """
        names, columns = _columns(context, n_rows)
        self._check_columns(names, len(columns))
        parts = [self._encoded(column, j) for j, column in enumerate(columns)]
        return np.concatenate(parts, axis=1)

    def _of_numbers(self):
        return (fill for fill, levels in zip(self.fills, self.levels, strict=True) if levels is None)

    def _check_columns(self, names, n_columns):
        if n_columns != len(self):
            raise ValueError(
                f"context has {n_columns} columns, and the fit had {len(self)}"
                f"{'' if self.names is None else f': {list(self.names)}'}. Pass the same columns."
            )
        if names is not None and self.names is not None and names != self.names:
            raise ValueError(
                f"context has columns {list(names)}, and the fit had {list(self.names)}: pass the "
                "same columns in the same order."
            )

    def _encoded(self, column, j):
        where = f"context, {column_label(j, self.names)},"
        if self.levels[j] is None:
            return _encoded_numbers(_numbers(column, where), self.fills[j], where)
        return _encoded_levels(column, self.levels[j], self.shared[j], self.fills[j], where)


def _columns(context, n_rows):
    """Names (None without) and columns (n_rows,) of a context."""
    if hasattr(context, "columns"):
        names = tuple(map(str, context.columns))
        columns = [context[name] for name in context.columns]
    else:
        names, rows = None, np.asarray(context)
        if rows.ndim != 2:
            raise ValueError(
                f"context must have two dimensions, {PLACE}; got shape {rows.shape}. One column "
                "is context.reshape(-1, 1), one row context.reshape(1, -1)."
            )
        columns = list(rows.T)
    length = len(columns[0]) if columns else 0
    if length == 0 or n_rows not in (None, length):
        wanted = "at least one row" if n_rows is None else f"{PLACE}: {n_rows}"
        raise ValueError(
            f"context must have columns, and {wanted}; got {length} rows of {len(columns)} columns."
        )
    return names, columns


def _is_category(column):
    """Whether the cells of a column are labels and not numbers."""
    kind = str(getattr(column, "dtype", "object")).lower()
    if kind.startswith(("category", "categorical", "str", "enum", "<u", "<s", "|s")):
        return True
    return kind == "object" and any(isinstance(cell, str) for cell in _cells(column))


def _cells(column):
    return np.asarray(column, dtype=object)


def _numbers(column, where):
    """Numbers of a column, NaN where there is none; dates count in days."""
    kind = str(getattr(column, "dtype", ""))
    if kind.lower().startswith(("datetime", "date")):
        days = np.asarray(column).astype("datetime64[ns]")
        return np.where(np.isnat(days), np.nan, days.astype(np.int64) / 8.64e13)
    cells = np.asarray(column)
    try:
        if cells.dtype == object:  # None and pandas' NA are holes
            cells = np.array([np.nan if _is_hole(cell) else cell for cell in cells])
        numbers = cells.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{where} must hold numbers, as in the fit: {error}.") from None
    if np.isinf(numbers).any():
        row = int(np.isinf(numbers).argmax())
        raise ValueError(f"{where} is {numbers[row]} in row {row}; numbers must be finite.")
    return numbers


def _is_hole(cell):
    return cell is None or cell != cell or str(cell) in ("<NA>", "NaT")  # noqa: PLR0124


def _read_column(column, j, names):
    """Fill, levels and whether rare ones share a number, of one column of a fit."""
    if not _is_category(column):
        numbers = _numbers(column, f"context, {column_label(j, names)},")
        known = numbers[~np.isnan(numbers)]
        fill = float(known.mean()) if len(known) else 0.0
        return (fill if len(known) < len(numbers) else None), None, False
    labels = [None if _is_hole(cell) else str(cell) for cell in _cells(column)]
    levels, counts = np.unique([label for label in labels if label is not None], return_counts=True)
    levels = tuple(map(str, levels[np.lexsort((levels, -counts))]))
    fill = 0.0 if None in labels else None
    return fill, levels[:MAX_LEVELS], len(levels) > MAX_LEVELS


def _encoded_numbers(numbers, fill, where):
    holes = np.isnan(numbers)
    if fill is None:
        _check_no_hole(holes, where)
        return numbers[:, None]
    return np.column_stack([np.where(holes, fill, numbers), holes])


def _encoded_levels(column, levels, shared, fill, where):
    place = {level: k for k, level in enumerate(levels)}
    cells = _cells(column)
    holes = np.array([_is_hole(cell) for cell in cells], dtype=bool)
    if fill is None:
        _check_no_hole(holes, where)
    found = np.array([place.get(str(cell), len(levels)) for cell in cells], dtype=int)
    unknown = (found == len(levels)) & ~holes
    if unknown.any() and not shared:
        row = int(unknown.argmax())
        raise ValueError(
            f"{where} holds {cells[row]!r} in row {row}, which the fit has not seen. It knows "
            f"{', '.join(map(repr, levels[:10]))}{', ...' if len(levels) > 10 else ''}."
        )
    ones = np.eye(len(levels) + 1)[found]
    ones[holes] = 0.0
    return ones if shared else ones[:, :-1]


def _check_no_hole(holes, where):
    if holes.any():
        raise ValueError(
            f"{where} has a hole in row {int(holes.argmax())}, and the fit had none there, so that "
            "it has not learnt what one means. Fill it, or fit with rows that have some."
        )
