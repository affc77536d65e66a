"""Columns that are the sum of two others in every row.

Only c = a + b is looked for, of numbers, or of times and spans of time; whole numbers add up
exactly, floats up to rounding. Among d columns there are d**3 / 2 such triples. Whether one adds
up in some rows is whether the squares of a + b - c have the sum 0 there, and these are products
of matrices, which leave few triples to try on all rows.
"""

from dataclasses import dataclass

import numpy as np

from skflow._persistence import stored
from skflow.tables._cells import NumberCells
from skflow.tables._context import is_category
from skflow.tables._exact import EXACT

__all__ = ["ColumnSum", "complete", "find_sums", "nanoseconds", "read_numbers"]

FEWEST = 20  # rows that add up and are not all 0
MOST_ROWS, FEWEST_ROWS = 200, 16  # that are tried first
ROWS_OF_FEW, FEW = 1_000, 50  # that are tried then, until so few triples are left
TRIED = 2e8  # entries of all triples in these rows, about
NEAR = 1e-9  # of the squares, up to which a triple may add up
CLOSE = 1e-6  # of the largest, likewise in one row; floats of 32 bits are as close
ULPS = 4  # by which floats that add up differ, in units in the last place


@stored
@dataclass(frozen=True)
class ColumnSum:
    """A column that is the sum of two others.

    Attributes
    ----------
    places : tuple of int
        Of the total, and of its summands: first the one with the coarser grid, or with the smaller
        spread, which is the better one to guess where only the total is known.
    cells : tuple of NumberCells
        How the three are read.
    slack : float
        By how much they may miss each other, in units of the largest.
    """

    places: tuple
    cells: tuple
    slack: float

    def complete(self, codes):
        """Work out, in an array of codes (n, n_places), the third where two are known."""
        holes = np.isnan(codes[:, self.places])
        for k, (place, cells) in enumerate(zip(self.places, self.cells, strict=True)):
            rows = np.flatnonzero(holes[:, k] & (holes.sum(axis=1) == 1))
            if not len(rows):
                continue
            total, first, second = self._values(codes[rows])
            found = first + second if k == 0 else total - (second if k == 1 else first)
            if cells.step and found.dtype.kind == "f":
                found = np.round(found)  # whole, but for the rounding of floats
            codes[rows, place] = cells.encode(found, "a sum")

    def broken(self, codes):
        """Whether (n,) all three are known in codes (n, n_places), and do not add up."""
        rows = np.flatnonzero(~np.isnan(codes[:, self.places]).any(axis=1))
        broken = np.zeros(len(codes), dtype=bool)
        total, first, second = values = self._values(codes[rows])
        if not self.slack:
            broken[rows] = first + second != total
        else:
            largest = np.max(np.abs(values), axis=0)
            broken[rows] = np.abs(first + second - total) > self.slack * largest
        return broken

    def _values(self, codes):
        pairs = zip(self.cells, self.places, strict=True)
        return [cells.decode(codes[:, place]) for cells, place in pairs]

    def alone(self, codes):
        """Whether (n,) of the three only the total is known."""
        total, first, second = np.isnan(codes[:, self.places]).T
        return ~total & first & second


def complete(codes, sums):
    """Work out what sums tell of codes (n, n_places), in place."""
    for _ in sums:  # what one tells may be what the next one lacked
        for one in sums:
            one.complete(codes)


def read_numbers(column, place, cells, kind=None):
    """Learn how the cells of a column are read as numbers, though it be of few integers.

    Parameters
    ----------
    column, place, kind
        As of :func:`skflow.tables._cells.read_cells`.
    cells : NumberCells or LevelCells
        What that made of them.

    Returns
    -------
    cells : NumberCells or None
        None where they are no numbers, or declared to be levels or periodic.
    """
    if isinstance(cells, NumberCells):
        return None if cells.periodic else cells
    if not cells.ordered or kind == "ordinal" or is_category(column):
        return None
    return NumberCells.read(column, place, whole=True)


