"""Centring and scaling of features: the moments themselves, and the trained layer."""

import math

import torch
from torch import nn

from skflow._rounding import is_rounding
from skflow.bijections._base import Bijection
from skflow.numerics import fit_student_t

__all__ = [
    "BLOCK",
    "ActNorm",
    "moments",
    "robust_moments",
    "row_shares",
    "student_t_moments",
    "winsorized_moments",
]

BLOCK = 65_536  # rows whose moments are taken together
QUANTILE = 0.1
# A side of a column is held at so many times the distance of the quantile that leaves this share
# of the rows beyond, or so many rows: a normal column at 12 deviations.
FAR_SHARE, FAR_ROWS, FAR_REACH = 0.01, 3, 5.0
FEW_ROWS = 20  # that say too little of what is far
FARTHEST = 1e100  # spreads, whose square is still a number
NORMAL_QUANTILE = 1.2815515655446004  # minus the QUANTILE of the standard normal


class ActNorm(Bijection):
    """Per-feature scale and shift that start from the data, and are trained from there.

    Forward ``z = (x - shift) * exp(log_scale)``, log-det ``sum_i log_scale_i``;
    inverse ``x = z * exp(-log_scale) + shift``, log-det minus that. Cost: O(n d).

    :meth:`initialize` makes every column of z centred with standard deviation 1 on the rows
    given; a column that is constant up to rounding is only centred. Before that the map is the
    identity.

    References
    ----------
    Kingma & Dhariwal (2018), Glow, arXiv:1807.03039, section 3.1.
    """

    shapes = {"shift": "d", "log_scale": "d"}

    def __init__(self, n_features):
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(n_features))
        self.log_scale = nn.Parameter(torch.zeros(n_features))

    def forward(self, x, context=None):
        z = (x - self.shift.unsqueeze(-2)) * self.log_scale.exp().unsqueeze(-2)
        return z, self.log_scale.sum(-1).unsqueeze(-1).expand(x.shape[:-1])

    def inverse(self, z, context=None):
        x = z * (-self.log_scale).exp().unsqueeze(-2) + self.shift.unsqueeze(-2)
        return x, -self.log_scale.sum(-1).unsqueeze(-1).expand(z.shape[:-1])

    @torch.no_grad()
    def initialize(self, x, context=None, weight=None):
        mean, std = moments(x, weight)
        self.shift.copy_(mean)
        self.log_scale.copy_(-torch.where(std > 0, std, 1.0).log())
        return self(x)[0]

    @torch.no_grad()
    def initialize_inverse(self, z, context=None, weight=None):
        mean, std = moments(z, weight)
        std = torch.where(std > 0, std, 1.0)
        self.shift.copy_(-mean / std)
        self.log_scale.copy_(std.log())
        return self.inverse(z)[0]


def moments(x, weight=None):
    """Weighted mean and standard deviation of each column, in float64.

    Columns are divided by a power of two near their largest size first, which is exact, so
    that no square over- or underflows: any scale that float64 can hold will do.

    Parameters
    ----------
    x : tensor of shape (*members, n, d)
    weight : tensor of shape (*members, n), optional
        Not negative, not all 0; only ratios matter. Rows of weight 0 are not looked at.

    Returns
    -------
    mean, std : tensors of shape (*members, d)
        std divides by the sum of the weights (no n - 1), and is exactly 0 in columns whose
        values differ by rounding error of x's dtype, see :func:`skflow._rounding.is_rounding`.
    """
    share = row_shares(x, weight).unsqueeze(-1)
    blocks = list(zip(share.split(BLOCK, -2), x.split(BLOCK, -2), strict=True))

    def used(share, x, otherwise=0.0):
        return torch.where(share > 0, x, otherwise).double()

    low = torch.stack([used(*b, math.inf).amin(-2, keepdim=True) for b in blocks]).amin(0)
    high = torch.stack([used(*b, -math.inf).amax(-2, keepdim=True) for b in blocks]).amax(0)
    largest = torch.maximum(low.abs(), high.abs())
    mantissa, _ = torch.frexp(largest)
    unit = torch.where(largest > 0, largest / (2 * mantissa), 1.0)

    def total(f):
        return sum((s * f(used(s, x) / unit)).sum(-2, keepdim=True) for s, x in blocks)

    mean = total(lambda y: y)
    # The second pass takes off what the first sum lost to rounding.
    mean = mean + total(lambda y: y - mean)
    std = total(lambda y: (y - mean).square()).sqrt()
    std = torch.where(is_rounding(low, high, torch.finfo(x.dtype).eps), 0.0, std)
    return (mean * unit).squeeze(-2), (std * unit).squeeze(-2)


