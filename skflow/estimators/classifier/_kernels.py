"""Kernel densities of the classes: joint ones of one common shape, and products over columns."""

import numpy as np
from scipy.linalg import solve_triangular
from scipy.special import logsumexp

from skflow._persistence import stored
from skflow.estimators.classifier._gaussians import ClassGaussians
from skflow.sampling._normals import LOG_2PI

__all__ = ["ClassKernels", "NaiveKernels"]

MAX_KERNELS, MAX_JUDGES = 5_000, 1_000  # rows that are kernels, and that choose their size
MAX_CENTRES = 256  # of a class in one column
MAX_STEPS, TOLERANCE = 60, 1e-3
NARROWEST = 1e-4  # variance of a kernel beside that within the classes
BLOCK_ENTRIES = 2**22
SILVERMAN = 1.06


@stored
class ClassKernels:
    r"""Gaussian kernels on the rows of each class, alike for all classes, before a Gaussian.

    .. math::
        p(z \mid c) = (1 - b_c) \sum_{i \in c} w_i\, N(z; z_i, h^2 \hat\Sigma)
        + b_c\, N(z; \mu_c, \Sigma_c), \qquad b_c = \frac{1}{n_c + 1}

    with the covariance within the classes for a shape, or its diagonal, and the h that makes rows
    likeliest by the other rows of their class (Leiva-Murillo & Artes-Rodriguez 2012, section 3).

    Parameters
    ----------
    diagonal : bool
    """

    def __init__(self, *, diagonal=False):
        self.diagonal = diagonal

    def fit(self, rows, rng):
        """Fit to LabelledRows; rng draws those that are kernels, if there are many."""
        self.behind = ClassGaussians(1.0).fit(rows)
        self.n_classes = rows.n_classes
        self.share_behind = 1 / (rows.counts + 1)
        root = rows.root
        self.root = np.diag(np.sqrt(np.diag(rows.covariance))) if self.diagonal else root
        kept = _some(len(rows), MAX_KERNELS, rng, rows.code)
        self.points, self.code = self._scaled(rows.z[kept]), rows.code[kept]
        weight = rows.weight[kept]
        self.log_weight = np.log(weight / np.bincount(self.code, weight)[self.code])
        self.log_size = 0.5 * np.log(self._square_size(weight, rng))
        return self

    def log_density(self, z):
        """Log density (n, n_classes) of rows z (n, d) in each class."""
        d = z.shape[1]
        level = -np.log(np.diag(self.root)).sum() - d * (self.log_size + 0.5 * LOG_2PI)
        behind = self.behind.log_density(z) + np.log(self.share_behind)
        size = max(1, BLOCK_ENTRIES // len(self.points))
        for start in range(0, len(z), size):
            some = slice(start, start + size)
            squares = _squares(self._scaled(z[some]), self.points)
            joint = self.log_weight - 0.5 * np.exp(-2 * self.log_size) * squares
            for c in range(self.n_classes):
                near = logsumexp(joint[:, self.code == c], axis=1) + level
                near += np.log1p(-self.share_behind[c])
                behind[some, c] = np.logaddexp(near, behind[some, c])
        return behind

    def _scaled(self, z):
        return solve_triangular(self.root, z.T, lower=True).T

    def _square_size(self, weight, rng):
        """Find the square of h by EM; 1 where every class has a single row."""
        judges = _some(len(self.points), MAX_JUDGES, rng, self.code)
        squares = _squares(self.points[judges], self.points)
        others = self.code[judges][:, None] == self.code
        others[np.arange(len(judges)), judges] = False
        told = others.any(axis=1)
        if not told.any():
            return 1.0
        squares, share = squares[told], weight[judges][told] / weight[judges][told].sum()
        masked = np.where(others[told], self.log_weight, -np.inf)
        size = 1.0
        for _ in range(MAX_STEPS):
            joint = masked - 0.5 * squares / size
            joint = np.exp(joint - joint.max(axis=1, keepdims=True))
            mean = (joint * squares).sum(axis=1) / joint.sum(axis=1)
            before, size = size, max(share @ mean / self.points.shape[1], NARROWEST)
            if abs(np.log(size / before)) < TOLERANCE:
                break
        return size


@stored
class NaiveKernels:
    """Products over the columns of kernel densities, one a class and column (John & Langley 1995).

    Bandwidths are Silverman's, of the deviations within the classes. A normal distribution of all
    rows, worth one of the class, stands behind each column.
    """

    def fit(self, rows, rng=None):
        """Fit to LabelledRows."""
        width = SILVERMAN * np.sqrt(np.diag(rows.covariance))
        self.widths = width * rows.counts[:, None] ** -0.2
        self.share_behind = 1 / (rows.counts + 1)
        self.mean, variance = rows.spread
        self.deviation = np.sqrt(variance)
        self.centres, self.log_weights = [], []
        for c in range(rows.n_classes):
            z, weight = rows.of_class(c)
            if len(z) > MAX_CENTRES:
                levels = (np.arange(MAX_CENTRES) + 0.5) / MAX_CENTRES
                z = np.column_stack([_quantiles(column, weight, levels) for column in z.T])
                weight = np.ones(MAX_CENTRES)
            self.centres.append(z)
            self.log_weights.append(np.log(weight / weight.sum()))
        return self

    def log_density(self, z):
        """Log density (n, n_classes) of rows z (n, d) in each class."""
        size = max(1, BLOCK_ENTRIES // max(map(len, self.centres)))
        blocks = [z[start : start + size] for start in range(0, len(z), size)]
        return np.concatenate([self._of_block(block) for block in blocks or [z]])

    def _of_block(self, z):
        away = ((z - self.mean) / self.deviation) ** 2
        behind = -0.5 * (away + LOG_2PI) - np.log(self.deviation)
        return np.column_stack([self._of_class(c, z, behind) for c in range(len(self.centres))])

    def _of_class(self, c, z, behind):
        share, total = self.share_behind[c], np.zeros(len(z))
        for j, width in enumerate(self.widths[c]):
            u = (z[:, j, None] - self.centres[c][:, j]) / width
            near = logsumexp(self.log_weights[c] - 0.5 * u**2, axis=1)
            near += np.log1p(-share) - np.log(width) - 0.5 * LOG_2PI
            total += np.logaddexp(near, behind[:, j] + np.log(share))
        return total


def _some(n, most, rng, code):
    """Numbers of at most so many rows, at random, one of each class among them at least."""
    if n <= most:
        return np.arange(n)
    order = rng.permutation(n)
    first = order[np.unique(code[order], return_index=True)[1]]
    rest = order[~np.isin(order, first)]
    return np.sort(np.concatenate([first, rest[: max(0, most - len(first))]]))


def _squares(a, b):
    """Squared distances (n, m)."""
    squares = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1)
    return np.maximum(squares - 2 * a @ b.T, 0)


def _quantiles(values, weight, levels):
    order = np.argsort(values)
    below = weight[order].cumsum() - 0.5 * weight[order]
    return np.interp(levels * weight.sum(), below, values[order])
