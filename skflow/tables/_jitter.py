"""Repeated values of one column: spread over their widths, and draws brought back to them."""

from dataclasses import dataclass

import numpy as np

from skflow._persistence import stored
from skflow.tables._lattice import nearest, up_the_grid

__all__ = ["ColumnTies", "spread_column"]

LARGEST = np.finfo(np.float64).max
SLACK = 1e-6  # of a gap, by which a bound may miss a point of the grid


@stored
@dataclass(frozen=True, eq=False)
class ColumnTies:
    """Jitter of one column, and where draws of it go back to.

    Attributes
    ----------
    kind : {"grid", "irregular", "atom", "constant"}
    gap : float
        Width that every row of the column gets, 0 if only repeated values are jittered.
    lower, upper : ndarray of shape (n_values,)
        Values with a width of their own; the two differ by rounding error at most.
    widths : ndarray of shape (n_values,)
        Their widths.
    reach : ndarray of shape (n_values, 2) or None
        How far below and above each of them draws go back to it.
    points : ndarray of shape (n_points,) or None
        Points of the grid, from which all others are multiples of the gap away: the values of the
        table, but for those whose very digits follow from the lowest.
    ends : tuple of two float
        Values beyond which the table had none although they repeat; infinite where there is no
        such end.
    """

    kind: str
    gap: float
    lower: np.ndarray
    upper: np.ndarray
    widths: np.ndarray
    # files of the first version hold none of these
    reach: np.ndarray | None = None
    points: np.ndarray | None = None
    ends: tuple = (-np.inf, np.inf)

    @property
    def width(self):
        """The grid's gap, or the largest width of a value where there is no common gap."""
        return float(self.gap if self.gap > 0 else self.widths.max(initial=0.0))

    def row_widths(self, x):
        """Jitter width of every row of the column ``x`` (n,)."""
        out = np.full(len(x), self.gap)
        if len(self.lower):
            at = np.searchsorted(self.lower, x, side="right") - 1
            known = (at >= 0) & (x <= self.upper[at])
            out[known] = self.widths[at[known]]
        return out

    def gather(self, x, low=-np.inf, high=np.inf):
        """Bring draws back to where the table had its values.

        Draws beyond an end of the table count as that end. Then a draw within the reach of a
        value with a width of its own becomes that value, and any other one the nearest point of
        the grid, if there is a grid, inside the bounds.

        Parameters
        ----------
        x : ndarray of shape (n_samples,)
            Inside the bounds.
        low, high : float

        Returns
        -------
        x : ndarray of shape (n_samples,)
        """
        if self.points is None:
            raise ValueError(
                "on_grid=True needs the grids of the table, which files of skflow 0.1 do not "
                "hold: fit anew, or draw with on_grid=False."
            )
        low, high = max(low, self.ends[0]), min(high, self.ends[1])
        x = np.clip(x, low, high)
        out = self._nearest_points(x, low, high) if len(self.points) else x.copy()
        if len(self.lower):
            at = nearest(self.lower, x)
            away = x - self.lower[at]
            mine = (-self.reach[at, 0] <= away) & (away <= self.reach[at, 1])
            out[mine] = self.lower[at[mine]]
        return out

    def _nearest_points(self, x, low, high):
        start = self.points[nearest(self.points, x)]
        fewest = np.ceil((low - start) / self.gap - SLACK)
        most = np.floor((high - start) / self.gap + SLACK)
        steps = np.clip(np.round((x - start) / self.gap), fewest, most)
        return np.clip(up_the_grid(start, steps, self.gap), low, high)


def spread_column(x, widths, rng, low=-np.inf, high=np.inf):
    """Spread values: ``x + uniform(-1/2, 1/2) * widths``, kept inside the bounds.

    Jitter that would cross a declared bound is reflected at it, so that a value on the bound is
    spread over ``bound + uniform(0, width / 2)``.

    Parameters
    ----------
    x, widths : ndarray of shape (n_samples,)
    rng : numpy.random.Generator or numpy.random.RandomState
    low, high : float

    Returns
    -------
    x : ndarray of shape (n_samples,)
    """
    # Half the width must fit between the bounds, or one reflection would not be enough.
    noise = rng.uniform(-0.5, 0.5, len(x)) * 2 * np.minimum(0.5 * widths, 0.5 * high - 0.5 * low)
    inwards = np.abs(noise) > LARGEST - np.abs(x)  # else the largest numbers overflow
    noise = np.where(inwards, -np.copysign(noise, x), noise)
    moved = x + noise
    for bound, beyond in ((low, moved < low), (high, moved > high)):
        moved[beyond] = bound + (bound - moved[beyond])
    return np.where(noise == 0, x, np.clip(moved, low, high))
