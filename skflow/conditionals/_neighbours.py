"""Neighbours by the mean squared distance of what is known."""

import torch

from skflow.conditionals._near_rows import NearRows, hot

__all__ = ["Neighbours"]

REACHES = (0.03, 0.1, 0.35)  # of the weights of rows, in deviations of a known cell
WIDTHS = (0.005, 0.03, 0.2)  # of the kernels of scores and ordered levels
BLURS = (0.02, 0.1, 0.4)  # in their place for labels: mass that goes to all of them
MISMATCH = 2.0  # squared distance of labels that differ: as of two independent scores


class Neighbours(NearRows):
    """Kernel estimates by rows that are near in the mean over the known cells.

    Labels that differ are as far apart as independent scores are on average. From a hole a cell is
    as far as it is on average from what is expected there.

    Parameters
    ----------
    encoding, shares, spread, weight
        See :class:`NearRows`.
    points : Points
        The rows of the fit as they are known to others.
    """

    def __init__(self, encoding, shares, points, spread, weight=None):
        super().__init__(encoding, shares, spread, weight, REACHES, WIDTHS)
        # of sums of squares small distances are left, for which single precision is too coarse
        self.register_buffer("sides", self._sides(points))

    def distances(self, values, known):
        distance = self._asking(values.to(self.sides), known) @ self.sides.mT
        return distance.div_(known.sum(1, keepdim=True).clamp(min=1))

    def sizes(self, j):
        return torch.tensor(self.widths)

    def blurs(self, j):
        return BLURS

    def _asking(self, values, known):
        """Return what of rows (n, d) distances are made from, (n, f): see :meth:`_sides`."""
        encoding = self.encoding
        scores = encoding.scores_of(values).nan_to_num(0.0)
        seen = known.to(values.dtype)
        parts = [seen[:, encoding.scores], scores * seen[:, encoding.scores]]
        return torch.cat([*parts, *hot(encoding, values.where(known, torch.nan))], 1)

    def _sides(self, points):
        """Return what of the rows of the fit distances are made from, (N, f).

        The squared distance of a known score x from z is, but for x itself, z^2 - 2 x z, and from
        a hole what that is on average. That of a label is -2 if it is the same.
        """
        parts = [points.means.square() + points.variances, -2 * points.means]
        return torch.cat([*parts, *(-MISMATCH * share for share in points.shares)], 1)
