"""Particles without their centre of mass, on one scale."""

import torch

from skflow.bijections._base import Bijection

__all__ = ["MeanFree"]


class MeanFree(Bijection):
    r"""Particles relative to their centre of mass, divided by one scale.

    .. math:: z_i = \frac{1}{s} \Bigl(x_i - \frac1n \sum_j x_j\Bigr), \quad
              \log|\det| = -(n - 1)\, k \log s

    for n particles in k dimensions: a map of the (n - 1) k dimensions in which the centre of mass
    rests at zero, from Lebesgue measure there to itself. The centre of x is forgotten, so that
    the inverse ``x = s z`` gives particles around zero. Cost: O(n k) a row.

    Parameters
    ----------
    n_particles, n_dims : int
    scale : float
    """

    shapes = {"scale": "o"}

    def __init__(self, n_particles, n_dims, scale=1.0):
        super().__init__()
        self.n_particles, self.n_dims = n_particles, n_dims
        self.register_buffer("scale", torch.full((1,), float(scale), dtype=torch.float64))

    @classmethod
    def from_data(cls, n_particles, n_dims, x, weight=None):
        """Fit to rows x (*members, n, d) with weights (*members, n): to variance 1.

        Where all particles are in one place the scale is 1.
        """
        own = cls(n_particles, n_dims)
        square = own.centred(x).square().sum(dim=-1) / ((n_particles - 1) * n_dims)
        weight = torch.ones_like(square) if weight is None else weight.to(square)
        scale = ((weight * square).sum(dim=-1) / weight.sum(dim=-1)).sqrt()
        own.scale = torch.where(scale > 0, scale, torch.ones_like(scale)).unsqueeze(-1)
        return own

    def centred(self, x):
        """Rows x (*members, n, d) less the centre of mass of each."""
        particles = x.unflatten(-1, (self.n_particles, self.n_dims))
        return (particles - particles.mean(dim=-2, keepdim=True)).flatten(-2)

    def forward(self, x, context=None):
        return self.centred(x) / self.scale.unsqueeze(-1).to(x), self._log_det(x)

    def inverse(self, z, context=None):
        return self.centred(z) * self.scale.unsqueeze(-1).to(z), -self._log_det(z)

    def _log_det(self, x):
        free = (self.n_particles - 1) * self.n_dims
        return -free * self.scale.log().to(x).expand(x.shape[:-1])
