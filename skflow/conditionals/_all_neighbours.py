"""Several kinds of neighbours as one."""

import torch
from torch import nn

from skflow.conditionals._univariate import pooled

__all__ = ["AllNeighbours"]


class AllNeighbours(nn.Module):
    """The estimates of several kinds of neighbours, one after the other.

    Parameters
    ----------
    parts : list of NearRows
    """

    def __init__(self, parts):
        super().__init__()
        self.parts = nn.ModuleList(parts)

    @property
    def n_kinds(self):
        return sum(part.n_kinds for part in self.parts)

    def nearest(self, values, known, barred=None):
        """Return what :meth:`NearRows.nearest` of each part does."""
        return [part.nearest(values, known, barred) for part in self.parts]

    def column(self, nearest, j, log_share):
        """Distribution of the cells of column j of rows, given what is nearest to them."""
        shares = log_share.split([part.n_kinds for part in self.parts])
        own = [share.logsumexp(0) for share in shares]
        each = [
            part.column(near, j, share - total)
            for part, near, share, total in zip(self.parts, nearest, shares, own, strict=True)
        ]
        return pooled(each, own)

    def log_prob(self, nearest, j, own):
        """Log densities or shares (n_kinds, n) of cells (n,) of column j by each estimate."""
        pairs = zip(self.parts, nearest, strict=True)
        return torch.cat([part.log_prob(near, j, own) for part, near in pairs])
