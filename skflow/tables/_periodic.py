"""Hours and angles: what ``periodic={column: period}`` means, row by row.

A circle is cut open where it is emptiest, and its values are turned into one period from there:
an ordinary column between two bounds. At the cut the density need not be continuous; that is why
it lies where hardly any rows are.
"""

from dataclasses import dataclass

import numpy as np

from skflow._persistence import stored
from skflow._validation import column_label, is_real
from skflow.tables._declared import by_column

__all__ = ["Circles", "read_circles", "resolve_periods"]

# Of a period, on both sides of a place for the cut, within which rows are counted.
REACHES = 1 / 4, 1 / 16, 1 / 64


@stored
@dataclass(frozen=True, eq=False)
class Circles:
    """Periodic columns of a table.

    Attributes
    ----------
    columns : ndarray of shape (n_columns,), int
    periods : ndarray of shape (n_columns,)
    cuts : ndarray of shape (n_columns,)
        Where one period starts in training.
    starts : ndarray of shape (n_columns,)
        Where one period starts in what users get.
    """

    columns: np.ndarray
    periods: np.ndarray
    cuts: np.ndarray
    starts: np.ndarray

    def within(self, low, high, names=None):
        """Bounds (n_features,) of all columns, of which periodic ones have none of their own."""
        for j, period, cut in zip(self.columns, self.periods, self.cuts, strict=True):
            if np.isfinite([low[j], high[j]]).any():
                raise ValueError(
                    f"{column_label(j, names)} is declared periodic, and support gives it bounds: "
                    "a circle has none; leave it out of one of them."
                )
            low[j], high[j] = cut, cut + period
        return low, high

    def turn(self, X, *, in_place=False):
        """Rows X (n_samples, n_features) with the columns between the cut and a period above."""
        return self._into(X, self.cuts, in_place)

    def turn_back(self, X):
        """Rows X (n_samples, n_features) with the columns where the table had them."""
        return self._into(X, self.starts, False)

    def _into(self, X, starts, in_place):
        out = X if in_place else X.copy()
        for j, period, start in zip(self.columns, self.periods, starts, strict=True):
            out[:, j] = _into_period(X[:, j], period, start)
        return out


def _into_period(x, period, start):
    """Values (n,) in [start, start + period); those that are there keep their digits."""
    x = x - period * np.floor((x - start) / period)
    return np.where((start <= x) & (x < start + period), x, start)


def resolve_periods(periodic, n_features, feature_names=None):
    """Return the periods by index of the column, as a dict {int: float}.

    Parameters
    ----------
    periodic : None or mapping {column index or name: period}
        A period is a finite number above 0.
    n_features : int
    feature_names : sequence of str, optional
        Needed for columns given by name.
    """
    declared = by_column("periodic", periodic, "period", n_features, feature_names)
    for j, period in declared.items():
        if not is_real(period) or not 0 < period < np.inf:
            raise ValueError(
                f"periodic for {column_label(j, feature_names)} must be a finite period above 0, "
                f"such as 24 for hours or 360 for degrees, got {period!r}."
            )
    return {j: float(period) for j, period in declared.items()}


def read_circles(X, periodic, weight=None, names=None):
    """Find out where to cut the periodic columns of X open; None if there are none.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
    periodic : None or mapping {column index or name: period}
    weight : ndarray of shape (n_samples,), optional
        Rows of weight zero are left out.
    names : sequence of str, optional

    Returns
    -------
    circles : Circles or None
    """
    periods = resolve_periods(periodic, X.shape[1], names)
    if not periods:
        return None
    used = slice(None) if weight is None else weight > 0
    weight = np.ones(len(X)) if weight is None else weight[used]
    starts = [_start(X[used, j], period) for j, period in periods.items()]
    cuts = [
        _emptiest(_into_period(X[used, j], period, start), weight / weight.max(), period, start)
        for (j, period), start in zip(periods.items(), starts, strict=True)
    ]
    columns = np.array(list(periods)), np.array(list(periods.values()))
    return Circles(*columns, np.array(cuts), np.array(starts))


def _start(x, period):
    """Angles may be given from minus half a turn; all else starts at 0."""
    around_zero = x.min() < 0 and np.abs(x).max() <= period / 2
    return -period / 2 if around_zero else 0.0


def _emptiest(x, weight, period, start):
    """Middle of the gap with the fewest rows around it, near ones before all.

    Rows count in windows of several widths: where they are rare the widest gap is one by chance,
    and between the hours of a grid all gaps are as wide.
    """
    values, group = np.unique(x, return_inverse=True)
    gaps = np.diff(np.append(values, values[0] + period))
    middles = values + gaps / 2
    mass = np.append(0.0, np.cumsum(np.tile(np.bincount(group, weights=weight), 3)))
    turns = np.concatenate([values - period, values, values + period])
    around = np.zeros(len(values))
    for reach in REACHES:
        low, high = (np.searchsorted(turns, middles + s * reach * period) for s in (-1, 1))
        around += (mass[high] - mass[low]) / (mass[-1] * reach**2)
    around = np.round(around, 9)  # sums of weights differ in their last digits
    cut = middles[np.lexsort((-gaps, around))[0]]
    return cut - period if cut >= start + period / 2 else cut
