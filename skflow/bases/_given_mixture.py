"""A mixture of Gaussians of rows and their context together, as a density of rows given it."""

import math

import torch
from torch import nn
from torch.linalg import solve_triangular

from skflow._random import generator
from skflow.bases._at_once import bounded
from skflow.bases._base import Base, saturate
from skflow.bases._rosenblatt import mixture_scores

__all__ = ["GivenMixture"]

POWER = 0.4  # of the largest number, where coordinates end: their squares are numbers


class GivenMixture(Base):
    r"""Rows z given a context c, where both together follow a mixture of Gaussians [1]_.

    .. math::
        p(z \mid c) = \frac{p(c, z)}{p(c)} = \sum_k w_k(c)\, N(z;\ \mu_k(c), \Sigma_k), \qquad
        w_k(c) \propto \pi_k\, N(c;\ m_k, S_k)

    Means :math:`\mu_k(c)` are linear in the context, so that this is a mixture of linear
    regressions with a share of each that changes with the context. Nothing is approximated: the
    joint mixture orders the context before the row, and so the triangular factor of a precision
    holds that of the context's own distribution in its corner.

    Cost: O(n C D^2) for scoring, with D columns of row and context together, and n C D numbers of
    memory; sampling adds O(n d^3).

    Parameters
    ----------
    n_features : int
        Columns d of the rows.
    joint : GaussianMixture
        Of the columns of the context, then those of the row.
    reader : module
        From the context (*members, n, c) to what the joint mixture has of it.

    References
    ----------
    .. [1] Bishop (2006), Pattern recognition and machine learning, Springer, eqs. 2.81, 2.82.
    """

    def __init__(self, n_features, joint, reader):
        super().__init__(n_features)
        self.joint = joint
        self.reader = reader if isinstance(reader, nn.Module) else nn.Identity()
        self.n_read = joint.n_features - n_features

    def log_prob(self, z, context=None):
        log_share, shift, own, means = self._given(context)
        y = _residuals(bounded(z, POWER), means, own).add_(shift)
        log_det = own.diagonal(dim1=-2, dim2=-1).log().sum(-1)
        log_joint = log_share + log_det.unsqueeze(-2) - 0.5 * _squares(y)
        return saturate(log_joint.logsumexp(-1) - 0.5 * self.n_features * math.log(2 * math.pi))

    @torch.no_grad()
    def sample(self, n, context=None):
        log_share, shift, own, means = self._given(context)
        device, dtype = log_share.device, log_share.dtype
        shape = log_share.shape[:-1]
        at = torch.rand(shape, generator=generator(device), device=device, dtype=dtype)
        below = log_share.exp().cumsum(-1) < at.unsqueeze(-1)
        component = below.sum(-1).clamp(max=self.joint.n_components - 1)
        place = component[..., None, None].expand(*component.shape, 1, self.n_features)
        noise = self._normal_numbers((*component.shape, self.n_features))
        y = (noise - shift.gather(-2, place).squeeze(-2)).unsqueeze(-2)
        # y = (z - mu) U, where U is that of the component
        return (solve_triangular(own[component], y, upper=True, left=False)).squeeze(-2) + means[
            component
        ]

    @torch.no_grad()
    def normal_scores(self, z, context=None):
        if context is None:
            raise ValueError("rows that are given a context have no scores without it: pass it.")
        log_share, shift, own, means = self._given(context)
        y = _residuals(bounded(z.to(means.dtype), POWER), means, own).add_(shift).double()
        columns = (
            (y[..., j], -own[..., None, :, j, j].double().log()) for j in range(self.n_features)
        )
        return mixture_scores(log_share.double(), columns)

    def _given(self, context):
        """Shares (n, C) of components, in logarithms, and what their Gaussians are of rows z.

        That are: what the context adds to residuals (n, C, d), factors U (C, d, d), means (C, d).
        """
        factor, _ = self.joint._factor()
        c, n = bounded(self.reader(context), POWER), self.n_read
        means = self.joint.means
        y = _residuals(c, means[..., :n], factor[..., :n, :])
        log_det = factor.diagonal(dim1=-2, dim2=-1)[..., :n].log().sum(-1)
        level = self.joint.log_weights.log_softmax(-1) + log_det
        log_share = (level.unsqueeze(-2) - 0.5 * _squares(y[..., :n])).log_softmax(-1)
        return log_share, y[..., n:], factor[..., n:, n:], means[..., n:]


def _residuals(x, means, factor):
    """(x - mean) U for each component: x (n, a), means (C, a), U (C, a, b), to (n, C, b)."""
    away = x.unsqueeze(-2) - means.unsqueeze(-3)
    return (away.unsqueeze(-2) @ factor).squeeze(-2)


def _squares(y):
    return y.square().sum(-1).clamp(max=torch.finfo(y.dtype).max / 4)
