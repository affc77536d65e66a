"""Gaussian mixtures of the classes, in common coordinates."""

import numpy as np
from scipy.linalg import solve_triangular
from scipy.special import logsumexp

from skflow._persistence import stored
from skflow.sampling._normals import LOG_2PI

__all__ = ["ClassMixtures"]

ROWS_A_COMPONENT = 10
MAX_ROWS = 4_000  # that EM sees of a class


@stored
class ClassMixtures:
    """A Gaussian mixture for each class, of the size that the Bayesian criterion prefers.

    Rows are first made white by the covariance within the classes, so that the variance that EM
    adds is a share of what is usual in each direction. A class of few rows gets more of it: with
    a single row it has the covariance of the others. See McLachlan & Peel (2000), section 6.9.

    Parameters
    ----------
    floor : float
        That share.
    sizes : sequence of int
        Numbers of components that are tried, from few to many, until one is worse than the last.
    kinds : sequence of {"full", "diag"}
    """

    def __init__(self, floor, sizes, kinds):
        self.floor, self.sizes, self.kinds = floor, sizes, kinds

    def fit(self, rows, rng):
        """Fit to LabelledRows; rng draws the starts of EM."""
        self.root = rows.root
        white, seed = self._white(rows.z), int(rng.integers(2**31))
        self.parts = []
        for c in range(rows.n_classes):
            own = rows.code == c
            self.parts.append(self._best(white[own], rows.weight[own], seed))
        return self

    def log_density(self, z):
        """Log density (n, n_classes) of rows z (n, d) in each class."""
        white, level = self._white(z), np.log(np.diag(self.root)).sum()
        return np.column_stack([_log_mixture(white, *part) for part in self.parts]) - level

    def _white(self, z):
        return solve_triangular(self.root, z.T, lower=True).T

    def _best(self, z, weight, seed):
        from skflow.bases._em import fit_mixture

        n, d = z.shape
        floor = self.floor if n > 2 * d else max(self.floor, 1 / n)
        best = np.inf, None
        for kind in self.kinds:
            last = np.inf
            for size in self.sizes:
                if size > 1 and n < ROWS_A_COMPONENT * size:
                    break
                part = fit_mixture(
                    z,
                    weight,
                    n_components=size,
                    covariance_type=kind,
                    reg_covar=floor,
                    tol=1e-2,
                    max_rows=MAX_ROWS,
                    random_state=seed,
                )
                of_one = 2 * d if kind == "diag" else d + d * (d + 1) / 2
                numbers = size * (of_one + 1) - 1
                score = numbers * np.log(n) - 2 * weight @ _log_mixture(z, *part)
                best = min(best, (score, part), key=lambda pair: pair[0])
                if score > last:  # more are worse still
                    break
                last = score
        return best[1]


def _log_mixture(z, weights, means, factors):
    joint = []
    for mean, factor in zip(means, factors, strict=True):
        square = (((z - mean) @ factor) ** 2).sum(axis=1)
        joint.append(np.log(np.diag(factor)).sum() - 0.5 * (square + z.shape[1] * LOG_2PI))
    return logsumexp(np.column_stack(joint), b=weights, axis=1)
