"""A kernel density estimate as a base: one shape, many sizes, fitted by likelihood."""

import math

import torch
from torch.linalg import solve_triangular

from skflow._clock import left_out, time_is_up
from skflow._graph import row_blocks
from skflow._random import generator
from skflow.bases._at_once import BLOCK_ENTRIES, bounded, rows_at_once
from skflow.bases._base import Base, saturate
from skflow.bases._rosenblatt import mixture_scores

__all__ = ["KernelDensity", "constrained", "relative_sizes", "search_is_late"]

# Smallest standard deviation of a kernel, in the units of z.
MIN_SCALE = 1e-3
# Smallest size of a kernel beside the typical one.
MIN_SIZE = 1e-2
# Relative change of the variances at which the search for them ends.
TOLERANCE = 1e-3
MIN_ROWS_FOR_SCALE = 200
MAX_STEPS = 60
# Of a limited time, the shares after which the search for a first shape and for neighbours ends.
SHAPE_SHARE = 0.4
SIZES_SHARE = 0.8


class KernelDensity(Base):
    r"""Gaussian kernels around the rows it was fitted to, small where rows are dense.

    :class:`KernelMixture` has better tails and draws; these kernels tell outliers more sharply.

    .. math::
        \log p(z) = \log \sum_j w_j\, N(z;\, z_j,\, s_j^2 L L^\top), \qquad
        \textstyle\sum_j w_j = 1

    The sizes :math:`s_j` are proportional to the distance from row j to its ``n_neighbors``-th
    nearest row, measured by :math:`L` (the variable kernel of [1]_, eq. 3), with geometric mean
    1; with ``n_neighbors=None`` all are 1. The shape :math:`L L^\top` maximises the leave-one-out
    log likelihood of the rows, :math:`\sum_i w_i \log \sum_{j \ne i} w_j N(z_i; z_j, \cdot)`, by
    its EM iteration: with :math:`r_{ij}` the share of kernel j in the density at row i,

    .. math::
        L L^\top \leftarrow
        \textstyle\sum_i w_i \sum_{j \ne i} r_{ij} s_j^{-2} (z_i - z_j)(z_i - z_j)^\top,

    after [2]_, section 3. ``bandwidth="scalar"`` keeps the mean of its diagonal,
    ``"diagonal"`` the diagonal, ``"full"`` the matrix with its off-diagonals shrunk by
    ``n / (n + shrinkage d)``, since it has d (d + 1) / 2 numbers to learn from n rows.

    Nothing is trained by gradients; all tensors are buffers. Cost: fitting O(m^2 d + m d^2) a step
    with m = min(n, max_rows), and O(n^2 d) for the neighbours; scoring O(n d) a row, in blocks of
    bounded memory; sampling O(d^2) a row. Where the caller's time is limited the searches end in
    it, and all sizes are 1 if there is none to find the neighbours.

    Until :meth:`initialize` there is one kernel, the unit Gaussian at zero.

    Parameters
    ----------
    n_features : int
    bandwidth : {"full", "diagonal", "scalar"}, default="full"
    n_neighbors : int or None, default=5
    shrinkage : float, default=0.3
    max_rows : int, default=2000
        The shape is chosen on a random subset of this size; one factor on it is then chosen with
        all kernels, by the leave-one-out likelihood of some of these rows.

    References
    ----------
    .. [1] Breiman, Meisel & Purcell (1977), Variable kernel estimates of multivariate densities,
       Technometrics 19(2).
    .. [2] Leiva-Murillo & Artes-Rodriguez (2012), Algorithms for maximum-likelihood bandwidth
       selection in kernel density estimators, Pattern Recognition Letters 33(13).
    """

    shapes = {"points": "nd", "log_weights": "n", "sizes": "n", "factor": "dd", "origin": "d"}

    def __init__(self, n_features, bandwidth="full", n_neighbors=5, shrinkage=0.3, max_rows=2_000):
        super().__init__(n_features)
        self.bandwidth = bandwidth
        self.n_neighbors = n_neighbors
        self.shrinkage = shrinkage
        self.max_rows = max_rows
        self.register_buffer("points", torch.zeros(1, n_features))  # L^-1 z_j
        self.register_buffer("log_weights", torch.zeros(1))
        self.register_buffer("sizes", torch.ones(1))
        self.register_buffer("factor", torch.eye(n_features))  # L

    @torch.no_grad()
    def initialize(self, z, weight=None, context=None):
        """Take the rows as kernels and choose their shape; at least two distinct rows."""
        weight = z.new_ones(len(z)) if weight is None else weight
        z, weight = z[weight > 0].double(), weight[weight > 0].double()
        keep = torch.randperm(len(z), generator=torch.Generator().manual_seed(0))[: self.max_rows]
        sizes = torch.ones_like(weight)
        covariance = self._likeliest_shape(z[keep], weight[keep], sizes[keep])
        if self.n_neighbors is not None and len(z) > 2:
            points = _solve(torch.linalg.cholesky(covariance), z)
            sizes = relative_sizes(points, min(self.n_neighbors, len(z) - 1))
            covariance = self._likeliest_shape(
                z[keep], weight[keep], sizes[keep], covariance, share=1.0
            )
        factor = torch.linalg.cholesky(covariance)
        if len(keep) < len(z):  # more kernels are to be narrower ones
            points = _solve(factor, z)
            factor = factor * _likeliest_scale(points, weight, sizes, keep)
        self.points = _solve(factor, z).to(self.origin.dtype)
        self.factor, self.sizes = factor.to(self.origin.dtype), sizes.to(self.origin.dtype)
        self.log_weights = (weight / weight.sum()).log().to(self.origin.dtype)

    def log_prob(self, z, context=None):
        size, z = rows_at_once(len(self.log_weights)), bounded(z)
        parts = [
            torch.logsumexp(self._log_kernels(_solve(self.factor, z[..., start:stop, :])), dim=-1)
            for start, stop in row_blocks(z.shape[-2], size)
        ]
        volume = self.factor.diagonal().log().sum()
        return saturate(torch.cat(parts, dim=-1) - volume)

    @torch.no_grad()
    def normal_scores(self, z, context=None):
        blocks = z.double().split(rows_at_once(len(self.log_weights)), dim=-2)
        return torch.cat([self._scores(block) for block in blocks])

    def _scores(self, z):
        # L is triangular: column j of L^-1 z rises with z_j and knows those before it only
        u = _solve(self.factor.double(), z)
        sizes, points = self.sizes.double(), self.points.double()
        columns = (
            ((u[:, j, None] - points[:, j]) / sizes, sizes.log()) for j in range(u.shape[-1])
        )
        return mixture_scores(self.log_weights.double(), columns)

    def _log_kernels(self, u):
        """Log joint density (n, n_kernels) of rows u = L^-1 z with every kernel, up to |L|."""
        return _log_kernels(u, self.points, self.sizes, self.log_weights)

    @torch.no_grad()
    def sample(self, n, context=None):
        source = generator(self.origin.device)
        kernel = torch.multinomial(
            self.log_weights.exp(), max(n, 1), replacement=True, generator=source
        )[:n]
        like = {"dtype": self.origin.dtype, "device": self.origin.device}
        noise = torch.randn(n, self.n_features, generator=source, **like)
        noise = noise * self.sizes[kernel].unsqueeze(-1)
        return (self.points[kernel] + noise) @ self.factor.mT

    def extra_repr(self):
        return f"{super().extra_repr()}, n_kernels={len(self.log_weights)}"

    def _likeliest_shape(self, z, weight, sizes, start=None, share=SHAPE_SHARE):
        """Kernel covariance with the largest leave-one-out likelihood, by EM."""
        n, d = z.shape
        weight = weight / weight.sum()
        z = z - weight @ z
        if start is None:  # at the rate for a Gaussian
            start = (z * weight.unsqueeze(-1)).mT @ z * n ** (-2 / (d + 4))
        covariance = constrained(start, n, self.bandwidth, self.shrinkage)
        for _ in range(MAX_STEPS):
            points = _solve(torch.linalg.cholesky(covariance), z)
            log_joint = _log_kernels(points, points, sizes, weight.log()).fill_diagonal_(-math.inf)
            pair = torch.softmax(log_joint, dim=-1)
            pair.mul_(weight.unsqueeze(-1)).div_(sizes.square())  # as large as all the rest
            updated = constrained(_scatter(z, pair), n, self.bandwidth, self.shrinkage)
            change = (updated.diagonal() / covariance.diagonal()).log().abs().max()
            covariance = updated
            if change < TOLERANCE or search_is_late(share):
                break
        return covariance


