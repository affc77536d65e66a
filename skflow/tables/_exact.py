"""Whole numbers and times of a column, to the last digit."""

import re
from datetime import UTC

import numpy as np

from skflow._input import row_label
from skflow.tables._context import cells_of, dtype_of, is_hole, numbers_of

__all__ = ["LARGEST", "LOWEST", "is_integer", "time_of", "times_of", "unit_of", "whole_of"]

EXACT = 2**53  # whole numbers up to here are floats
LARGEST = np.iinfo(np.int64).max
LOWEST = -LARGEST  # of times: one less is NaT


def time_of(column):
    """Say whether cells are moments ("M"), spans of time ("m"), or neither ("")."""
    dtype = dtype_of(column)
    if dtype.startswith(("datetime", "date", "timestamp")):
        return "M"
    return "m" if dtype.startswith(("timedelta", "duration")) else ""


def is_integer(column):
    """Whether a column's dtype is one of integers; that of intervals begins with "int", too."""
    return re.match(r"u?int\d", dtype_of(column)) is not None


def unit_of(column):
    """Return the unit in which times are whole: nanoseconds only where there are some.

    Microseconds reach a thousand times as far, to the year 9999 that stands for no end.
    """
    return "ns" if re.search(r"\bns\b", dtype_of(column)) else "us"


def times_of(column, time, unit, place):
    """Return times (n,) of a column in a unit, UTC where there are zones; NaT in holes."""
    given = column
    try:
        if dtype_of(column).startswith(("object", "date32", "date64")):  # of Python's own times
            column = [_plain_time(cell, time) for cell in cells_of(column)]
        if unit == "ns":
            _check_reach(np.asarray(column, dtype=f"{time}8[us]"), place, given)
        return np.asarray(column, dtype=f"{time}8[{unit}]")
    except (TypeError, ValueError) as error:
        raise ValueError(f"{place} must hold times, as in the fit: {error}") from None


def _plain_time(cell, time):
    if is_hole(cell):
        return np.datetime64("NaT") if time == "M" else np.timedelta64("NaT")
    if getattr(cell, "tzinfo", None) is None:
        return cell
    return cell.astimezone(UTC).replace(tzinfo=None)


def _check_reach(times, place, column):
    far = ~np.isnat(times) & (np.abs(times.astype(np.int64)) > LARGEST // 1_000)
    if far.any():
        row = int(far.argmax())
        raise ValueError(
            f"{place} holds {times[row]} in {row_label(row, column)}, and those of the fit are "
            "nanoseconds, which reach 292 years to both sides of 1970."
        )


def whole_of(column, place):
    """Whole numbers (n,), int64, and where there is one."""
    values, known = _integers(column)
    if values is None:
        return _whole_floats(numbers_of(column, place), place, column)
    if len(values) and (values.max() > LARGEST or values.min() < -LARGEST - 1):
        raise ValueError(
            f"{place} holds integers beyond 2**63: pass them as floats, or declare "
            'kinds={...: "category"} where they are names.'
        )
    return values.astype(np.int64), known


def _integers(column):
    """Whole numbers (n,), 0 in holes, and where there is one; None, None of other columns.

    Arrays that have no holes would make floats of the integers beside one.
    """
    if is_integer(column):
        if hasattr(column, "null_count"):
            return column.fill_null(0).to_numpy(), ~column.is_null().to_numpy()
        if hasattr(column, "isna"):
            kind = np.uint64 if dtype_of(column).startswith("uint") else np.int64
            return column.to_numpy(dtype=kind, na_value=0), ~column.isna().to_numpy()
        return np.asarray(column), np.ones(len(column), dtype=bool)
    cells = cells_of(column) if dtype_of(column) == "object" else []
    known = np.array([not is_hole(cell) for cell in cells], dtype=bool)
    if not known.any() or not all(isinstance(cell, int | np.integer) for cell in cells[known]):
        return None, None
    return np.where(known, cells, 0), known


def _whole_floats(numbers, place, column):
    known = ~np.isnan(numbers)
    filled = np.where(known, numbers, 0.0)
    wrong = (filled != np.round(filled)) | (np.abs(filled) > EXACT)
    if wrong.any():
        row = int(wrong.argmax())
        raise ValueError(
            f"{place} is taken for integers and holds {numbers[row]:g} in "
            f"{row_label(row, column)}: pass "
            'integers up to 2**53, or declare kinds={...: "number"}.'
        )
    return filled.astype(np.int64), known
