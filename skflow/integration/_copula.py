"""Columns mapped one by one and then mixed by normals: what a separable map cannot say."""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from skflow.integration._separable import SeparableMap
from skflow.sampling import NormalMixture
from skflow.sampling._normals import LOG_2PI

__all__ = ["CopulaNormals", "scores_behind"]

EDGE = 1e-15  # nearest to 0 and 1 that scores are taken of


@dataclass(frozen=True, eq=False)
class CopulaNormals:
    r"""A mixture of normals of the scores :math:`y_j = \Phi^{-1}(G_j(u_j))`.

    .. math::
        q(u) = h(y) \prod_j \frac{G_j'(u_j)}{\varphi(y_j)},

    with the separable map G, which it is equal to where h is standard normal; one normal h with
    other covariances is a Gaussian copula.

    Attributes
    ----------
    separable : SeparableMap
    mixture : NormalMixture
    """

    separable: SeparableMap
    mixture: NormalMixture

    def draw(self, v, pick):
        """Rows u (n, d) of uniform rows v, of the components that uniform numbers (n,) pick."""
        levels = self.mixture.weights.cumsum()
        which = np.minimum(np.searchsorted(levels / levels[-1], pick), len(levels) - 1)
        noise = ndtri(v)
        y = self.mixture.means[which]
        y = y + np.einsum("nij,nj->ni", self.mixture.roots[which], noise)
        return self.separable.draw(ndtr(y))

    def log_density(self, u):
        """Log density (n,) of rows u."""
        y, log_slope = scores_behind(self.separable, u)
        return self.mixture.log_density(y) + log_slope


def scores_behind(separable, u):
    """Scores y (n, d) of rows u of the cube behind a separable map, and log|det dy/du| (n,)."""
    v, log_density = separable.forward(u)
    y = ndtri(np.clip(v, EDGE, 1 - EDGE))
    return y, log_density + 0.5 * (y**2 + LOG_2PI).sum(axis=1)
