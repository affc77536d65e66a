"""Particles tied to each other by springs."""

import math

import torch
from torch.linalg import eigh

from skflow.bases._base import Base, saturate

__all__ = ["Harmonic"]


class Harmonic(Base):
    r"""Particles around their centre of mass, tied to each other by springs [1]_.

    .. math:: \log p(z) = -\frac{c}{2} \sum_{(i, j)} |z_i - z_j|^2
              + \frac k2 \log \det{}^{*} (c L) - \frac{(n - 1)\, k}{2} \log 2\pi

    with the Laplacian L of the graph of the springs, det* the product of its positive
    eigenvalues and c such that a coordinate has the variance :math:`1 - 1/n` in the mean, as
    those of standard normal particles have around their centre. It is a density on the
    (n - 1) k dimensions in which the centre rests at zero; scores of other rows are those of
    the rows without their centre, and draws have theirs at zero.

    Springs between all particles make that the standard normal distribution around the centre,
    whatever the order of the particles. Springs between some, the bonds of a molecule, start
    those near to each other; it then goes along with permutations that keep the springs only.
    Rotations and reflections change nothing in either.

    Cost: O(n^2 k) a row.

    Parameters
    ----------
    n_particles, n_dims : int
    springs : sequence of pairs of int, optional
        Particles that a spring ties, by their numbers from 0; all to all if there is none.
        They must hold all particles together.

    References
    ----------
    .. [1] Koehler, Klein & Noe (2020), Equivariant flows, arXiv:2006.02425, section 5 (the
       mean-free normal); Jing, Berger & Jaakkola (2024), AlphaFold meets flow matching,
       arXiv:2402.04845, section 3 (the harmonic prior).
    """

    def __init__(self, n_particles, n_dims, springs=None):
        super().__init__(n_particles * n_dims)
        self.n_particles, self.n_dims = n_particles, n_dims
        stiffness, directions = eigh(laplacian(n_particles, springs))
        stiffness, directions = stiffness[1:], directions[:, 1:]
        spreads = (stiffness.reciprocal().mean() * stiffness).rsqrt()
        # arrays, which no change of the dtype rounds: what is symmetric stays so to the last digit
        self.to_free = (directions / spreads).mT.numpy().copy()
        self.from_free = (directions * spreads).numpy()
        self.log_spread = float(spreads.log().sum())

    @property
    def n_seeds(self):
        """How many standard normal numbers make one row: the dimensions without the centre."""
        return (self.n_particles - 1) * self.n_dims

    def log_prob(self, z, context=None):
        free = self._free(self._with_members(z))
        constant = 0.5 * self.n_seeds * math.log(2 * math.pi) + self.n_dims * self.log_spread
        return saturate(free.square().sum(dim=-1).mul(-0.5).sub(constant))

    def sample(self, n, context=None):
        return self.from_seeds(self.draw_seeds(n))[0]

    def from_seeds(self, seeds, context=None):
        free = seeds.unflatten(-1, (self.n_particles - 1, self.n_dims))
        z = (torch.from_numpy(self.from_free).to(seeds) @ free).flatten(-2)
        return z, seeds.new_zeros(seeds.shape[:-1])

    def normal_scores(self, z, context=None):
        """Return standard normal rows (*members, n, n_seeds): how far each way to swing is out."""
        return self._free(self._with_members(z).double())

    def cool(self, z, temperature):
        return temperature * z

    def _free(self, z):
        z = z.unflatten(-1, (self.n_particles, self.n_dims))
        return (torch.from_numpy(self.to_free).to(z) @ z).flatten(-2)


def laplacian(n, springs=None):
    """Laplacian (n, n) of the graph of springs, float64; all to all where there is no list."""
    pairs = torch.triu_indices(n, n, 1).mT if springs is None else torch.tensor(springs)
    matrix = torch.zeros(n, n, dtype=torch.float64)
    for i, j in pairs.tolist():
        matrix[i, j] = matrix[j, i] = -1.0
    return matrix - torch.diag(matrix.sum(dim=0))
