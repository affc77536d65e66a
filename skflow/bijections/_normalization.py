"""Centring and scaling of features: the moments themselves, and the trained layer."""

import torch
from torch import nn

from skflow.bijections._base import Bijection

__all__ = ["ActNorm", "moments"]

# A spread below so many roundings of the mean is rounding noise of a constant column.
CONSTANT_ULPS = 10


class ActNorm(Bijection):
    """Per-feature scale and shift that start from the data, and are trained from there.

    Forward ``z = (x - shift) * exp(log_scale)``, log-det ``sum_i log_scale_i``;
    inverse ``x = z * exp(-log_scale) + shift``, log-det minus that. Cost: O(n d).

    :meth:`initialize` makes every column of z centred with standard deviation 1 on the rows
    given; a column that is constant up to rounding (``CONSTANT_ULPS``) is only centred. Before
    that the map is the identity.

    References
    ----------
    Kingma & Dhariwal (2018), Glow, arXiv:1807.03039, section 3.1.
    """

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
        std divides by the sum of the weights (no n - 1), and is exactly 0 in columns that are
        constant up to the rounding of x's dtype (``CONSTANT_ULPS``).
    """
    share = row_shares(x, weight).unsqueeze(-1)
    rounding = CONSTANT_ULPS * torch.finfo(x.dtype).eps
    x = torch.where(share > 0, x, 0).double()
    largest = x.abs().amax(-2, keepdim=True)
    mantissa, _ = torch.frexp(largest)
    unit = torch.where(largest > 0, largest / (2 * mantissa), 1.0)
    y = x / unit
    mean = (share * y).sum(-2, keepdim=True)
    # The second pass takes off what the first sum lost to rounding.
    mean = mean + (share * (y - mean)).sum(-2, keepdim=True)
    std = (share * (y - mean).square()).sum(-2, keepdim=True).sqrt()
    std = torch.where(std > rounding * mean.abs(), std, 0.0)
    return (mean * unit).squeeze(-2), (std * unit).squeeze(-2)


def row_shares(x, weight=None):
    """Weights ``(*members, n)`` divided by their sum, in float64; equal ones by default."""
    if weight is None:
        return torch.full(x.shape[:-1], 1 / x.shape[-2], dtype=torch.float64, device=x.device)
    weight = weight.double()
    weight = weight / weight.amax(-1, keepdim=True)
    return weight / weight.sum(-1, keepdim=True)
