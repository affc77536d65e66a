"""Cells of one column, whatever they are, as numbers, and numbers as cells again."""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, replace

import numpy as np

from skflow._persistence import stored
from skflow.tables._context import cells_of, is_category, is_hole, numbers_of

__all__ = ["KINDS", "UNSEEN", "LevelCells", "NumberCells", "read_cells"]

KINDS = ("number", "integer", "category", "ordinal", "skip")
UNSEEN = -1  # the code of a level that the fit has not seen
MAX_LEVELS = 500  # of a category that are told apart; rarer ones share one more
# Integers are levels if they are so few, each so often; others are numbers on a grid.
MOST_VALUES, FEWEST_EACH = 50, 4
EXACT = 2**53  # whole numbers up to here are floats


@stored
@dataclass(frozen=True)
class NumberCells:
    """Numbers, times or spans of time.

    A code is the number itself, or where numbers lie on a grid, how many steps it is above the
    lowest of the fit; part of a step where it lies between two.

    Attributes
    ----------
    origin, step : int
        Of the grid; a step of 0 says that there is none.
    time : {"", "M", "m"}
        Whether the cells are moments ("M") or spans ("m"), which are whole nanoseconds.
    """

    origin: int = 0
    step: int = 0
    time: str = ""

    n_levels = 0

    @classmethod
    def read(cls, column, place, whole):
        """Learn from the column of a fit; ``whole`` looks for a grid."""
        time = _time_of(column)
        values, known = _whole(column, place) if whole or time else (None, None)
        if values is None or not known.any():
            return cls(time=time)
        values = values[known]
        origin = int(values.min())
        step = int(np.gcd.reduce(values - origin)) if len(values) else 0
        return cls(origin, step or 1, time)

    def bounds(self, low, high):
        """Return declared bounds in codes; None where there is none."""
        ends = (np.array([end], dtype=object) for end in (low, high))
        codes = (self.encode(end, "a bound")[0] for end in ends)
        return tuple(None if np.isnan(code) else code for code in codes)

    def encode(self, column, place):
        """Codes (n,) of a column, float64, NaN in holes."""
        if not self.step and not self.time:
            return numbers_of(column, place)
        if self.time:
            column = np.asarray(column, dtype=f"{self.time}8[ns]")
        values, known = _whole(column, place)
        codes = np.full(len(known), np.nan)
        codes[known] = (values[known] - self.origin) / (self.step or 1)
        return codes

    def decode(self, codes):
        """Cells (n,) of codes: floats, or if there are no holes whole numbers on the grid."""
        if not self.step:
            return codes.copy()
        holes = np.isnan(codes)
        codes = np.where(holes, 0.0, codes)
        steps = np.round(codes)
        beside = np.round(self.step * (codes - steps))  # of cells that lie between two steps
        cells = self.origin + self.step * steps.astype(np.int64) + beside.astype(np.int64)
        if self.time:
            cells = cells.astype(f"{self.time}8[ns]")
            cells[holes] = np.array("NaT", dtype=cells.dtype)
            return cells
        return np.where(holes, np.nan, cells) if holes.any() else cells


@stored
@dataclass(frozen=True)
class LevelCells:
    """Labels, or few integers. A code is the number of the level.

    Attributes
    ----------
    levels : tuple
        Of the fit; ordered ones from low to high, others from the most frequent on.
    ordered : bool
    pooled : tuple
        Levels that share the last code, being too many to be told apart.
    pooled_shares : tuple of float
        How often each of them was among them.
    """

    levels: tuple
    ordered: bool = False
    pooled: tuple = ()
    pooled_shares: tuple = ()

    step = 0

    @classmethod
    def read(cls, column, *, ordered=False):
        """Learn from the column of a fit."""
        cells = [_plain(cell) for cell in cells_of(column) if not is_hole(cell)]
        counts = dict.fromkeys(_declared(column), 0) if ordered else {}
        for cell in cells:
            counts[cell] = counts.get(cell, 0) + 1
        seen = [level for level, count in counts.items() if count]
        if ordered:
            return cls(tuple(seen if _declared(column) else sorted(seen)), True)
        seen.sort(key=lambda level: (-counts[level], str(level)))
        kept, rest = seen[:MAX_LEVELS], seen[MAX_LEVELS:]
        total = sum(counts[level] for level in rest)
        shares = tuple(counts[level] / total for level in rest)
        return cls(tuple(kept), False, tuple(rest), shares)

    @property
    def n_levels(self):
        """How many codes there are."""
        return len(self.levels) + bool(self.pooled)

    def bounds(self, low, high):
        """Levels have no bounds: those of the fit are all that are drawn."""
        del low, high

    def encode(self, column, place):
        """Codes (n,) of a column, float64, NaN in holes, UNSEEN for what the fit had not."""
        del place
        known = {level: k for k, level in enumerate(self.levels)}
        known |= dict.fromkeys(self.pooled, len(self.levels))
        cells = cells_of(column)
        return np.array(
            [np.nan if is_hole(c) else known.get(_plain(c), UNSEEN) for c in cells], dtype=float
        )

    def range(self, low, high):
        """Codes of the first and the last level from low to high, None for an open end."""
        levels = self.levels
        if any(isinstance(level, str) for level in levels):  # in the order of their dtype
            first = 0 if low is None else self._index(low)
            return first, len(levels) - 1 if high is None else self._index(high)
        first = 0 if low is None else bisect_left(levels, low)
        last = len(levels) - 1 if high is None else bisect_right(levels, high) - 1
        if first > last:
            raise ValueError(f"the fit had no level from {low!r} to {high!r}; it had {levels}.")
        return first, last

    def _index(self, level):
        if level not in self.levels:
            raise ValueError(f"the fit had no level {level!r}; it had {self.levels}.")
        return self.levels.index(level)

    def log_share(self, column):
        """Log of the share (n,) of each cell among what has its code: 0 where it is alone."""
        if not self.pooled:
            return np.zeros(len(column))
        shares = dict(zip(self.pooled, np.log(self.pooled_shares), strict=True))
        return np.array([shares.get(_plain(c), 0.0) for c in cells_of(column)])

    def decode(self, codes, rng=None):
        """Cells (n,) of codes, None in holes.

        The code that levels share becomes one of them at random, or the most frequent one.
        """
        cells = np.empty(len(codes), dtype=object)
        levels = np.empty(len(self.levels) + 1, dtype=object)
        levels[:-1] = self.levels
        known = ~np.isnan(codes)
        cells[known] = levels[codes[known].astype(int)]
        shared = codes == len(self.levels)
        if self.pooled and shared.any():
            n = int(shared.sum())
            picked = [0] * n  # they are in the order of their frequency
            if rng is not None:
                picked = rng.choice(len(self.pooled), n, p=self.pooled_shares)
            pooled = np.empty(len(self.pooled), dtype=object)
            pooled[:] = self.pooled
            cells[shared] = pooled[picked]
        return cells


