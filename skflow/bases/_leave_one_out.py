"""Kernels and their background of the largest leave-one-out likelihood."""

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch.linalg import solve_triangular

from skflow.bases._fineness import fineness
from skflow.bases._kernel import (
    MAX_STEPS,
    MIN_ROWS_FOR_SCALE,
    SHAPE_SHARE,
    SIZES_SHARE,
    TOLERANCE,
    constrained,
    relative_sizes,
    search_is_late,
)
from skflow.bases._log_joint import drawn_in, log_joint

__all__ = ["fit_kernels", "likeliest_gaussian"]

# Shares of the columns' own variances that are tried in the covariance of the table.
SHRINKAGES = (1e-8, 1e-6, 1e-4, 0.01, 0.03, 0.1, 0.2, 0.35, 0.5, 0.7, 0.85, 1.0)
POWERS = (0.5, 1.0)  # of the distance to a neighbour that are tried beside 0
FIRST_SHARE = 0.1  # of the background
SHARE_LIMITS = 1e-6, 1 - 1e-6
# Smallest deviation of a kernel beside that of the table, where the rows resolve no less.
MIN_SCALE = 1e-3
NARROWEST = 1e-24  # variance in whatever direction
# Where searches end while powers are compared: relative change of the variances, and steps.
COMPARISON_TOLERANCE, COMPARISON_STEPS = 1e-2, 20
# Largest share of the density at a row that leaving it out may take, rounding considered.
MOST_LOST = 0.999
MAX_PAIRS = 2**22


def fit_kernels(z, weight, bandwidth, n_neighbors, shrinkage, max_rows):
    r"""Fit a :class:`KernelMixture` by leave-one-out likelihood.

    The background is the Gaussian of the rows' mean and of the covariance that
    :func:`likeliest_gaussian` finds. The likelihood of the rows, each under the kernels of the
    others and under the background of the others, rises by EM steps [1]_: with :math:`r_{ij}` the
    share of kernel j in the density at row i, b becomes the mean share of the background, and the
    shape :math:`V V^\top` becomes

    .. math::
        V C^{-1/2}\, T\, C^{-1/2} V^\top, \quad
        T = \sum_i w_i \sum_{j \ne i} \frac{r_{ij}}{s_j^2}
            (u_i - \rho u_j)(u_i - \rho u_j)^\top, \quad
        C_{kk} = \sum_i w_i \sum_{j \ne i} \frac{r_{ij}}{s_j^2} D_{jk}

    which stays where it is where the derivative of the likelihood vanishes, rho held. Sizes of
    all powers are tried from the shape of equal sizes, and the likeliest go on.

    Parameters
    ----------
    z : tensor of shape (n, d), float64
    weight : tensor of shape (n,)
        Shares of the rows.
    bandwidth, n_neighbors, shrinkage, max_rows
        As :class:`KernelMixture` takes them.

    Returns
    -------
    tensors : dict
        By the names of :class:`KernelMixture`'s buffers.

    References
    ----------
    .. [1] Leiva-Murillo & Artes-Rodriguez (2012), Algorithms for maximum-likelihood bandwidth
       selection in kernel density estimators, Pattern Recognition Letters 33(13), section 3.
    """
    n, d = z.shape
    mean, covariance, beside = likeliest_gaussian(z, weight)
    keep = torch.randperm(n, generator=torch.Generator().manual_seed(0))[:max_rows]
    whitened = solve_triangular(
        torch.linalg.cholesky(covariance), (z - mean)[keep].mT, upper=False
    )
    floor = MIN_SCALE * fineness(whitened.mT)
    table = _Table(z - mean, weight, beside, covariance, floor)
    some = table.of(keep)

    def constrain(shape):
        return constrained(shape, len(keep), bandwidth, shrinkage, floor=NARROWEST)

    start = _Kernels(constrain(covariance * len(keep) ** (-2 / (d + 4))), FIRST_SHARE)
    sizes = torch.ones_like(weight)
    best = _climb(start, some, sizes[keep], constrain, SHAPE_SHARE)
    if n_neighbors is not None and n > 2:
        points = table.coordinates(table.basis(best.shape)[0])
        reach = relative_sizes(points, min(n_neighbors, n - 1))
        for power in POWERS:
            found = _climb(best, some, (reach**power)[keep], constrain, SIZES_SHARE)
            if found.likelihood > best.likelihood:
                best, sizes = found, reach**power
    best = _climb(best, some, sizes[keep], constrain, 1.0, TOLERANCE, MAX_STEPS)
    if len(keep) < n:  # more kernels are to be narrower ones
        best = _rescaled(best, table, sizes, keep)
    return _tensors(best, table, sizes, mean)


