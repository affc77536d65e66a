"""A monotone map of probabilities that makes those of held-out rows uniform."""

import numpy as np
from scipy.special import betainc, betaln, xlog1py, xlogy

from skflow._persistence import stored

__all__ = ["Calibration"]

N_KNOTS = 2_049
NEWTON_STEPS = 3  # from within 1e-6


@stored
class Calibration:
    r"""A distribution function on [0, 1] near that of given numbers, a Bernstein polynomial [1]_.

    .. math:: G(u) = \sum_{j=0}^{m-1} w_j\, I_u(j + 1, m - j)

    with the regularised incomplete beta function I and with :math:`w_j` the share of the numbers
    between j / m and (j + 1) / m, of which each is counted once more. Equal shares make it the
    identity. It is smooth and rises everywhere, and so does no more to a density than multiply
    it by a positive polynomial.

    Parameters
    ----------
    shares : ndarray of shape (n,)
        Probabilities below held-out values, between 0 and 1.
    weight : ndarray of shape (n,), optional

    References
    ----------
    .. [1] Babu, Canty & Chaubey (2002), Application of Bernstein polynomials for smooth
       estimation of a distribution and density function, Journal of Statistical Planning and
       Inference 105(2), eq. 1.4.
    """

    def __init__(self, shares, weight=None):
        weight = np.ones(len(shares)) if weight is None else weight * len(shares) / weight.sum()
        self.degree = int(np.ceil(len(shares) ** 0.4)) + 1
        counts, _ = np.histogram(shares, np.linspace(0, 1, self.degree + 1), weights=weight)
        self.parts = (counts + 1) / (counts + 1).sum()

    def apply(self, u):
        """G(u), of any shape."""
        j = np.arange(self.degree)
        return betainc(j + 1, self.degree - j, np.asarray(u)[..., None]) @ self.parts

    def density(self, u):
        """G'(u), between ``degree`` times the smallest part and the largest."""
        u, j, m = np.asarray(u)[..., None], np.arange(self.degree), self.degree
        terms = xlogy(j, u) + xlog1py(m - 1 - j, -u) - betaln(j + 1, m - j)
        return np.exp(terms) @ self.parts

    @property
    def largest_density(self):
        """A bound on the density."""
        return self.degree * self.parts.max()

    def inverse(self, levels):
        """U with G(u) = levels, of any shape: from a table, then by Newton's method within it."""
        levels = np.asarray(levels, dtype=np.float64)
        knots = 0.5 - 0.5 * np.cos(np.linspace(0, np.pi, N_KNOTS))  # denser at both ends
        values = self.apply(knots)
        at = np.clip(np.searchsorted(values, levels) - 1, 0, N_KNOTS - 2)
        u = np.interp(levels, values, knots)
        for _ in range(NEWTON_STEPS):
            step = (levels - self.apply(u)) / self.density(u)
            u = np.clip(u + step, knots[at], knots[at + 1])
        return u
