"""The distribution that a few quantiles stand for: even between them, exponential beyond."""

from dataclasses import dataclass

import numpy as np

__all__ = ["PiecewiseLaw", "QuantileCalibration"]

FLOORS = (0.02, 0.05, 0.1, 0.2, 0.4, 0.8)
PRIOR_TAIL = 0.2  # of the reach, counted as one row


@dataclass(frozen=True)
class QuantileCalibration:
    """What out-of-fold rows say of predicted quantiles.

    Quantiles of small trees hold fewer rows than they claim, may coincide, and say nothing of what
    lies beyond; taken at their word they make densities that are far too sure of themselves.

    Attributes
    ----------
    levels : ndarray of shape (q,)
        Share of the rows below each predicted quantile [1]_.
    tails : tuple of float
        Mean distance of the rows beyond the outer quantiles, in reaches of the row.
    floor : float
        Of the width of a piece, in widths that it would have if all were equally dense: the one of
        the largest likelihood.
    least : float
        Of the reach of a row, the distance between its outer quantiles.

    References
    ----------
    .. [1] Kuleshov, Fenner and Ermon (2018), Accurate uncertainties for deep learning using
       calibrated regression, ICML, arXiv:1807.00263.
    """

    levels: np.ndarray
    tails: tuple
    floor: float
    least: float

    @classmethod
    def of(cls, nominal, values, y, weight, least):
        """Calibrate quantiles (n, q), predicted of rows that were not seen, by y (n,)."""
        share = np.ones(len(y)) if weight is None else weight * len(y) / weight.sum()
        values, y = np.sort(values, axis=1), y[:, np.newaxis]
        # two rows more, as the levels have it, keep them apart and within 0 and 1
        levels = (share @ (y <= values) + 2 * nominal) / (len(y) + 2)
        found = []
        for floor in FLOORS:
            beyond = cls(levels, (1.0, 1.0), floor, least).law(values).beyond(y)
            sums = [(share @ b[:, 0], share @ (b[:, 0] > 0)) for b in beyond]
            tails = tuple((total + PRIOR_TAIL) / (n + 1) for total, n in sums)
            here = cls(levels, tails, floor, least)
            found.append((share @ here.law(values).log_density(y)[:, 0], floor, here))
        return max(found)[2]

    def law(self, values):
        """Return the distributions that predicted quantiles (n, q) stand for."""
        return PiecewiseLaw(self, values)


class PiecewiseLaw:
    """Distributions of n rows from their quantiles at common levels.

    Between neighbouring quantiles the density is constant, beyond the outer ones it falls
    exponentially. Quantiles that cross are sorted, which brings them nearer to the truth [1]_,
    and those that nearly coincide are moved apart, away from the middle one.

    Parameters
    ----------
    calibration : QuantileCalibration
    values : ndarray of shape (n, q)
        The quantiles of each row.

    References
    ----------
    .. [1] Chernozhukov, Fernandez-Val and Galichon (2010), Quantile and probability curves without
       crossing, Econometrica 78.
    """

    def __init__(self, calibration, values):
        levels, values = calibration.levels, np.sort(values, axis=1)
        steps, middle = np.diff(levels), len(levels) // 2
        reach = np.maximum(values[:, -1:] - values[:, :1], calibration.least)
        widths = np.maximum(np.diff(values), calibration.floor * reach * steps / steps.sum())
        ends = np.concatenate([np.zeros((len(values), 1)), np.cumsum(widths, axis=1)], axis=1)
        self.levels = levels
        self.values = ends + values[:, [middle]] - ends[:, [middle]]
        self.density = steps / widths  # of each piece
        self.tails = tuple(scale * reach for scale in calibration.tails)

    def log_density(self, y):
        """Log density (n, m) of y (n, m)."""
        piece = self._pieces(y)
        inside = np.log(self._at(piece)[1])
        (below, above), (low, high) = self.beyond(y), self.tails
        first = np.log(self.levels[0] / low) - below
        last = np.log((1 - self.levels[-1]) / high) - above
        return np.where(piece < 0, first, np.where(above > 0, last, inside))

    def cdf(self, y):
        """Probability (n, m) below y (n, m)."""
        start, density, level = self._at(self._pieces(y))
        low, high = (np.exp(-beyond) for beyond in self.beyond(y))
        inside = level + density * (np.clip(y, self.values[:, :1], self.values[:, -1:]) - start)
        return inside - self.levels[0] * (1 - low) + (1 - self.levels[-1]) * (1 - high)

    def quantile(self, p):
        """Quantiles (n, m) at probabilities p, (m,) for all rows or (n, m)."""
        p = np.broadcast_to(p, (len(self.values), np.shape(p)[-1]))
        lowest, highest = self.levels[[0, -1]]
        start, density, level = self._at(np.searchsorted(self.levels, p) - 1)
        inside = start + (np.clip(p, lowest, highest) - level) / density
        down = self.tails[0] * np.log(lowest / np.minimum(p, lowest))
        up = self.tails[1] * np.log((1 - highest) / np.minimum(1 - p, 1 - highest))
        return inside - down + up

    def moments(self):
        """Mean and standard deviation (n,)."""
        low, high = self.tails
        starts, ends = self.values[:, :-1], self.values[:, 1:]
        first, last = self.values[:, :1] - low, self.values[:, -1:] + high
        means = np.concatenate([first, (starts + ends) / 2, last], axis=1)
        variances = np.concatenate([low**2, (ends - starts) ** 2 / 12, high**2], axis=1)
        masses = np.diff(self.levels, prepend=0, append=1)
        mean = means @ masses
        return mean, np.sqrt((variances + (means - mean[:, np.newaxis]) ** 2) @ masses)

    def beyond(self, y):
        """How far y (n, m) is below and above the outer quantiles, in the scales of the tails."""
        low, high = self.tails
        below = np.maximum(self.values[:, :1] - y, 0) / low
        return below, np.maximum(y - self.values[:, -1:], 0) / high

    def _pieces(self, y):
        """Numbers (n, m) of the pieces of y (n, m); -1 and q - 1 are the tails."""
        return (y[:, :, np.newaxis] > self.values[:, np.newaxis]).sum(axis=2) - 1

    def _at(self, piece):
        """Start, density and level (n, m) of pieces; tails count as the pieces beside them."""
        piece = np.clip(piece, 0, self.density.shape[1] - 1)
        pairs = (self.values, self.density)
        return *(np.take_along_axis(each, piece, axis=1) for each in pairs), self.levels[piece]