def constrained(covariance, n, bandwidth, shrinkage, floor=MIN_SCALE**2):
    """Keep the part of the matrix that ``bandwidth`` allows, with a floor on its spread."""
    d = len(covariance)
    variances = covariance.diagonal().clamp(min=floor)
    if bandwidth == "scalar":
        variances = variances.mean().expand(d)
    if bandwidth != "full":
        return torch.diag_embed(variances)
    own = torch.diag_embed(variances)
    kept = n / (n + shrinkage * d)
    values, vectors = torch.linalg.eigh(kept * covariance + (1 - kept) * own)
    return (vectors * values.clamp(min=floor)) @ vectors.mT


def _solve(factor, z):
    return solve_triangular(factor.mT, z, upper=True, left=False)


def _distances(a, b):
    """Squared distances (n, m) of rows a (n, d) and b (m, d) by one product."""
    squares = a.square().sum(-1, keepdim=True) + b.square().sum(-1)
    return torch.addmm(squares, a, b.mT, alpha=-2).clamp_(min=0)


def _log_kernels(a, points, sizes, log_weights):
    d = a.shape[-1]
    level = log_weights - d * (sizes.log() + 0.5 * math.log(2 * math.pi))
    return _distances(a, points).mul_(-0.5 / sizes.square()).add_(level)