def read_cells(column, place, kind=None):
    """Learn how the cells of a column are read.

    Parameters
    ----------
    column : ndarray or column of a data frame
    place : str
        How messages name it.
    kind : {"number", "integer", "category", "ordinal", "skip"} or None
        None and "skip" go by the dtype.

    Returns
    -------
    cells : NumberCells or LevelCells
    """
    kind = _kind_of(column) if kind in (None, "skip") else kind
    if kind in ("category", "ordinal"):
        return LevelCells.read(column, ordered=kind == "ordinal")
    cells = NumberCells.read(column, place, whole=kind == "integer")
    if not cells.time and _is_constant(cells.encode(column, place)):
        return LevelCells.read(column)
    if cells.step and not cells.time:
        levels = LevelCells.read(column, ordered=True)
        n_known = sum(not is_hole(cell) for cell in cells_of(column))
        if levels.n_levels <= min(MOST_VALUES, n_known / FEWEST_EACH):
            return replace(levels, levels=tuple(int(level) for level in levels.levels))
    return cells


def _is_constant(codes):
    known = codes[~np.isnan(codes)]
    return len(known) > 0 and bool((known == known[0]).all())


def _kind_of(column):
    dtype = str(getattr(column, "dtype", "object")).lower()
    if dtype.startswith("bool"):
        return "category"
    if is_category(column):
        return "ordinal" if _declared(column) else "category"
    if dtype.startswith(("int", "uint")):
        return "integer"
    known = [cell for cell in cells_of(column) if not is_hole(cell)] if dtype == "object" else []
    if known and all(isinstance(cell, bool | np.bool_) for cell in known):
        return "category"
    if known and all(isinstance(cell, int | np.integer) for cell in known):
        return "integer"
    return "number"


def _declared(column):
    """Levels of an ordered category, in their order; none of any other column."""
    dtype = getattr(column, "dtype", None)
    if getattr(dtype, "ordered", False):
        return [_plain(level) for level in dtype.categories]
    return []


def _plain(cell):
    return cell.item() if isinstance(cell, np.generic) else cell


def _time_of(column):
    dtype = str(getattr(column, "dtype", "object")).lower()
    if dtype.startswith(("datetime", "date", "timestamp")):
        return "M"
    return "m" if dtype.startswith(("timedelta", "duration")) else ""


def _whole(column, place):
    """Whole numbers (n,), int64, and where there is one; times in nanoseconds."""
    time = _time_of(column)
    if time:
        times = np.asarray(column, dtype=f"{time}8[ns]")
        return times.astype(np.int64), ~np.isnat(times)
    cells = np.asarray(column)
    if cells.dtype.kind in "iu":
        _check_size(cells, place)
        return cells.astype(np.int64), np.ones(len(cells), dtype=bool)
    numbers = numbers_of(column, place)
    known = ~np.isnan(numbers)
    filled = np.where(known, numbers, 0.0)
    if (filled != np.round(filled)).any() or (np.abs(filled) > EXACT).any():
        row = int(((filled != np.round(filled)) | (np.abs(filled) > EXACT)).argmax())
        raise ValueError(
            f"{place} is taken for integers and holds {numbers[row]:g} in row {row}: pass "
            'integers up to 2**53, or declare kinds={...: "number"}.'
        )
    return filled.astype(np.int64), known


def _check_size(cells, place):
    if cells.dtype.kind == "u" and len(cells) and cells.max() > np.iinfo(np.int64).max:
        raise ValueError(
            f"{place} holds integers beyond 2**63: pass them as floats, or declare "
            'kinds={...: "category"} where they are names.'
        )
