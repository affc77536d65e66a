"""Kernels around shrunk rows before a Gaussian background: a kernel density with right tails."""

import math

import torch

from skflow._graph import row_blocks
from skflow._random import generator
from skflow.bases._at_once import bounded, rows_at_once
from skflow.bases._base import Base, saturate
from skflow.bases._leave_one_out import fit_kernels
from skflow.bases._log_joint import log_joint
from skflow.bases._rosenblatt import mixture_scores

__all__ = ["KernelMixture"]


class KernelMixture(Base):
    r"""Gaussian kernels, none wider than the table, and a Gaussian of all rows behind them.

    In coordinates :math:`u = V^{-1} (z - m)` that make the shape of the kernels
    :math:`V V^\top` and the covariance of the table :math:`V \Lambda V^\top`,

    .. math::
        p(u) = (1 - b) \sum_j w_j \prod_k N(u_k;\, \rho_k u_{jk},\, D_{jk})
               + b \prod_k N(u_k;\, 0,\, \lambda_k), \qquad
        \frac{1}{D_{jk}} = \frac{1}{s_j^2} + \frac{1}{\lambda_k}

    The size :math:`s_j` of a kernel is a power (0, 1/2 or 1) of the distance from row j to its
    ``n_neighbors``-th nearest row [1]_, with geometric mean 1; however large, the kernel gets no
    wider than the table. Centres are drawn towards the mean by
    :math:`\rho_k^2 = 1 - \sum_j w_j D_{jk} / \lambda_k`, so that draws have the covariance of the
    table and not that of the kernels on top [2]_. What lies far from all rows is left to the
    background, which weighs as much as the rows ask for.

    Shape, powers and background are those of the largest leave-one-out likelihood; see
    ``fit_kernels``. Nothing is trained by gradients; all tensors are buffers. Until
    :meth:`initialize` there is the background alone, a unit Gaussian at zero.

    Cost: fitting O(m^2 d + m d^2) a step with m = min(n, max_rows), and O(n^2 d) for the
    neighbours; scoring O(n d) a row, in blocks of bounded memory; sampling O(d^2) a row. Where
    the caller's time is limited the searches end in it.

    Parameters
    ----------
    n_features : int
    bandwidth : {"full", "diagonal", "scalar"}, default="full"
        Shape of the kernels: any covariance, one bandwidth a column, or one for all.
    n_neighbors : int or None, default=5
        None gives all kernels one size.
    shrinkage : float, default=0.3
        The kernels' correlations are shrunk by ``n / (n + shrinkage d)``.
    max_rows : int, default=2000
        The shape is chosen on a random subset of this size; one factor on it is then chosen with
        all kernels.

    References
    ----------
    .. [1] Breiman, Meisel & Purcell (1977), Variable kernel estimates of multivariate densities,
       Technometrics 19(2), eq. 3.
    .. [2] Silverman & Young (1987), The bootstrap: to smooth or not to smooth?, Biometrika 74(3),
       section 3.
    """

    def __init__(self, n_features, bandwidth="full", n_neighbors=5, shrinkage=0.3, max_rows=2_000):
        super().__init__(n_features)
        self.bandwidth = bandwidth
        self.n_neighbors = n_neighbors
        self.shrinkage = shrinkage
        self.max_rows = max_rows
        self.register_buffer("mean", torch.zeros(n_features))  # m
        self.register_buffer("directions", torch.eye(n_features))  # V
        self.register_buffer("variances", torch.ones(n_features))  # lambda
        self.register_buffer("points", torch.zeros(1, n_features))  # rho_k u_jk
        self.register_buffer("sizes", torch.ones(1))
        self.register_buffer("log_weights", torch.full((1,), -math.inf))  # of 1 - b in all
        self.register_buffer("log_background", torch.zeros(()))

    @torch.no_grad()
    def initialize(self, z, weight=None, context=None):
        """Take the rows as kernels and choose their shape; at least two distinct rows."""
        weight = z.new_ones(len(z)) if weight is None else weight
        z, weight = z[weight > 0].double(), weight[weight > 0].double()
        found = fit_kernels(
            z,
            weight / weight.sum(),
            self.bandwidth,
            self.n_neighbors,
            self.shrinkage,
            self.max_rows,
        )
        for name, value in found.items():
            setattr(self, name, value.to(self.origin.dtype))

    def log_prob(self, z, context=None):
        u = self._coordinates(bounded(z))
        blocks = (u[..., a:b, :] for a, b in row_blocks(u.shape[-2], self._block))
        gaussians = self._parts()
        parts = [log_joint(block, *gaussians).logsumexp(-1) for block in blocks]
        volume = torch.linalg.slogdet(self.directions).logabsdet
        return saturate(torch.cat(parts, dim=-1) - volume)

    @torch.no_grad()
    def normal_scores(self, z, context=None):
        r"""Map rows to standard normal rows, coordinate after coordinate of u."""
        blocks = self._coordinates(z.double()).split(self._block, dim=-2)
        gaussians = [t.double() for t in self._parts()]
        return torch.cat([self._scores(u, *gaussians) for u in blocks])

    @torch.no_grad()
    def sample(self, n, context=None):
        source = generator(self.origin.device)
        centres, precisions, level = self._parts()
        index = torch.multinomial(level.exp(), max(n, 1), replacement=True, generator=source)[:n]
        u = centres[index] + self._normal_numbers((n, self.n_features)) / precisions[index].sqrt()
        return self.mean + u @ self.directions.mT

    @property
    def _block(self):
        return rows_at_once(len(self.sizes))

    def _coordinates(self, z):
        directions = self.directions.to(z.dtype)
        return torch.linalg.solve(directions, (z - self.mean).mT).mT

    def _parts(self):
        """Centres and precisions (n_kernels + 1, d), log shares; the background comes last."""
        kernels = self.sizes.square().reciprocal().unsqueeze(-1) + 1 / self.variances
        return (
            torch.cat([self.points, torch.zeros_like(self.points[:1])]),
            torch.cat([kernels, 1 / self.variances.unsqueeze(0)]),
            torch.cat([self.log_weights, self.log_background.view(1)]),
        )

    def _scores(self, u, points, precisions, level):
        root = precisions.sqrt()
        columns = (
            ((u[:, j, None] - points[:, j]) * root[:, j], -root[:, j].log())
            for j in range(u.shape[-1])
        )
        return mixture_scores(level, columns)

    def extra_repr(self):
        return f"{super().extra_repr()}, n_kernels={len(self.sizes)}"
