"""Far tables bridged by waymarks between them, whose ratios are each easy to learn."""

import numpy as np

from skflow.estimators.classifier._labelled import LabelledRows
from skflow.estimators.ratio._odds import LinearOdds

__all__ = ["Telescope"]

N_BRIDGES = 12
MAX_ROWS = 5_000  # of each table


class Telescope:
    r"""The log ratio as a sum of log ratios of neighbouring waymarks [1]_.

    Rows of both tables are paired at random, and waymark k is at

    .. math:: z_k = \sqrt{1 - a_k^2}\; z_0 + a_k z_1, \qquad a_k = \sin\frac{\pi k}{2 m},

    from the numerator at k = 0 to the denominator at k = m. Where these are so far apart that any
    classifier tells them without error, the m ratios :math:`p_{k-1} / p_k` are still learnt from
    rows that overlap, each by a logistic regression on columns and their products.

    References
    ----------
    .. [1] Rhodes, Xu & Gutmann (2020), Telescoping density-ratio estimation, arXiv:2006.12204,
       section 3.
    """

    def fit(self, rows, rng):
        """Fit to LabelledRows."""
        tables = [rows.of_class(c)[0] for c in (0, 1)]
        n = min(max(map(len, tables)), MAX_ROWS)
        denominator, numerator = (_some(z, n, rng) for z in tables)
        angles = np.linspace(0, np.pi / 2, N_BRIDGES + 1)
        marks = [np.cos(t) * numerator + np.sin(t) * denominator for t in angles]
        self.bridges = []
        for nearer, farther in zip(marks[:-1], marks[1:], strict=True):
            z, code = np.concatenate([farther, nearer]), np.repeat([0, 1], n)
            both = LabelledRows(z, code, np.ones(2 * n), 2)
            self.bridges.append(LinearOdds(products=True).fit(both))
        return self

    def log_density(self, z):
        """Log ratio of rows z (n, d), as a pair (n, 2)."""
        return sum(bridge.log_density(z) for bridge in self.bridges)


def _some(z, n, rng):
    """Draw n rows; all of them before any a second time."""
    return z[np.concatenate([rng.permutation(len(z)) for _ in range(-(-n // len(z)))])[:n]]
