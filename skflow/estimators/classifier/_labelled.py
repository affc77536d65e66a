"""Rows with their classes, and where all class densities start: means and a common covariance."""

from functools import cached_property

import numpy as np

__all__ = ["LabelledRows"]

# Rows of the columns' own variances that the common covariance is fitted with: where no class has
# two rows there is nothing else.
OWN_ROWS = 1e-3
FLOOR = 1e-9  # of the common covariance, in the units of z


class LabelledRows:
    """Rows behind the shared preprocessing, with their classes and weights.

    Parameters
    ----------
    z : ndarray of shape (n, d)
    code : ndarray of shape (n,)
        The class of each row, 0 to n_classes - 1; each has a row.
    weight : ndarray of shape (n,)
        Positive, with mean 1.
    n_classes : int
    """

    def __init__(self, z, code, weight, n_classes):
        self.z, self.code, self.weight, self.n_classes = z, code, weight, n_classes

    def __len__(self):
        return len(self.z)

    def some(self, which):
        """Those of the rows that ``which`` selects, at their weights."""
        return LabelledRows(self.z[which], self.code[which], self.weight[which], self.n_classes)

    def of_class(self, c):
        """Rows (m, d) of a class, and their weights (m,)."""
        own = self.code == c
        return self.z[own], self.weight[own]

    @cached_property
    def counts(self):
        """Weight of each class, (n_classes,), in rows."""
        return np.bincount(self.code, self.weight, minlength=self.n_classes)

    @cached_property
    def means(self):
        """Mean of each class, (n_classes, d)."""
        sums = np.zeros((self.n_classes, self.z.shape[1]))
        np.add.at(sums, self.code, self.weight[:, None] * self.z)
        return sums / self.counts[:, None]

    @cached_property
    def residuals(self):
        """Rows (n, d) less the mean of their class, times the root of their weight."""
        return np.sqrt(self.weight)[:, None] * (self.z - self.means[self.code])

    @cached_property
    def spread(self):
        """Mean and variance of each column, (d,) each, whatever the class."""
        mean = np.average(self.z, axis=0, weights=self.weight)
        return mean, np.average((self.z - mean) ** 2, axis=0, weights=self.weight) + FLOOR

    @cached_property
    def covariance(self):
        r"""Covariance within the classes (d, d), drawn to its diagonal as far as it is noise.

        .. math::
            \hat\Sigma = (1 - a) S + a \operatorname{diag} S, \qquad
            a = \frac{\sum_{i \ne j} \widehat{\operatorname{var}}(S_{ij})}
                     {\sum_{i \ne j} S_{ij}^2}

        References
        ----------
        Schaefer & Strimmer (2005), A shrinkage approach to large-scale covariance matrix
        estimation, Statistical Applications in Genetics and Molecular Biology 4(1), table 2,
        target D.
        """
        r, n = self.residuals, self.weight.sum()
        free = max(n - self.n_classes, 0) + OWN_ROWS
        pooled = (r.T @ r + OWN_ROWS * np.diag(self.spread[1])) / free
        off = ~np.eye(len(pooled), dtype=bool)
        squares = (r**2).T @ (r**2) / n - (r.T @ r / n) ** 2
        signal = (pooled[off] ** 2).sum()
        share = min(1.0, squares[off].clip(0).sum() / free / signal) if signal > 0 else 0.0
        pooled[off] *= 1 - share
        return pooled + FLOOR * np.eye(len(pooled))

    @cached_property
    def root(self):
        """Cholesky factor (d, d) of the covariance within the classes."""
        return np.linalg.cholesky(self.covariance)
