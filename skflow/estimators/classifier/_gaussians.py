"""A Gaussian for each class, whose covariance is as much its own as its rows allow."""

import numpy as np
from scipy.linalg import solve_triangular
from scipy.special import gammaln

from skflow._persistence import stored
from skflow.sampling._normals import LOG_2PI

__all__ = ["ClassGaussians"]

FEWEST_FREE = 3.0  # degrees of freedom of the tails


@stored
class ClassGaussians:
    r"""Gaussians with covariances between that of all classes and each one's own.

    .. math:: \Sigma_c = \frac{R_c^\top R_c + \kappa d\, \hat\Sigma}{n_c + \kappa d}

    with the residuals :math:`R_c` of the :math:`n_c` rows of class c and the covariance
    :math:`\hat\Sigma` within all classes: after [1]_, with a count of rows for their parameter.
    :math:`\kappa = \infty` makes them those of linear discriminant analysis, :math:`\kappa
    \to 0` of the quadratic one. With ``tails`` they are the multivariate Student-t
    distributions that a conjugate prior worth :math:`\kappa d` rows predicts [2]_.

    Parameters
    ----------
    kappa : float
    tails : bool
    diagonal : bool
        Keep only the variances, as naive Bayes does.

    References
    ----------
    .. [1] Friedman (1989), Regularized discriminant analysis, JASA 84(405), eq. 15.
    .. [2] Geisser (1964), Posterior odds for multivariate normal classifications, JRSS B 26(1).
    """

    def __init__(self, kappa, *, tails=False, diagonal=False):
        self.kappa, self.tails, self.diagonal = kappa, tails, diagonal

    def fit(self, rows, rng=None):
        """Fit to LabelledRows."""
        prior = self.kappa * rows.z.shape[1]
        self.means, self.counts = rows.means, rows.counts
        self.free = np.minimum(self.counts + prior, 1e9)
        covariances = []
        for c in range(rows.n_classes):
            own = rows.residuals[rows.code == c]
            pooled = rows.covariance
            if np.isfinite(prior):
                pooled = (own.T @ own + prior * pooled) / (self.counts[c] + prior)
            covariances.append(np.diag(np.diag(pooled)) if self.diagonal else pooled)
        self.roots = np.linalg.cholesky(np.array(covariances))
        return self

    def log_density(self, z):
        """Log density (n, n_classes) of rows z (n, d) in each class."""
        return np.column_stack([self._of_class(c, z) for c in range(len(self.means))])

    def _of_class(self, c, z):
        d, root = z.shape[1], self.roots[c]
        square = (solve_triangular(root, (z - self.means[c]).T, lower=True) ** 2).sum(axis=0)
        log_root = np.log(np.diag(root)).sum()
        if not self.tails:
            return -0.5 * (square + d * LOG_2PI) - log_root
        free = max(self.free[c] - d + 1, FEWEST_FREE)
        scale = (1 + 1 / self.counts[c]) * self.free[c]
        level = gammaln((free + d) / 2) - gammaln(free / 2) - 0.5 * d * np.log(np.pi * scale)
        return level - log_root - 0.5 * (free + d) * np.log1p(square / scale)