class _Kernels(NamedTuple):
    """Shape of the kernels (d, d), share of the background, and the likelihood that they had."""

    shape: torch.Tensor
    background: float
    likelihood: float = -math.inf


@dataclass(frozen=True)
class _Table:
    """Centred rows x (n, d), their shares, and what is known of the background.

    Attributes
    ----------
    beside : tensor of shape (n,)
        Log density of each row under the background of the others.
    covariance : tensor of shape (d, d)
        Of the background.
    floor : float
        Smallest deviation of kernels in units of the background's.
    """

    x: torch.Tensor
    weight: torch.Tensor
    beside: torch.Tensor
    covariance: torch.Tensor
    floor: float

    def of(self, index):
        weight = self.weight[index] / self.weight[index].sum()
        return replace(self, x=self.x[index], weight=weight, beside=self.beside[index])

    def basis(self, shape):
        """V (d, d) and lambda (d,), so that the shape is V V' and the covariance V lambda V'."""
        root = torch.linalg.cholesky(shape)
        inner = solve_triangular(root, self.covariance, upper=False)
        inner = solve_triangular(root, inner.mT, upper=False)
        variances, directions = torch.linalg.eigh(0.5 * (inner + inner.mT))
        variances = variances.clamp(min=torch.finfo(variances.dtype).tiny)
        wider = (variances.sqrt() * self.floor).clamp(min=1)
        return root @ directions * wider, variances / wider.square()

    def coordinates(self, directions):
        return torch.linalg.solve(directions, self.x.mT).mT


def _climb(
    start, table, sizes, constrain, share, tolerance=COMPARISON_TOLERANCE, steps=COMPARISON_STEPS
):
    """EM steps from the start; those of the last two kernels that were the likelier."""
    best = now = start._replace(likelihood=-math.inf)
    everyone = torch.arange(len(sizes))
    for _ in range(steps):
        following, likelihood = _step(now, table, sizes, everyone, table)
        now = now._replace(likelihood=likelihood)
        best = max(best, now, key=lambda kernels: kernels.likelihood)
        shape = constrain(following.shape)
        change = (shape.diagonal() / now.shape.diagonal()).log().abs().max()
        change = change + abs(following.background - now.background)
        now = following._replace(shape=shape)
        if change < tolerance or search_is_late(share):
            break
    return best


def _step(kernels, table, sizes, index, rows):
    """One EM step by the likelihood of some rows, which have an index in the table.

    Returns
    -------
    following : _Kernels
    likelihood : float
        Mean log density of the rows under the kernels as they came.
    """
    directions, variances = table.basis(kernels.shape)
    points = table.coordinates(directions)
    u = points if rows is table else rows.coordinates(directions)
    inverse_square = sizes.square().reciprocal()
    precisions = inverse_square.unsqueeze(-1) + 1 / variances
    centres = points * drawn_in(precisions, variances, table.weight)
    level = table.weight.log() + math.log1p(-kernels.background)
    joint = log_joint(u, centres, precisions, level)
    joint.sub_(torch.linalg.slogdet(directions).logabsdet)
    joint[torch.arange(len(index)), index] = -math.inf
    beside = rows.beside + math.log(kernels.background)
    top = torch.maximum(joint.amax(-1), beside)
    joint.sub_(top.unsqueeze(-1)).exp_()
    beside = (beside - top).exp()
    total = joint.sum(-1) + beside
    # w_i r_ij / s_j^2 is never formed: what is needed are its products with a few columns
    factors = (rows.weight / total).unsqueeze(-1), inverse_square.unsqueeze(-1)
    shape = _likelier_shape(joint, factors, u, centres, precisions, directions)
    low, high = SHARE_LIMITS
    background = min(max(float(rows.weight @ (beside / total)), low), high)
    return _Kernels(shape, background), float(rows.weight @ (total.log() + top))


