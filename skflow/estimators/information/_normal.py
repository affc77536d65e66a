"""What jointly normal halves tell of each other, and how far rows are from being so."""

import numpy as np
from scipy.linalg import solve_triangular

from skflow.estimators.classifier._labelled import LabelledRows
from skflow.sampling._normals import LOG_2PI

__all__ = ["NormalHalves", "unexplained"]

MAX_ROWS = 20_000  # that cumulants are of


class NormalHalves:
    r"""A normal distribution of rows (x, y), and the log ratio to the product of its halves.

    .. math:: \log \frac{p(x, y)}{p(x)\, p(y)}

    whose mean is the mutual information :math:`-\frac12 \log\frac{|\Sigma|}{|\Sigma_{xx}|
    |\Sigma_{yy}|}`. The covariance is drawn to its diagonal as far as it is noise.

    Parameters
    ----------
    Z : ndarray of shape (n, d)
        Rows that it is fitted to.
    n_first : int
        Columns of x.
    """

    def __init__(self, Z, n_first):
        rows = LabelledRows(Z, np.zeros(len(Z), dtype=int), np.ones(len(Z)), 1)
        self.mean, self.n_first = rows.means[0], n_first
        covariance = rows.covariance
        first = slice(None, n_first), slice(n_first, None)
        self.roots = [
            np.linalg.cholesky(part)
            for part in (covariance, *(covariance[part, part] for part in first))
        ]

    def log_density(self, Z):
        """Log density (n,) of rows Z (n, d)."""
        return _log_normal(Z - self.mean, self.roots[0])

    def log_ratio(self, Z):
        """Log (n,) of how much likelier the halves of rows are together."""
        away = Z - self.mean
        x, y = away[:, : self.n_first], away[:, self.n_first :]
        joint, *halves = self.roots
        apart = _log_normal(x, halves[0]) + _log_normal(y, halves[1])
        return _log_normal(away, joint) - apart


def unexplained(Z):
    r"""Nats by which rows are farther from normal than their covariance tells, at least.

    The first terms of Edgeworth's expansion of the negentropy [1]_, of white rows,

    .. math:: \frac1{12} \sum_{ij} m_{ij}\, \kappa_{iij}^2
              + \frac1{48} \sum_{ij} m'_{ij}\, \kappa_{iijj}^2,

    each counted as often as its indices can be ordered (m = 1 or 3, m' = 1 or 3), less what
    noise adds to squares.

    Parameters
    ----------
    Z : ndarray of shape (n, d)

    Returns
    -------
    nats : float
        About 0 for normal rows; for others no more than their negentropy, roughly.

    References
    ----------
    .. [1] Comon (1994), Independent component analysis, a new concept?, Signal Processing 36(3),
       theorem 14; McCullagh (1987), Tensor methods in statistics, section 5.
    """
    Z = Z[:MAX_ROWS] - Z[:MAX_ROWS].mean(axis=0)
    n, d = Z.shape
    root = np.linalg.cholesky(Z.T @ Z / n + 1e-12 * np.eye(d))
    u = solve_triangular(root, Z.T, lower=True).T
    squares, orders = u**2, 3.0 - 2.0 * np.eye(d)
    total = 0.0
    for factors, share, expected in ((u, 12, 0.0), (squares, 48, 2.0 * np.eye(d))):
        away = factors - factors.mean(axis=0)
        mean = squares.T @ away / n
        noise = (squares**2).T @ away**2 / n - mean**2
        total += (orders * ((mean - expected) ** 2 - noise / n)).sum() / share
    return float(total)


def _log_normal(away, root):
    squares = (solve_triangular(root, away.T, lower=True) ** 2).sum(axis=0)
    return -0.5 * (squares + len(root) * LOG_2PI) - np.log(np.diag(root)).sum()
