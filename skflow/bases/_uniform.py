"""The uniform base on a centred box."""

import math

import torch

from skflow.bases._base import Base

__all__ = ["Uniform"]


class Uniform(Base):
    r"""Uniform on the box ``[-bound, bound]**d``, without parameters.

    .. math:: \log p(z) = -d \log(2\,\mathrm{bound}) \text{ inside}, \quad -\infty \text{ outside}

    Of use behind a bijection that ends inside the box, such as a squashing or a spline that maps
    the box onto itself; a flow whose latents may leave it scores those rows -inf and gets no
    gradient from them. Cost: O(n d).

    Parameters
    ----------
    n_features : int
        Number of columns d.
    bound : float, default=3.0
        Half the side of the box; the default is the tail bound of the package's splines.
    """

    def __init__(self, n_features, bound=3.0):
        super().__init__(n_features)
        if not 0 < bound < math.inf:
            raise ValueError(f"bound must be positive and finite, got {bound}")
        self.bound = bound

    def log_prob(self, z, context=None):
        reach = self._with_members(z).abs().amax(-1)
        inside = reach.new_full((), -self.n_features * math.log(2 * self.bound))
        log_prob = torch.where(reach <= self.bound, inside, -math.inf)
        return log_prob.masked_fill(reach.isnan(), math.nan)

    def from_seeds(self, seeds, context=None):
        z = self.bound * torch.erf(seeds / math.sqrt(2))
        return z, seeds.new_zeros(seeds.shape[:-1])

    def sample(self, n, context=None):
        shape = (*self.members, n, self.n_features)
        unit = torch.rand(shape, dtype=self.origin.dtype, device=self.origin.device)
        return (2 * unit - 1) * self.bound

    def extra_repr(self):
        return f"{super().extra_repr()}, bound={self.bound}"
