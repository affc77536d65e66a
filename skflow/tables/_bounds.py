"""Declared bounds of columns: what ``support={column: (low, high)}`` means, row by row.

A column with a finite bound is mapped to normal scores by
:class:`skflow.bijections.BoundedToNormal`, so that the density is zero outside and samples never
leave. Rows strictly outside are an error in fit and have log density -inf afterwards. A value
exactly *on* a finite bound (a proportion of 0, a count of 0) would be mapped to infinity, yet it
is ordinary data; it is therefore moved inside, to a position that :func:`boundary_positions`
fixes at fit and that scoring uses again:

* if the value at the bound is tied (see :mod:`skflow.tables._ties`) with jitter width w, its
  rows train on ``bound + uniform(0, w / 2)`` and the position is the middle, ``bound + w / 4``;
* otherwise the position is halfway to the nearest value of the column inside the bounds, but not
  nearer than a millionth of the distance of the nearest tenth: a lone value may be all but on it.
"""

import numpy as np

from skflow._input import row_label
from skflow._validation import column_label, is_real
from skflow.tables._declared import by_column

__all__ = [
    "boundary_positions",
    "check_inside_support",
    "move_inside",
    "outside_support",
    "resolve_support",
]


def resolve_support(support, n_features, feature_names=None):
    """Bounds of every column as two float64 arrays, infinite where none was declared.

    Parameters
    ----------
    support : None or mapping {column index or name: (low, high)}
        Either bound may be None or infinite: no bound on that side.
    n_features : int
    feature_names : sequence of str, optional
        Needed for columns given by name.

    Returns
    -------
    low, high : ndarray of shape (n_features,)
    """
    low, high = np.full(n_features, -np.inf), np.full(n_features, np.inf)
    declared = by_column("support", support, "(low, high)", n_features, feature_names)
    for j, bounds in declared.items():
        low[j], high[j] = _bounds(bounds, column_label(j, feature_names))
    return low, high


def _bounds(bounds, label):
    """Read the pair (low, high) as floats, None as infinity."""
    wanted = f"support for {label} must be a pair (low, high) of numbers or None"
    if isinstance(bounds, str) or not hasattr(bounds, "__len__") or len(bounds) != 2:
        raise ValueError(f"{wanted}, got {bounds!r}.")
    pair = []
    for bound, missing in zip(bounds, (-np.inf, np.inf), strict=True):
        if bound is not None and not is_real(bound):
            raise ValueError(f"{wanted}, got {bound!r} in {bounds!r}.")
        pair.append(missing if bound is None else float(bound))
    if np.isnan(pair).any():
        raise ValueError(f"{wanted}, got NaN in {bounds!r}; use None for no bound.")
    if not pair[0] < pair[1]:
        raise ValueError(
            f"support for {label} must have low < high, got low={pair[0]!s} and high={pair[1]!s}."
        )
    return pair


def outside_support(X, low, high):
    """Rows with a value strictly outside the bounds, as a boolean array (n_samples,)."""
    outside = np.zeros(len(X), dtype=bool)
    for j in _bounded(low, high):
        outside |= (X[:, j] < low[j]) | (X[:, j] > high[j])
    return outside


def check_inside_support(X, low, high, feature_names=None, used=None, like=None):
    """Raise a ValueError if a value lies strictly outside its column's declared bounds.

    Rows that are not ``used`` (n_samples,), all by default, may lie anywhere.
    """
    for j in _bounded(low, high):
        outside = (X[:, j] < low[j]) | (X[:, j] > high[j])
        if used is not None:
            outside &= used
        if outside.any():
            row = int(outside.argmax())
            raise ValueError(
                f"{column_label(j, feature_names)} has the value {X[row, j]!s} in "
                f"{row_label(row, like)}, outside its declared support ({low[j]!s}, "
                f"{high[j]!s}); {int(outside.sum())} such rows. Widen the support (None: no "
                "bound), or drop or correct these rows."
            )


def boundary_positions(X, low, high, ties=None, used=None):
    """Where values exactly on a bound are scored: see the module's text.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Training rows, inside the bounds.
    low, high : ndarray of shape (n_features,)
    ties : Ties, optional
        Repeated values of the training rows and the widths they are spread over.
    used : ndarray of shape (n_samples,), bool, optional
        Rows that count; all by default.

    Returns
    -------
    low_at, high_at : ndarray of shape (n_features,)
        Strictly inside the bounds; equal to the bound where that is infinite.
    """
    low_at, high_at = low.copy(), high.copy()
    for j in _bounded(low, high):
        x = X[:, j] if used is None else X[used, j]
        widths = None if ties is None else ties.widths_in(j, x)
        if np.isfinite(low[j]):
            low_at[j] = low[j] + _inset(_between(low[j], x), widths, _between(low[j], high[j]))
            low_at[j] = max(low_at[j], np.nextafter(low[j], np.inf))
        if np.isfinite(high[j]):
            high_at[j] = high[j] - _inset(_between(x, high[j]), widths, _between(low[j], high[j]))
            high_at[j] = min(high_at[j], np.nextafter(high[j], -np.inf))
    return low_at, high_at


def _between(low, high):
    """Difference ``high - low`` >= 0, at most the largest float where both are finite."""
    half = 0.5 * high - 0.5 * low
    return np.where(np.isinf(half), half, 2 * np.minimum(half, np.finfo(np.float64).max / 2))


def _inset(distance, widths, room):
    """How far inside a bound its own values are placed; ``distance`` (n,) is to the bound."""
    inside = distance[(distance > 0) & (distance < room)]
    if widths is not None and (widths[distance == 0] > 0).any():
        inset = widths[distance == 0].max() / 4
    elif len(inside):
        inset = max(inside.min() / 2, 1e-6 * np.quantile(inside, 0.1, method="lower"))
    else:
        inset = room / 4 if np.isfinite(room) else 0.0125
    return min(inset, room / 4)


def move_inside(X, low, high, low_at, high_at, *, in_place=False):
    """X with the values exactly on a bound moved to their positions; a copy if any moved.

    With ``in_place`` they are moved in X itself, which is to be nobody else's.
    """
    moved = X
    for j in _bounded(low, high):
        for bound, position in ((low[j], low_at[j]), (high[j], high_at[j])):
            on_bound = X[:, j] == bound
            if on_bound.any():
                moved = X.copy() if moved is X and not in_place else moved
                moved[on_bound, j] = position
    return moved


def _bounded(low, high):
    return np.flatnonzero(np.isfinite(low) | np.isfinite(high))
