"""The standard normal base."""

import math

from skflow.bases._base import Base, saturate

__all__ = ["Normal"]


class Normal(Base):
    r"""Standard normal, without parameters.

    .. math:: \log p(z) = -\tfrac12 \sum_j z_j^2 - \tfrac d2 \log 2\pi

    Cost: O(n d). Rows so far out that the square overflows (beyond 1e19 in float32) get the
    lowest finite number instead of -inf.

    Parameters
    ----------
    n_features : int
        Number of columns d.
    """

    def log_prob(self, z, context=None):
        constant = 0.5 * self.n_features * math.log(2 * math.pi)
        return saturate(self._with_members(z).square().sum(-1).mul(-0.5).sub(constant))

    def normal_scores(self, z, context=None):
        return self._with_members(z).double()

    def cool(self, z, temperature):
        return temperature * z

    def from_seeds(self, seeds, context=None):
        return seeds, seeds.new_zeros(seeds.shape[:-1])

    def sample(self, n, context=None):
        shape = (*self.members, n, self.n_features)
        return self._normal_numbers(shape)