def find_sums(codes, cells):
    """Find the columns that are the sum of two others.

    Parameters
    ----------
    codes : list of ndarray of shape (n,)
        Of columns of which no two are equal, NaN in holes.
    cells : list of NumberCells or None
        How the columns are read; None for those that are no numbers.

    Returns
    -------
    sums : list of ColumnSum
        In the order of the totals, of which some may be summands of others.
    """
    which = [j for j, one in enumerate(cells) if one is not None and _varies(codes[j])]
    sums = []
    for group in ([j for j in which if not cells[j].time], [j for j in which if cells[j].time]):
        if len(group) < 3 or len(codes[0]) < FEWEST:
            continue
        moments = [nanoseconds(cells[j]) * cells[j].origin for j in group if cells[j].time == "M"]
        start = min(moments, default=0)  # of all moments, so that spans are not small beside them
        values = np.column_stack(
            [_floats(codes[j], cells[j], start if cells[j].time == "M" else 0) for j in group]
        )
        for triple in _candidates(values):
            x = values[:, triple]
            one = _adding_up([group[k] for k in triple], x[~np.isnan(x).any(axis=1)], codes, cells)
            sums += [] if one is None else [one]
    return sorted(sums, key=lambda one: one.places)


def _varies(codes):
    known = codes[~np.isnan(codes)]
    return len(known) >= FEWEST and bool((known != known[0]).any())


def _floats(codes, cells, start):
    unit = nanoseconds(cells)
    return unit * (cells.step or 1) * codes + float(unit * cells.origin - start)


def nanoseconds(cells):
    """Nanoseconds in the unit of times; 1 for numbers."""
    return 1_000 if cells.unit == "us" else 1


def _candidates(values):
    """Triples (n_triples, 3) of columns, the total first, that add up in some rows or nearly so.

    Values are (n, d), NaN in holes.
    """
    n, d = values.shape
    known = ~np.isnan(values)
    rows = np.random.default_rng(0).permutation(n)
    full = (known & (values != 0)).sum(axis=1)[rows]
    rows = rows[np.argsort(-full, kind="stable")][:ROWS_OF_FEW]
    x = np.where(known, values, 0.0)[rows] / np.nanmax(np.abs(values))
    few = int(np.clip(TRIED / d**3, FEWEST_ROWS, MOST_ROWS))
    head, there = x[:few], known[rows[:few]].astype(float)
    found = []
    for a in range(d - 1):
        own, there_too = head[there[:, a] > 0], there[there[:, a] > 0]
        pair = there_too[:, a + 1 :] * (own[:, a + 1 :] + own[:, a, None])
        size = np.square(pair).T @ there_too + there_too[:, a + 1 :].T @ np.square(own)
        off = size - 2 * pair.T @ own  # sums of squares, by the other summand and the total
        b, c = np.nonzero((off <= NEAR * size) & (size > 0))
        found.append(np.stack([c, np.full(len(b), a), b + a + 1], axis=1))
    found = np.concatenate(found)
    found = found[(found[:, 0] != found[:, 1]) & (found[:, 0] != found[:, 2])]
    for one, seen in zip(x[few:], known[rows[few:]], strict=True):
        if len(found) <= FEW:
            break
        total, first, second = one[found].T
        near = np.abs(first + second - total) <= CLOSE * np.abs(one[found]).max(axis=1)
        found = found[near | ~seen[found].all(axis=1)]
    return found


def _adding_up(triple, x, codes, cells):
    """Return the sum that a triple of columns is, with values x (n, 3), or None."""
    own = [cells[j] for j in triple]
    times, whole = [one.time for one in own], [one.step > 0 for one in own]
    if times[0] == "M":
        fits = sorted(times[1:]) == ["M", "m"]
    else:
        fits = "M" not in times and (not whole[0] or all(whole))
    if not fits or (x != 0).any(axis=1).sum() < FEWEST:
        return None
    slack = 0.0 if all(whole) else _slack(x)
    exact = (x == np.round(x)).all() and np.abs(x).max() <= EXACT  # whatever their dtype
    if slack and exact and (x[:, 1] + x[:, 2] != x[:, 0]).any():
        return None
    spread = np.std(x, axis=0)
    order = sorted((1, 2), key=lambda k: (-own[k].step, spread[k]))
    places = tuple(triple[k] for k in (0, *order))
    one = ColumnSum(places, tuple(own[k] for k in (0, *order)), slack)
    every = np.full((len(codes[0]), max(triple) + 1), np.nan)
    every[:, list(places)] = np.stack([codes[j] for j in places], axis=1)
    return None if one.broken(every).any() else one


def _slack(x):
    """By how much floats x (n, 3) that add up may miss each other, the total being first."""
    with np.errstate(over="ignore"):
        single = (x[:, 0].astype(np.float32) == x[:, 0]).all()
    return ULPS * float(np.finfo(np.float32 if single else np.float64).eps)
