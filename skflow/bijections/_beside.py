"""Bijections that stand beside each other, each with columns of its own."""

import torch
from torch import nn

from skflow.bijections._base import Bijection, largest_tolerance, weakest_inverse

__all__ = ["Beside"]


class Beside(Bijection):
    r"""Groups of neighbouring columns, each mapped by a bijection that sees no other column.

    .. math:: z_g = f_g(x_g), \qquad \log|\det| = \sum_g \log|\det J_{f_g}|

    Both directions cost what their parts cost. What one group tells of another one is the same
    before and after, whatever the maps.

    Parameters
    ----------
    bijections : sequence of Bijection
    sizes : sequence of int
        Columns of each group, from left to right.
    """

    def __init__(self, bijections, sizes):
        super().__init__()
        self.bijections = nn.ModuleList(bijections)
        self.sizes = list(sizes)
        if len(self.bijections) != len(self.sizes):
            raise ValueError(
                f"each group needs one bijection: got {len(self.bijections)} bijections for "
                f"{len(self.sizes)} groups"
            )

    @property
    def invertible(self):
        """The weakest of the parts."""
        return weakest_inverse(self.bijections)

    @property
    def tolerance(self):
        """The largest of the parts."""
        return largest_tolerance(self.bijections)

    def forward(self, x, context=None):
        return self._joined(x, [b.forward for b in self.bijections], context)

    def inverse(self, z, context=None):
        return self._joined(z, [b.inverse for b in self.bijections], context)

    def initialize(self, x, context=None, weight=None):
        parts = zip(self.bijections, x.split(self.sizes, -1), strict=True)
        return torch.cat([b.initialize(part, context, weight) for b, part in parts], -1)

    def initialize_inverse(self, z, context=None, weight=None):
        parts = zip(self.bijections, z.split(self.sizes, -1), strict=True)
        return torch.cat([b.initialize_inverse(part, context, weight) for b, part in parts], -1)

    def verify(self):
        for b in self.bijections:
            b.verify()

    def _joined(self, x, maps, context):
        parts = [f(part, context) for f, part in zip(maps, x.split(self.sizes, -1), strict=True)]
        return torch.cat([z for z, _ in parts], -1), sum(log_det for _, log_det in parts)
