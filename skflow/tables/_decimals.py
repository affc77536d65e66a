"""Numbers of few decimals, as cells of a column that lie on a grid."""

from dataclasses import dataclass

import numpy as np

from skflow._input import row_label
from skflow._persistence import stored
from skflow.tables._context import numbers_of

__all__ = ["DecimalCells"]

EXACT = 2**53  # whole numbers up to here are floats
MOST_DECIMALS = 15
NEARLY_ALL = 0.95  # of the numbers of a fit; a few that were computed, as means are, do no harm


@stored
@dataclass(frozen=True)
class DecimalCells:
    """Numbers that are whole when multiplied by a power of ten, nearly all of them.

    A code says how many steps a number, rounded to its last decimal, is above the lowest of the
    fit. Where nothing was rounded it becomes the float from which it came, to the last bit.

    Attributes
    ----------
    decimals : int
        The power of ten.
    origin, step : int
        Of the grid of the whole numbers.
    strict : bool
        Whether no number of the fit was rounded.
    """

    decimals: int
    origin: int
    step: int
    strict: bool

    n_levels = 0
    time = ""
    ordered = periodic = False

    @classmethod
    def read(cls, column, place):
        """Learn the fewest decimals that 19 of 20 numbers of a fit have.

        Raises
        ------
        ValueError
            If these are more than 15.
        """
        numbers = numbers_of(column, place)
        known = numbers[~np.isnan(numbers)]
        for decimals in range(MOST_DECIMALS + 1):
            whole, on_grid = _whole(known, decimals, _is_single(column))
            if not len(known) or on_grid.mean() >= NEARLY_ALL:
                break
        else:
            row = int(np.flatnonzero(~np.isnan(numbers))[(~on_grid).argmax()])
            raise ValueError(
                f"{place} is to be decimal, and holds {numbers[row]!r} in "
                f"{row_label(row, column)}: round it, as by X.round(6), or declare "
                'kinds={...: "number"}.'
            )
        whole = whole.astype(np.int64)
        origin = int(whole.min()) if len(whole) else 0
        step = int(np.gcd.reduce(whole - origin)) if len(whole) else 1
        return cls(decimals, origin, step or 1, bool(on_grid.all()))

    def bounds(self, low, high):
        """Return declared bounds in codes; None where there is none."""
        ends = (None if end is None else np.array([end], dtype=float) for end in (low, high))
        return tuple(None if end is None else self.encode(end, "a bound")[0] for end in ends)

    def encode(self, column, place):
        """Codes (n,) of a column, float64, NaN in holes."""
        whole = np.round(numbers_of(column, place) * 10.0**self.decimals)
        return (whole - self.origin) / self.step

    def exact(self, numbers):
        """Codes (n,) of any numbers, parts of steps included."""
        return (numbers * 10.0**self.decimals - self.origin) / self.step

    def off_grid(self, column, place):
        """Whether (n,) numbers of a column have more decimals."""
        numbers = numbers_of(column, place)
        return ~np.isnan(numbers) & ~_whole(numbers, self.decimals, _is_single(column))[1]

    def decode(self, codes, like=None, rng=None):
        """Numbers (n,) of codes, NaN in holes."""
        del like, rng
        return (self.origin + self.step * codes) / 10.0**self.decimals


def _is_single(column):
    """Whether a column is of floats of 32 bits."""
    return str(getattr(column, "dtype", "")).lower() in ("float32", "float")


def _whole(numbers, decimals, single):
    """Numbers in units of the last decimal, rounded, and whether they are such numbers."""
    scale = 10.0**decimals
    with np.errstate(invalid="ignore", over="ignore"):
        whole = np.round(numbers * scale)
        back = whole / scale
        back = back.astype(np.float32).astype(float) if single else back
    return whole, (np.abs(whole) < EXACT) & (back == numbers)
