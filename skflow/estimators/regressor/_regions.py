"""Highest-density regions of distributions of one number."""

import numpy as np

__all__ = ["highest_density"]

N_POINTS = 512  # between which the density is linear
OUTSIDE = 1e-4  # of the probability, at either end
BLOCK = 64  # rows at a time


def highest_density(distribution, context, coverage):
    """Intervals of the smallest set that holds y with a probability, a list of (m, 2).

    Parameters
    ----------
    distribution : OneNumber
    context : ndarray of shape (n, c)
    coverage : float
    """
    regions = []
    for start in range(0, len(context), BLOCK):
        block = context[start : start + BLOCK]
        points = _points(distribution, block)
        log_density = distribution.log_density(
            points.reshape(-1, 1), np.repeat(block, points.shape[1], axis=0)
        )
        densities = np.exp(log_density).reshape(points.shape)
        regions += [_region(*pair, coverage) for pair in zip(points, densities, strict=True)]
    return regions


def _points(distribution, context):
    """Points (n, q) of each row, half of them evenly spread in y and half in probability."""
    levels = np.linspace(OUTSIDE, 1 - OUTSIDE, N_POINTS // 2)
    likely = distribution.quantiles(levels, context)[:, 0]
    even = np.linspace(likely[:, 0], likely[:, -1], N_POINTS // 2, axis=1)
    return np.sort(np.concatenate([likely, even], axis=1), axis=1)


def _region(points, density, coverage):
    """Where a density, linear between points (q,), is above the level that leaves coverage."""
    low, high = 0.0, density.max()
    total = np.trapezoid(density, points)
    for _ in range(60):
        level = 0.5 * (low + high)
        ends = _above(points, density, level)
        if _mass(points, density, ends) > coverage * total:
            low = level
        else:
            high = level
    return _above(points, density, low)


def _above(points, density, level):
    """Intervals (m, 2) where the density is above a level."""
    above = np.concatenate([[False], density > level, [False]])
    rises, falls = np.flatnonzero(above[1:] & ~above[:-1]), np.flatnonzero(~above[1:] & above[:-1])
    starts = [_crossing(points, density, level, i - 1, i) for i in rises]
    ends = [_crossing(points, density, level, i, i - 1) for i in falls]
    return np.column_stack([starts, ends]).reshape(-1, 2)


def _crossing(points, density, level, outer, inner):
    """Where the density crosses a level between a point below it and one above."""
    if not 0 <= outer < len(points):
        return points[inner]
    share = (level - density[outer]) / (density[inner] - density[outer])
    return points[outer] + share * (points[inner] - points[outer])


def _mass(points, density, intervals):
    """Integral over intervals (m, 2)."""
    knots = np.union1d(points, intervals.ravel())
    values = np.interp(knots, points, density)
    below = np.concatenate([[0.0], np.cumsum(0.5 * (values[1:] + values[:-1]) * np.diff(knots))])
    low, high = np.interp(intervals.T, knots, below)
    return (high - low).sum()
