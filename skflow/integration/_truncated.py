"""Mixtures of normal distributions within the unit cube."""

from dataclasses import dataclass

import numpy as np
from scipy.special import log_ndtr, logsumexp, ndtri_exp

from skflow.sampling._normals import LOG_2PI

__all__ = ["TruncatedNormals"]

BLOCK = 2_000_000  # numbers at a time


@dataclass(frozen=True, eq=False)
class TruncatedNormals:
    r"""Normals whose columns are truncated to (0, 1) one after another.

    With :math:`z = L^{-1} (u - \mu)` for lower triangular L,

    .. math::
        q(u) = \sum_k \pi_k \prod_j \frac{\varphi(z_j) / L_{jj}}
        {\Phi(z_j + (1 - u_j) / L_{jj}) - \Phi(z_j - u_j / L_{jj})},

    which is what the simulator of [1]_ draws: a truncated normal where columns are independent,
    and near to it elsewhere. The constant is known, no draw is lost outside of the cube, and
    rows are smooth functions of uniform numbers.

    Attributes
    ----------
    weights : ndarray of shape (k,)
    means : ndarray of shape (k, d)
    roots : ndarray of shape (k, d, d)

    References
    ----------
    .. [1] Keane (1994), A computationally practical simulation estimator for panel data,
       Econometrica 62(1).
    """

    weights: np.ndarray
    means: np.ndarray
    roots: np.ndarray

    @classmethod
    def of(cls, mixture):
        """Return those of a ``NormalMixture``."""
        return cls(mixture.weights, mixture.means, mixture.roots)

    def draw(self, v, pick):
        """Rows u (n, d) of uniform rows v, of the components that uniform numbers (n,) pick."""
        levels = self.weights.cumsum()
        which = np.minimum(np.searchsorted(levels / levels[-1], pick), len(levels) - 1)
        u = np.empty_like(v)
        for k in np.unique(which):
            rows = which == k
            u[rows] = _drawn(v[rows], self.means[k], self.roots[k])
        return u

    def log_density(self, u):
        """Log density (n,) of rows u."""
        size = max(1, BLOCK // self.means.size)
        blocks = [u[i : i + size] for i in range(0, len(u), size)]
        return np.concatenate([self._log_density(block) for block in blocks] or [np.empty(0)])

    def _log_density(self, u):
        inverse = np.linalg.inv(self.roots)
        z = np.einsum("kij,nkj->nki", inverse, u[:, None] - self.means)
        scale = np.diagonal(self.roots, axis1=1, axis2=2)
        mass = _log_mass(z - u[:, None] / scale, z + (1 - u[:, None]) / scale)
        parts = -0.5 * (z**2 + LOG_2PI) - np.log(scale) - mass
        return logsumexp(parts.sum(axis=2), b=self.weights, axis=1)


def _drawn(v, mean, root):
    z, u = np.empty_like(v), np.empty_like(v)
    for j in range(v.shape[1]):
        center = mean[j] + z[:, :j] @ root[j, :j]
        low, high = -center / root[j, j], (1 - center) / root[j, j]
        # the lower tail is the one with digits: mirror where all lies in the upper one
        upper = low > -high
        a, b = np.where(upper, -high, low), np.where(upper, -low, high)
        share = np.where(upper, 1 - v[:, j], v[:, j])
        top, bottom = log_ndtr(b), log_ndtr(a)
        level = top + np.log(share + (1 - share) * np.exp(bottom - top))
        found = np.clip(ndtri_exp(level), a, b)
        z[:, j] = np.where(upper, -found, found)
        u[:, j] = np.clip(center + root[j, j] * z[:, j], 0, 1)
    return u


def _log_mass(low, high):
    """Log of the normal probability between, also far out."""
    upper = low > -high
    a, b = np.where(upper, -high, low), np.where(upper, -low, high)
    top = log_ndtr(b)
    return top + np.log1p(-np.exp(np.minimum(log_ndtr(a) - top, -1e-15)))