def _likeliest_scale(points, weight, sizes, rows):
    """Find the factor on all kernels with the largest leave-one-out likelihood at some rows."""
    n, d = points.shape
    rows = rows[: max(MIN_ROWS_FOR_SCALE, BLOCK_ENTRIES // n)]
    share_of_row = weight[rows] / weight[rows].sum()
    distance = _distances(points[rows], points).div_(sizes.square())
    level = weight.log() - d * sizes.log()
    own = torch.arange(len(rows)), rows
    square = 1.0
    for _ in range(MAX_STEPS):
        log_joint = (-0.5 / square * distance).add_(level)
        log_joint[own] = -math.inf
        mean = torch.softmax(log_joint, dim=-1).mul_(distance).sum(-1)
        updated = float(share_of_row @ mean) / d
        change = abs(math.log(updated / square)) if updated > 0 else 0.0
        square = max(updated, MIN_SIZE**2)
        if change < TOLERANCE or search_is_late(1.0):
            break
    return math.sqrt(square)


def relative_sizes(points, n_neighbors):
    """Distance of each row to its n-th neighbour, divided by the geometric mean.

    All are 1 where there is no time to find the neighbours.
    """
    # into one tensor: many small ones between blocks of memory would keep those from being reused
    reach = torch.empty_like(points[:, 0])
    block = max(1, BLOCK_ENTRIES // len(points))
    for rows, found in zip(points.split(block), reach.split(block), strict=True):
        nearest = _distances(rows, points).topk(n_neighbors + 1, largest=False).values
        found.copy_(nearest[:, -1].sqrt())
        if time_is_up(SIZES_SHARE):
            left_out("a size for each kernel")
            return torch.ones_like(points[:, 0])
    reach = reach.clamp(min=MIN_SIZE * reach.median().clamp(min=MIN_SIZE))
    return reach / reach.log().mean().exp()


def search_is_late(share):
    late = time_is_up(share)
    if late:
        left_out("the search for the shape of the kernels")
    return late


def _scatter(z, pair):
    """``sum_ij pair_ij (z_i - z_j)(z_i - z_j)^T`` without forming the differences."""
    cross = z.mT @ (pair @ z)
    own = (z * pair.sum(1, keepdim=True)).mT @ z
    other = (z * pair.sum(0).unsqueeze(-1)).mT @ z
    return own + other - cross - cross.mT
