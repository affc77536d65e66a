"""A learnable Gaussian mixture, started by EM."""

import math

import torch
from torch import nn

from skflow._random import generator
from skflow.bases._base import Base
from skflow.bases._em import fit_mixture
from skflow.bases._rosenblatt import mixture_scores

__all__ = ["GaussianMixture"]

# Smallest standard deviation of a column given the columns before it, in a component.
# But no wider than this share of the narrowest that EM found.
MIN_SCALE, ROOM = 1e-4, 1e-2


class GaussianMixture(Base):
    r"""Mixture of C Gaussians with learnable weights, means and full covariances.

    .. math::
        \log p(z) = \log \sum_c \pi_c\, |U_c| \, (2\pi)^{-d/2}
                    \exp\bigl(-\tfrac12 \lVert (z - \mu_c)\, U_c \rVert^2\bigr)

    with :math:`U_c` the upper triangular Cholesky factor of a precision,
    :math:`\Sigma_c^{-1} = U_c U_c^\top` (scikit-learn's ``precisions_cholesky_``), so that
    neither scoring nor its gradient solves or inverts anything. Learnt are
    ``log_weights`` (C,), before a softmax; ``means`` (C, d); ``log_diagonal`` (C, d) of U, used up
    to ``-log(min_scale)``; and ``off_diagonal`` (C, d, d), of which the strict upper triangle
    counts. Sampling is exact: a component by its weight, then ``mu_c + e U_c^{-1}``, which
    is also how draws depend on the means and factors smoothly (:meth:`from_seeds`).

    Cost: O(n C d^2) for scoring, as one matrix product, with n C d numbers of memory (callers
    score in blocks); O(n d^2) for sampling. Coordinates beyond 1e15 in float32 (1e123 in
    float64) are scored as if they were there.

    Until :meth:`initialize` the components are unit Gaussians around random points.

    Parameters
    ----------
    n_features : int
        Number of columns d.
    n_components : int
        Number of Gaussians C. More than there are rows is no error: see
        ``fit_mixture``.
    covariance_type : {"full", "diag", "tied"}, default="full"
        Of the EM that starts the parameters. What is learnt afterwards is full.
    reg_covar : float, default=1e-4
        Variance that EM adds to the diagonals, in the units of z.
    tol : float, default=1e-3
        Gain of an iteration, in nats per row, below which EM ends.
    random_state : int, default=0
        Of the start.
    """

    def __init__(
        self,
        n_features,
        n_components,
        *,
        covariance_type="full",
        reg_covar=1e-4,
        tol=1e-3,
        random_state=0,
    ):
        super().__init__(n_features)
        self.n_components = n_components
        self.covariance_type = covariance_type
        self.reg_covar = reg_covar
        self.tol = tol
        self.random_state = random_state
        self.min_scale = MIN_SCALE
        start = torch.Generator().manual_seed(random_state)
        means = torch.randn(n_components, n_features, generator=start)
        self.means = nn.Parameter(means)
        self.log_weights = nn.Parameter(torch.zeros(n_components))
        self.log_diagonal = nn.Parameter(torch.zeros(n_components, n_features))
        self.off_diagonal = nn.Parameter(torch.zeros(n_components, n_features, n_features))

    @classmethod
    def from_roots(cls, weights, means, roots):
        """Set weights (C,), means (C, d) and covariances ``roots @ roots.mT``, (C, d, d)."""
        mixture = cls(means.shape[-1], len(weights)).to(means.dtype)
        # root^T = Q R with covariance R^T R, whose inverse is R^-1 R^-T
        upper = torch.linalg.qr(roots.mT).R
        upper = upper * upper.diagonal(dim1=-2, dim2=-1).sign().unsqueeze(-1)
        factors = torch.linalg.inv(upper)
        mixture._set(weights, means, factors)
        return mixture

    def initialize(self, z, weight=None, context=None):
        """Start from scikit-learn's EM, for each member on its own rows.

        Parameters
        ----------
        z : tensor of shape (n, n_features) or (*members, n, n_features)
        weight : tensor of shape (n,) or (*members, n), optional
            Rows of weight zero are left out. EM takes no weights, so unequal ones repeat rows
            in proportion: see ``equal_rows``.
        """
        z = z.expand(*self.members, *z.shape[-2:])
        weight = z.new_ones(z.shape[:-1]) if weight is None else weight.expand(z.shape[:-1])
        starts = [
            fit_mixture(
                rows,
                row_weight,
                n_components=self.n_components,
                covariance_type=self.covariance_type,
                reg_covar=self.reg_covar,
                tol=self.tol,
                random_state=self.random_state,
            )
            for rows, row_weight in zip(
                z.reshape(-1, *z.shape[-2:]), weight.reshape(-1, z.shape[-2]), strict=True
            )
        ]
        weights, means, factors = (
            torch.stack([torch.as_tensor(part) for part in parts])
            for parts in zip(*starts, strict=True)
        )
        self._set(weights, means, factors)

    @torch.no_grad()
    def _set(self, weights, means, factors):
        """Set weights, means and triangular factors U of the precisions, with room to shrink."""
        largest = float(factors.diagonal(dim1=-2, dim2=-1).max())
        self.min_scale = min(MIN_SCALE, ROOM / largest)
        _fill(self.log_weights, weights.clamp(min=torch.finfo(torch.float32).tiny).log())
        _fill(self.means, means)
        _fill(self.log_diagonal, factors.diagonal(dim1=-2, dim2=-1).log())
        _fill(self.off_diagonal, factors.triu(1))

    def log_prob(self, z, context=None):
        limit = torch.finfo(z.dtype).max
        # A coordinate near the limit would meet its like of the other sign in the product: NaN.
        z = z.clamp(-(limit**0.4), limit**0.4)
        factor, log_det = self._factor()
        rotate = factor.mT.flatten(-3, -2)  # (*members, C d, d)
        shift = (self.means.unsqueeze(-2) @ factor).squeeze(-2).flatten(-2)
        # Rows come last, so that the sum over the d coordinates of a component adds up long
        # contiguous vectors: level with other layouts in training, ahead in scoring many rows.
        y = (rotate @ z.mT).sub_(shift.unsqueeze(-1))
        distance = y.unflatten(-2, (self.n_components, self.n_features)).square().sum(-2)
        level = self.log_weights.log_softmax(-1) + log_det
        log_joint = level.unsqueeze(-1) - 0.5 * distance.clamp(max=limit / 4)
        return log_joint.logsumexp(-2) - 0.5 * self.n_features * math.log(2 * math.pi)

    @torch.no_grad()
    def normal_scores(self, z, context=None):
        factor, _ = self._factor()
        factor, z = factor.double(), self._with_members(z).double()
        shift = (self.means.double().unsqueeze(-2) @ factor).squeeze(-2)  # (*members, C, d)
        # U is triangular: column j of (z - mu) U is the residual of z_j given those before it
        log_sizes = -factor.diagonal(dim1=-2, dim2=-1).log().unsqueeze(-3)
        columns = (
            (z @ factor[..., j].mT - shift[..., j].unsqueeze(-2), log_sizes[..., j])
            for j in range(self.n_features)
        )
        return mixture_scores(self.log_weights.double().unsqueeze(-2), columns)

    @property
    def n_seeds(self):
        return self.n_features + 1  # the last one chooses the component

    def from_seeds(self, seeds, context=None):
        component = self._components(torch.special.ndtr(seeds[..., -1].double()))
        log_share = self.log_weights.log_softmax(-1).gather(-1, component)
        return self._place(seeds[..., :-1], component, self._inverse_factor()), log_share

    @torch.no_grad()
    def sample(self, n, context=None):
        inverse = self._inverse_factor()
        shape = (*self.members, n, self.n_features)
        component = self._sample_components(shape[:-1])
        noise = self._normal_numbers(shape)
        return self._place(noise, component, inverse)

    def _place(self, noise, component, inverse):
        """Map noise e (*members, n, d), components c (*members, n) to ``mu_c + e U_c^{-1}``."""
        d, members = self.n_features, math.prod(self.members)
        first = self.n_components * torch.arange(members, device=component.device)
        which = (component + first.reshape(*self.members, 1)).flatten()
        # Rows of a component side by side: a product each, without a matrix for each row.
        order = which.argsort()
        counts = torch.bincount(which, minlength=members * self.n_components).tolist()
        groups = noise.reshape(-1, d)[order].split(counts)
        matrices = inverse.reshape(-1, d, d).unbind()
        spread = torch.cat([e @ m for e, m in zip(groups, matrices, strict=True)])
        z = self.means.reshape(-1, d)[which] + spread[order.argsort()]
        return z.reshape(noise.shape)

    def extra_repr(self):
        return f"{super().extra_repr()}, n_components={self.n_components}"

    def _sample_components(self, shape):
        """Draw component indices of the given shape, by inversion of the cumulative weights."""
        device = self.origin.device
        at = torch.rand(shape, generator=generator(device), dtype=torch.float64, device=device)
        return self._components(at)

    @torch.no_grad()
    def _components(self, at):
        """Component indices at the given places in the cumulative weights, in [0, 1]."""
        cumulative = self.log_weights.double().softmax(-1).cumsum(-1)
        # Rounding may leave the last sum below one, and a draw above it.
        return torch.searchsorted(cumulative, at, right=True).clamp(max=self.n_components - 1)

    def _inverse_factor(self):
        factor, _ = self._factor()
        eye = torch.eye(self.n_features, dtype=factor.dtype, device=factor.device)
        return torch.linalg.solve_triangular(factor, eye, upper=True)

    def _factor(self):
        """Return the triangular factors (*members, C, d, d) and their log-determinants."""
        log_diagonal = self.log_diagonal.clamp(max=-math.log(self.min_scale))
        factor = self.off_diagonal.triu(1) + torch.diag_embed(log_diagonal.exp())
        return factor, log_diagonal.sum(-1)


def _fill(parameter, values):
    parameter.copy_(values.reshape(parameter.shape))
