"""Where nets of conditionals start: the conditionals of a normal distribution."""

import numpy as np
import torch
from torch import nn

from skflow.conditionals._correlation import RIDGE, correlations

__all__ = ["GaussianStart"]

FEW_SETS = 32
ENTRIES = 2**22  # of the weights of all sets; rows with more go through in halves


class GaussianStart(nn.Module):
    r"""Means and deviations of each score, given any others, under a normal distribution.

    With the known scores S of a row and the correlations :math:`\Sigma`, those of column j are

    .. math:: m_j = \Sigma_{jS} \Sigma_{SS}^{-1} z_S, \qquad
              s_j^2 = \Sigma_{jj} - \Sigma_{jS} \Sigma_{SS}^{-1} \Sigma_{Sj}

    Cost: O(d^3) for each set of known columns that occurs, and O(d^2) a row.

    Parameters
    ----------
    correlation : tensor of shape (d, d)
    """

    def __init__(self, correlation):
        super().__init__()
        self.register_buffer("correlation", correlation)

    @classmethod
    def from_scores(cls, z, weight=None):
        """Return starts by each of the guesses of :func:`correlations` from z (n, d)."""
        return [cls(torch.from_numpy(guess).float()) for guess in correlations(z, weight)]

    @torch.no_grad()
    def forward(self, z, known):
        """Means and log-deviations (d, n) of all scores (n, d) given the known ones.

        Parameters
        ----------
        z : tensor of shape (n, d)
            Zero where unknown.
        known : tensor of shape (n, d), bool
        """
        which, first = _equal_rows(known)
        if len(first) * known.shape[1] ** 2 > ENTRIES and len(z) > 1:
            pieces = (part.split(-(-len(z) // 2)) for part in (z, known))
            means, deviations = zip(*map(self.forward, *pieces), strict=True)
            return torch.cat(means, dim=1), torch.cat(deviations, dim=1)
        weight, deviation = self._regressions(known[first].to(z.dtype))
        if len(first) > FEW_SETS:
            mean = torch.bmm(weight[which], z.unsqueeze(-1)).squeeze(-1)
        else:  # without a copy of the weights for each row
            mean = torch.empty_like(z)
            for k, own in enumerate(weight):
                rows = slice(None) if len(weight) == 1 else (which == k).nonzero()[:, 0]
                mean[rows] = z[rows] @ own.mT
        return mean.mT, deviation[which].mT

    def _regressions(self, known):
        """Weights (s, d, d) and log-deviations (s, d) given each of the sets known (s, d)."""
        correlation = self.correlation
        inside = known.unsqueeze(-1) * known.unsqueeze(-2)
        own = correlation * inside + torch.diag_embed(1 - known)
        across = correlation * known.unsqueeze(-1)  # from known ones to all
        weight = torch.linalg.solve(own, across)
        variance = correlation.diagonal() - (across * weight).sum(-2)
        return weight.mT, 0.5 * variance.clamp(min=RIDGE**2).log()


def _equal_rows(known):
    """Return the number (n,) of each row's set of columns, and a row (s,) that has it.

    Sets are told apart by sums of one number a column, of which no two are likely to be equal:
    far faster than comparing rows, and whatever is taken for two sets costs only its time.
    """
    numbers = torch.from_numpy(np.random.default_rng(0).random(known.shape[1]))
    keys, which = torch.unique(known.double() @ numbers, return_inverse=True)
    rows = torch.arange(len(known))
    first = torch.full((len(keys),), len(known)).scatter_reduce(0, which, rows, "amin")
    return which, first
