"""The uniform base on a box."""

import math

import torch

from skflow._random import generator
from skflow.bases._base import Base

__all__ = ["Uniform"]


class Uniform(Base):
    r"""Uniform on the box ``[low, high]**d``, without parameters.

    .. math::
        \log p(z) = -d \log(\mathrm{high} - \mathrm{low}) \text{ inside},
        \quad -\infty \text{ outside}

    Of use behind a bijection that ends inside the box, such as a squashing or a spline that maps
    the box onto itself; a flow whose latents may leave it scores those rows -inf and gets no
    gradient from them. Draws lie strictly inside. Cost: O(n d).

    Parameters
    ----------
    n_features : int
        Number of columns d.
    low, high : float, default=0.0 and 1.0
        Bounds of every column.
    """

    def __init__(self, n_features, low=0.0, high=1.0):
        super().__init__(n_features)
        if not (low < high and math.isfinite(high - low)):
            raise ValueError(f"low and high must be finite, low < high, got {low} and {high}")
        self.low, self.high = low, high

    def log_prob(self, z, context=None):
        z = self._with_members(z)
        inside = z.new_full((), -self.n_features * math.log(self.high - self.low))
        outside = ((z < self.low) | (z > self.high)).any(-1)
        log_prob = torch.where(outside, -math.inf, inside)
        return log_prob.masked_fill(z.isnan().any(-1), math.nan)

    def normal_scores(self, z, context=None):
        unit = (self._with_members(z).double() - self.low) / (self.high - self.low)
        eps = torch.finfo(unit.dtype).eps
        return torch.special.ndtri(unit.clamp(eps, 1 - eps))

    def from_seeds(self, seeds, context=None):
        return self._place(torch.special.ndtr(seeds)), seeds.new_zeros(seeds.shape[:-1])

    def sample(self, n, context=None):
        shape = (*self.members, n, self.n_features)
        device = self.origin.device
        unit = torch.rand(
            shape, generator=generator(device), dtype=self.origin.dtype, device=device
        )
        return self._place(unit)

    def _place(self, unit):
        """Map numbers from 0 to 1 into the box, those on its bounds to just inside."""
        eps = torch.finfo(unit.dtype).eps
        return unit.clamp(eps / 4, 1 - eps) * (self.high - self.low) + self.low

    def extra_repr(self):
        return f"{super().extra_repr()}, low={self.low}, high={self.high}"
