"""The columns of the table of a fit: how they are read, and which of them are modelled."""

import math
from dataclasses import dataclass, replace

import numpy as np

from skflow._validation import column_label, is_real
from skflow.tables._cells import KINDS, read_cells
from skflow.tables._declared import by_column
from skflow.tables._sums import find_sums, nanoseconds, read_numbers

__all__ = ["ReadColumns", "read_columns"]


@dataclass
class ReadColumns:
    """What the columns of a table hold.

    Attributes
    ----------
    cells : list of NumberCells or LevelCells
    codes : list of ndarray of shape (n,)
    places : list of int or None
        Which of the columns that are kept each is; copies share a place. Those that are sums
        have places after all that are kept.
    kept : list of int
        Columns that are modelled.
    sums : tuple of ColumnSum
    """

    cells: list
    codes: list
    places: list
    kept: list
    sums: tuple = ()


def read_columns(columns, labels, kinds, bounds):
    """Read the columns of a table, as far as their kinds are not declared.

    Parameters
    ----------
    columns : list of ndarray, or of columns of data frames
    labels : sequence of str or None
        How messages name them.
    kinds : dict or None
    bounds : dict {int: (low, high)}

    Returns
    -------
    read : ReadColumns
    """
    kinds = _declared_kinds(kinds, len(columns), labels, bounds)
    read = ReadColumns([], [], [], [])
    for j, column in enumerate(columns):
        label = column_label(j, labels)
        one = read_cells(column, label, kinds.get(j))
        read.cells.append(one)
        read.codes.append(one.encode(column, label))
        read.places.append(_place(read.codes, read.cells, read.kept, kinds.get(j)))
    _take_totals_out(read, columns, _read_sums(read, columns, labels, kinds, bounds))
    return read


def _declared_kinds(kinds, n_columns, labels, bounds):
    declared = by_column("kinds", kinds, "kind", n_columns, labels)
    for j, kind in declared.items():
        if kind not in KINDS:
            raise ValueError(
                f"kinds of {column_label(j, labels)} must be one of {', '.join(KINDS)}; got "
                f"{kind!r}."
            )
        if kind == "periodic" and None in bounds.get(j, (None, None)):
            raise ValueError(
                f'{column_label(j, labels)} is declared "periodic": say from where to where its '
                "period reaches, such as support={...: (0, 24)} for hours."
            )
    return declared


def _place(codes, cells, kept, kind):
    """Return the place of the last column of the codes, None if it gets none."""
    own = codes[-1]
    if kind == "skip" or np.isnan(own).all():
        return None
    for place, j in enumerate(kept):
        if cells[j] == cells[-1] and np.array_equal(codes[j], own, equal_nan=True):
            return place
    kept.append(len(codes) - 1)
    return len(kept) - 1


def _read_sums(read, columns, labels, kinds, bounds):
    """Find which of the columns that are kept are sums of two others of these.

    No total is a summand. The cells of a sum say how its columns are to be read.
    """
    numbers, own = [], []
    for j in read.kept:
        label = column_label(j, labels)
        one = read_numbers(columns[j], label, read.cells[j], kinds.get(j))
        numbers.append(one)
        own.append(
            read.codes[j] if one in (None, read.cells[j]) else one.encode(columns[j], label)
        )
    sums, totals, summands = [], set(), set()
    for one in find_sums(own, numbers):
        total, *parts = one.places
        declared = (bounds.get(read.kept[k], (None, None)) for k in one.places)
        if total in totals | summands or totals & set(parts) or not _follow(*declared):
            continue
        totals.add(total)
        summands.update(parts)
        sums.append(replace(one, cells=(_grid(*one.cells), *one.cells[1:])))
    return sums


def _follow(total, first, second):
    """Whether the bounds of a total follow from those of its summands, all being numbers."""
    for end, *ends, sign in zip(total, first, second, (1, -1), strict=True):
        if end is None or (is_real(end) and math.isinf(end)):
            continue
        if not all(map(is_real, [end, *ends])) or sign * sum(ends) < sign * end:
            return False
    return True


def _grid(total, first, second):
    """Cells of a total on the grid on which sums of the two always are."""
    if not total.step:
        return total
    unit, *units = map(nanoseconds, (total, first, second))
    step = math.gcd(*(n * one.step for n, one in zip(units, (first, second), strict=True)))
    origin = sum(n * one.origin for n, one in zip(units, (first, second), strict=True))
    if step % unit or origin % unit:  # a total whose unit is too coarse for all sums
        return total
    return replace(total, origin=origin // unit, step=step // unit)


def _take_totals_out(read, columns, sums):
    """Keep the totals no more, and give them places after all columns that are kept."""
    totals = [one.places[0] for one in sums]
    order = [k for k in range(len(read.kept)) if k not in totals]
    number = {k: i for i, k in enumerate(order + totals)}
    own = {k: one for each in sums for k, one in zip(each.places, each.cells, strict=True)}
    for j, place in enumerate(read.places):
        if place in own:
            read.cells[j] = own[place]
            read.codes[j] = own[place].encode(columns[j], "a summand")
        read.places[j] = number.get(place)
    read.kept = [read.kept[k] for k in order]
    read.sums = tuple(replace(one, places=tuple(number[k] for k in one.places)) for one in sums)
