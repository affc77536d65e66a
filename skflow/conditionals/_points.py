"""What is in the cells of the rows of a fit, or is expected there."""

import math
from dataclasses import dataclass

import torch

from skflow.conditionals._near_rows import hot
from skflow.conditionals._univariate import Levels, pooled

__all__ = ["Points"]

BLOCK = 1_000


@dataclass(frozen=True)
class Points:
    """Rows of a fit as distances from them are measured.

    Attributes
    ----------
    means, variances : tensors of shape (N, s), float64
        Of each score: where it is known itself, and 0.
    shares : list of tensors of shape (N, L), float64
        Of the labels of each column of labels: where one is known 1, and 0 for others.
    """

    means: torch.Tensor
    variances: torch.Tensor
    shares: list

    @classmethod
    def of(cls, encoding, shares, values):
        """Take rows (N, d) with NaN in holes, where anything is expected that columns hold."""
        scores = encoding.scores_of(values.double())
        holes = torch.isnan(scores)
        columns = zip(encoding.labels, shares, hot(encoding, values.double()), strict=True)
        labels = [
            own.where(~torch.isnan(values[:, j, None]), torch.as_tensor(share).double())
            for j, share, own in columns
        ]
        return cls(scores.nan_to_num(0.0), holes.double(), labels)

    @classmethod
    @torch.no_grad()
    def expected(cls, nets, shares, values):
        """Take rows (N, d) with NaN in holes, where nets expect what goes with the known cells."""
        points = cls.of(nets[0].encoding, shares, values)
        for rows in torch.isnan(values).any(1).nonzero()[:, 0].split(BLOCK):
            known, own = ~torch.isnan(values[rows]), values[rows].nan_to_num(0.0)
            each = zip(*(net.columns(own, known) for net in nets), strict=True)
            for j, cells in enumerate(each):
                holes = ~known[:, j]
                if holes.any():
                    cell = pooled(cells, [-math.log(len(nets))] * len(nets))
                    points._fill(nets[0].encoding, rows, holes, j, cell)
        return points

    def at(self, rows):
        """Return some of the rows."""
        return Points(self.means[rows], self.variances[rows], [own[rows] for own in self.shares])

    def _fill(self, encoding, rows, holes, j, cell):
        """Write what is expected in column j of some rows, where there are holes (n,)."""
        rows = rows[holes]
        if j in encoding.labels:
            share = cell.log_share.exp().mT[holes]
            self.shares[encoding.labels.index(j)][rows] = share.double()
            return
        i = encoding.scores.index(j)
        mean, variance = (
            encoding.moments(i, cell.log_share) if isinstance(cell, Levels) else cell.moments()
        )
        self.means[rows, i] = mean[holes].double()
        self.variances[rows, i] = variance[holes].double()