def row_shares(x, weight=None):
    """Weights ``(*members, n)`` divided by their sum, in float64; equal ones by default."""
    if weight is None:
        return torch.full(x.shape[:-1], 1 / x.shape[-2], dtype=torch.float64, device=x.device)
    weight = weight.double()
    weight = weight / weight.amax(-1, keepdim=True)
    return weight / weight.sum(-1, keepdim=True)


def robust_moments(x, weight=None):
    """Weighted median of each column, and the spread of its middle 80 % as a normal's deviation.

    Exact under a change of units by a power of two. Where the middle 80 % are one value, the
    spread is the standard deviation; where all are, the size of the value, or 1 where it is 0.

    Parameters
    ----------
    x : tensor of shape (*members, n, d)
    weight : tensor of shape (*members, n), optional

    Returns
    -------
    median, spread : tensors of shape (*members, d), float64
    """
    mean, std = moments(x, weight)
    share = row_shares(x, weight).unsqueeze(-1)
    x = torch.where(share > 0, x.double(), mean.unsqueeze(-2))
    x, order = x.sort(-2)
    below = share.expand_as(x).gather(-2, order).cumsum(-2)
    low, median, high = (
        x.gather(-2, (below < q - 1e-9).sum(-2, keepdim=True)).squeeze(-2)
        for q in (QUANTILE, 0.5, 1 - QUANTILE)
    )
    # halved first, since a difference of the largest numbers overflows
    spread = (0.5 * high - 0.5 * low) / NORMAL_QUANTILE
    size = median.abs()
    spread = torch.where((std > 0) & (spread > 0), spread, std)
    return median, torch.where(spread > 0, spread, torch.where(size > 0, size, 1.0))


def winsorized_moments(x, weight=None):
    """Like :func:`moments`, with entries far beyond all but a hundredth of the rows held near.

    A side of a column reaches ``FAR_REACH`` times as far from the median as the quantile that
    leaves a hundredth of the rows beyond, or ``FAR_ROWS`` rows if these are more. What lies
    further out counts as if it lay there, so that a few gross errors do not make the rest small.
    With fewer than ``FEW_ROWS`` rows nothing is held.
    """
    share = row_shares(x, weight).unsqueeze(-1)
    size = 1 / share.square().sum(-2, keepdim=True)
    beyond = (FAR_ROWS / size).clamp(min=FAR_SHARE, max=0.25)
    values, order = torch.where(share > 0, x.double(), torch.inf).sort(-2)
    below = share.expand_as(values).gather(-2, order).cumsum(-2)
    low, median, high = (
        values.gather(-2, (below < q).sum(-2, keepdim=True))
        for q in (beyond, torch.full_like(beyond, 0.5), 1 - beyond)
    )
    few = size < FEW_ROWS
    low = torch.where((low < median) & ~few, median - FAR_REACH * (median - low), -torch.inf)
    high = torch.where((high > median) & ~few, median + FAR_REACH * (high - median), torch.inf)
    return moments(x.double().clamp(low, high).to(x.dtype), weight)


def student_t_moments(x, weight):
    """Location and scale (*members, d) of a Student-t density, exact under powers of two."""
    median, spread = robust_moments(x, weight)
    u = (x.double() - median.unsqueeze(-2)) / spread.unsqueeze(-2)
    loc, scale, _ = fit_student_t(u.clamp(-FARTHEST, FARTHEST), weight)
    return median + loc * spread, scale * spread
