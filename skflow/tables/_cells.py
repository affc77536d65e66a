"""Cells of one column, whatever they are, as numbers, and numbers as cells again."""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, replace

import numpy as np

from skflow._input import as_python
from skflow._persistence import stored
from skflow.tables._context import cells_of, dtype_of, is_category, is_hole, numbers_of
from skflow.tables._decimals import DecimalCells
from skflow.tables._exact import LARGEST, LOWEST, is_integer, time_of, times_of, unit_of, whole_of

__all__ = ["KINDS", "UNSEEN", "LevelCells", "NumberCells", "kind_of", "read_cells"]

KINDS = ("number", "decimal", "integer", "category", "ordinal", "periodic", "skip")
UNSEEN = -1  # the code of a level that the fit has not seen
MAX_LEVELS = 500  # of a category that are told apart; rarer ones share one more
# Integers are levels if they are so few, each so often; others are numbers on a grid.
MOST_VALUES, FEWEST_EACH = 50, 4
SAFE = 2**61  # sums of two such numbers are still int64


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
        Whether the cells are moments ("M") or spans ("m"), which are whole ``unit``s.
    unit : {"ns", "us"}
    periodic : bool
        Whether numbers lie on a circle, declared bounds being its one period.
    """

    origin: int = 0
    step: int = 0
    time: str = ""
    unit: str = "ns"
    periodic: bool = False

    n_levels = 0

    @classmethod
    def read(cls, column, place, whole):
        """Learn from the column of a fit; ``whole`` looks for a grid."""
        time = time_of(column)
        cells = cls(time=time, unit=unit_of(column)) if time else cls()
        values, known = cells._whole(column, place) if whole or cells.time else (None, None)
        if values is None or not known.any():
            return cells
        values = values[known]
        origin = int(values.min())
        # from end to end of int64 it is more than that holds, and wraps to what it should be
        step = int(np.gcd.reduce((values - origin).astype(np.uint64)))
        return replace(cells, origin=origin, step=step or 1)

    def _whole(self, column, place):
        """Whole numbers (n,), int64, and where there is one; times in their unit."""
        if not self.time:
            return whole_of(column, place)
        times = times_of(column, self.time, self.unit, place)
        return times.astype(np.int64), ~np.isnat(times)

    def bounds(self, low, high):
        """Return declared bounds in codes; None where there is none."""
        ends = (np.array([end], dtype=object) for end in (low, high))
        codes = (self.encode(end, "a bound")[0] for end in ends)
        return tuple(None if np.isnan(code) else code for code in codes)

    def encode(self, column, place):
        """Codes (n,) of a column, float64, NaN in holes."""
        if not self.step and not self.time:
            return numbers_of(column, place)
        values, known = self._whole(column, place)
        above = values - self.origin
        far = (above >= 0) != (values >= self.origin)  # int64 does not reach from the one to it
        above = np.where(far, values.astype(float) - float(self.origin), above)
        return np.where(known, above / (self.step or 1), np.nan)

    def decode(self, codes, like=None, rng=None):
        """Cells (n,) of codes: floats, or if there are no holes whole numbers on the grid.

        Codes of large numbers lack digits: where a column ``like`` has a cell, it is that one.
        """
        del rng  # of levels that share a code
        if not self.step:
            return codes.astype(f"{self.time}8[{self.unit}]") if self.time else codes.copy()
        holes = np.isnan(codes)
        codes = np.where(holes, 0.0, codes)
        steps = np.round(codes)
        beside = np.round(self.step * (codes - steps))  # of cells that lie between two steps
        cells = self._on_grid(steps) + beside.astype(np.int64)
        if like is not None:
            values, known = self._whole(like, "the column")
            cells[known] = values[known]
        if self.time:
            cells = cells.astype(f"{self.time}8[{self.unit}]")
            cells[holes] = np.array("NaT", dtype=cells.dtype)
            return cells
        if not holes.any():
            return cells
        exact = cells.astype(object)
        exact[holes] = None
        return exact

    def _on_grid(self, steps):
        """Whole numbers (n,), int64, so many steps from the origin, as far as int64 reaches."""
        largest = self.step * float(np.abs(steps).max(initial=0.0))
        if max(largest, abs(self.origin)) < SAFE:
            return self.origin + self.step * steps.astype(np.int64)
        cells = (self.origin + self.step * int(k) for k in steps)
        return np.array([min(max(cell, LOWEST), LARGEST) for cell in cells], dtype=np.int64)


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
    time = ""

    @classmethod
    def read(cls, column, *, ordered=False):
        """Learn from the column of a fit."""
        cells = [as_python(cell) for cell in cells_of(column) if not is_hole(cell)]
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
            [np.nan if is_hole(c) else known.get(as_python(c), UNSEEN) for c in cells], dtype=float
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
        return np.array([shares.get(as_python(c), 0.0) for c in cells_of(column)])

    def decode(self, codes, like=None, rng=None):
        """Cells (n,) of codes, None in holes.

        The code that levels share becomes one of them at random, or the most frequent one. Where
        a column ``like`` has a cell of such a code, or one that was not seen, it is that one.
        """
        cells = np.empty(len(codes), dtype=object)
        levels = np.empty(len(self.levels) + 1, dtype=object)
        levels[:-1] = self.levels
        known = ~np.isnan(codes) & (codes != UNSEEN)
        cells[known] = levels[codes[known].astype(int)]
        shared = codes == len(self.levels)
        if like is not None:
            given = cells_of(like)
            there = np.array([not is_hole(cell) for cell in given], dtype=bool)
            kept = (codes == UNSEEN) | (shared & there)
            cells[kept], shared = given[kept], shared & ~kept
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
    kind : one of KINDS, or None
        None and "skip" go by the dtype.

    Returns
    -------
    cells : NumberCells, DecimalCells or LevelCells
    """
    kind = kind_of(column) if kind in (None, "skip") else kind
    if kind in ("category", "ordinal"):
        return LevelCells.read(column, ordered=kind == "ordinal")
    if kind == "periodic":
        return _on_circle(column, place)
    if kind == "decimal":
        return DecimalCells.read(column, place)
    cells = NumberCells.read(column, place, whole=kind == "integer")
    codes = cells.encode(column, place)
    if not cells.time and len(np.unique(codes[~np.isnan(codes)])) == 1:  # a constant
        return LevelCells.read(column)
    if cells.step and not cells.time:
        levels = LevelCells.read(column, ordered=True)
        n_known = sum(not is_hole(cell) for cell in cells_of(column))
        if levels.n_levels <= min(MOST_VALUES, n_known / FEWEST_EACH):
            return replace(levels, levels=tuple(int(level) for level in levels.levels))
    return cells


def _on_circle(column, place):
    cells = NumberCells.read(column, place, whole=kind_of(column) == "integer")
    if cells.time:
        raise ValueError(f"{place} holds times, which have no period: make a column of hours.")
    return replace(cells, step=min(cells.step, 1), periodic=True)  # 1: it divides any period


def kind_of(column):
    """Say what a column is by its dtype, one of ``KINDS``."""
    dtype = dtype_of(column)
    if dtype.startswith("bool"):
        return "category"
    if is_category(column):
        return "ordinal" if _declared(column) else "category"
    if is_integer(column):
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
        return [as_python(level) for level in dtype.categories]
    return []
