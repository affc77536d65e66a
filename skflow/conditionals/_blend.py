"""Nets of conditionals, and neighbours beside them: one distribution for each cell."""

import math

import torch
from torch import nn

from skflow._random import generator
from skflow.conditionals._univariate import Mixture, pooled

__all__ = ["Blend"]


class Blend(nn.Module):
    """Distributions of any column given any others, by nets and by neighbours.

    The nets have equal shares of what the neighbours leave them. Cells given nothing are those of
    the nets as they are.

    Parameters
    ----------
    nets : list of AnyOrderNet
    neighbours : Neighbours
    shares : tensor of shape (d, 1 + n_kinds)
        Of the nets, and of each kind of neighbours, in each column.
    width : float, default=1.0
        Share of their widths that the components of the nets keep where cells are numbers.
    """

    def __init__(self, nets, neighbours, shares, width=1.0):
        super().__init__()
        self.nets, self.neighbours, self.width = nn.ModuleList(nets), neighbours, width
        self.register_buffer("shares", shares)

    def column(self, values, known, j):
        """Distribution of the cells of column j in rows (n, d), given the known ones."""
        alone, beside = self._log_shares(known, j)
        each = [self._of_net(net, values, known, j) for net in self.nets]
        log_weight = [alone - math.log(len(each))] * len(each)
        if self.shares[j, 0] == 1 or not known.any():
            return pooled(each, log_weight)
        nearest = self.neighbours.nearest(values, known)
        return pooled([*each, self._near(nearest, j)], [*log_weight, beside])

    def draw(self, values, known, j, u):
        """Cells (n,) of column j in rows (n, d), from uniform numbers u (n,).

        Of each row one net, or the neighbours, is asked, by its share.
        """
        pick = torch.rand(len(values), generator=generator())
        share = self._log_shares(known, j)[0].exp()
        which = (pick / share * len(self.nets)).clamp(max=len(self.nets)).long()
        drawn = torch.empty_like(values[:, j])
        for k in which.unique().tolist():
            rows = (which == k).nonzero()[:, 0]
            own = values[rows], known[rows]
            if k < len(self.nets):
                cells = self._of_net(self.nets[k], *own, j)
            else:
                cells = self._near(self.neighbours.nearest(*own), j)
            drawn[rows] = cells.draw(u[rows]).to(drawn)
        return drawn

    def _of_net(self, net, values, known, j):
        cells = net.column(values, known, j)
        if self.width == 1 or not isinstance(cells, Mixture):
            return cells
        return cells.narrowed(torch.where(known.any(1), self.width, 1.0))

    def _near(self, nearest, j):
        return self.neighbours.column(nearest, j, self.shares[j, 1:].log().log_softmax(0))

    def _log_shares(self, known, j):
        """Return logs of the shares (n,) of all nets, and of all neighbours."""
        share = torch.where(known.any(1), self.shares[j, 0], 1.0)
        return share.log(), (1 - share).log()