def _likelier_shape(joint, factors, u, centres, precisions, directions):
    """``V C^-1/2 T C^-1/2 V'``, where w_i r_ij / s_j^2 is ``joint`` times factors of both."""
    of_row, of_kernel = factors
    to_centres = of_row * (joint @ (of_kernel * centres))
    total = of_row * (joint @ of_kernel)
    from_rows = of_kernel * (joint.mT @ of_row)
    cross = u.mT @ to_centres
    scatter = (u * total).mT @ u + (centres * from_rows).mT @ centres - cross - cross.mT
    expected = (from_rows / precisions).sum(0).clamp(min=torch.finfo(u.dtype).tiny)
    root = directions * expected.rsqrt()
    shape = root @ scatter @ root.mT
    return 0.5 * (shape + shape.mT)


def _rescaled(kernels, table, sizes, keep):
    """Multiply the shape by the number that is likeliest with all kernels, at some rows."""
    index = keep[: max(MIN_ROWS_FOR_SCALE, MAX_PAIRS // len(sizes))]
    rows = table.of(index)
    for _ in range(COMPARISON_STEPS):
        following, _ = _step(kernels, table, sizes, index, rows)
        inner = torch.linalg.solve(kernels.shape, following.shape)
        factor = float(inner.diagonal().mean())
        kernels = _Kernels(kernels.shape * factor, following.background)
        if abs(math.log(factor)) < TOLERANCE or search_is_late(1.0):
            break
    return kernels


def _tensors(kernels, table, sizes, mean):
    directions, variances = table.basis(kernels.shape)
    precisions = sizes.square().reciprocal().unsqueeze(-1) + 1 / variances
    centres = table.coordinates(directions) * drawn_in(precisions, variances, table.weight)
    return {
        "mean": mean,
        "directions": directions,
        "variances": variances,
        "points": centres,
        "sizes": sizes,
        "log_weights": table.weight.log() + math.log1p(-kernels.background),
        "log_background": torch.tensor(kernels.background).log(),
    }


def likeliest_gaussian(z, weight):
    """Mean, covariance, and the log density of each row under the Gaussian of the others.

    The covariance is that of the rows, its correlations shrunk by the share out of
    ``SHRINKAGES`` under which rows are likeliest when each is left out in turn.

    Returns
    -------
    mean : tensor of shape (d,)
    covariance : tensor of shape (d, d)
    beside : tensor of shape (n,)
    """
    mean = weight @ z
    x = z - mean
    covariance = (x * weight.unsqueeze(-1)).mT @ x
    constant = (covariance.diagonal() < NARROWEST).to(z.dtype)
    covariance = covariance + constant.diag_embed()  # as wide as any other column
    own = covariance.diagonal().diag_embed()
    best = None
    for shrinkage in SHRINKAGES:
        shrunk = (1 - shrinkage) * covariance + shrinkage * own
        root, info = torch.linalg.cholesky_ex(shrunk)
        if info > 0:
            continue
        beside = _beside(x, weight, root, 1 - shrinkage)
        score = float(weight @ beside)
        if best is None or score > best[0]:
            best = score, shrunk, beside
    return mean, *best[1:]


def _beside(x, weight, root, kept):
    """Leave-one-out log density, by the formula of Sherman and Morrison."""
    rest, d = 1 - weight, x.shape[1]
    square = solve_triangular(root, x.mT, upper=False).square().sum(0)
    lost = (kept * weight / rest * square).clamp(max=MOST_LOST)
    distance = square / (1 - lost) / rest
    level = root.diagonal().log().sum() + 0.5 * d * math.log(2 * math.pi) - 0.5 * d * rest.log()
    return -0.5 * distance - 0.5 * torch.log1p(-lost) - level
