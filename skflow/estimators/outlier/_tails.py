"""How far out a row lies in single columns: of those whose tails are long."""

from dataclasses import dataclass, replace

import numpy as np

from skflow._persistence import stored

__all__ = ["LongTails"]

# Excess kurtosis of a Laplace distribution. Columns beyond it count by both of their tails.
HEAVY = 3.0
# Standard errors of a normal column's skewness, and what the longer tail of columns beyond counts.
SURELY_SKEWED, OF_SKEWED = 2.0, 1 / 3
TINY = np.finfo(np.float64).tiny


@stored
@dataclass(frozen=True)
class LongTails:
    r"""Logarithms of tail probabilities of single columns, summed over those with long tails.

    .. math::
        t(x) = \frac{1}{\sqrt c} \Big( \sum_{j\ \text{heavy}} \log \min(1, 2 l_j, 2 r_j)
            + \tfrac13 \sum_{j\ \text{skewed}} \log (r_j\ \text{or}\ l_j) \Big), \quad
        l_j = \frac{1 + \#\{i: x_{ij} \le x_j\}}{1 + n}, \quad
        r_j = \frac{1 + \#\{i: x_{ij} \ge x_j\}}{1 + n}

    Heavy columns have an excess kurtosis above that of a Laplace distribution, 3. Skewed ones are
    the others whose skewness is beyond two standard errors, :math:`2 \sqrt{6 / n}`: their upper
    tail counts if it is positive and else the lower, as in ECOD [1]_, which sums over all columns.
    Where columns go together the variance of the sum is c times what it is of independent columns
    (the scale c of [2]_, whose test divides by c itself), and divided by its root the sum varies
    as if they were.

    A density of all columns does not do these justice: one value far out in a heavy column
    outweighs all others, while here each counts by its rank; and where tails are short, ranks tell
    nothing that the density does not know.

    Attributes
    ----------
    columns : ndarray of shape (n_long,)
        Numbers of the columns that count.
    values : ndarray of shape (n, n_long)
        Theirs, each in ascending order.
    share : ndarray of shape (n + 1, n_long)
        Of the weight, before each of the values, and 1.
    side : ndarray of shape (n_long,)
        0 for both tails, -1 for the lower and 1 for the upper.
    size : float
        The n above, the effective size where rows have weights.
    scale : float
        One over the root of the c above, at most 1.

    References
    ----------
    .. [1] Li, Zhao, Hu, Botta, Ionescu & Chen (2022), ECOD: Unsupervised outlier detection using
       empirical cumulative distribution functions, IEEE Transactions on Knowledge and Data
       Engineering, arXiv:2201.00382.
    .. [2] Brown (1975), A method for combining non-independent, one-sided tests of significance,
       Biometrics 31(4).
    """

    columns: np.ndarray
    values: np.ndarray
    share: np.ndarray
    side: np.ndarray
    size: float
    scale: float = 1.0

    @classmethod
    def of(cls, z, weight, constant):
        """Find the columns of rows z (n, d) with long tails, but for those that are constant.

        Parameters
        ----------
        z : ndarray of shape (n, d)
        weight : ndarray of shape (n,)
            With sum 1.
        constant : ndarray of shape (d,), bool
        """
        size = 1 / float(weight @ weight)
        skewness, kurtosis = _moments(z, weight)
        heavy = (kurtosis > HEAVY) & ~constant
        skewed = (np.abs(skewness) > SURELY_SKEWED * np.sqrt(6 / size)) & ~constant
        columns = np.flatnonzero(heavy | skewed)
        side = np.where(heavy, 0, np.sign(skewness))[columns].astype(np.int64)
        order = np.argsort(z[:, columns], axis=0, kind="stable")
        share = np.zeros((len(z) + 1, len(columns)))
        share[1:] = weight[order].cumsum(axis=0)
        share[-1] = 1.0
        values = np.take_along_axis(z[:, columns], order, axis=0)
        tails = cls(columns, values, share, side, size)
        terms = list(tails._log_p_of_columns(z))
        return replace(tails, scale=_one_over_root_of_inflation(terms, weight))

    def log_p(self, z):
        """Return t (m,) of rows z (m, d)."""
        return self.scale * sum(self._log_p_of_columns(z), np.zeros(len(z)))

    def _log_p_of_columns(self, z):
        """Yield each term (m,) of the sum."""
        for k, (column, side) in enumerate(zip(self.columns, self.side, strict=True)):
            low, high = self._tails(z[:, column], k)
            if side == 0:
                yield np.log(np.minimum(1, 2 * np.minimum(low, high)))
            else:
                yield OF_SKEWED * np.log(high if side > 0 else low)

    def _tails(self, x, k):
        """Probabilities (m,) of as low values, and of as high ones, in the k-th of the columns."""
        values, share = self.values[:, k], self.share[:, k]
        low = share[np.searchsorted(values, x, side="right")]
        high = 1 - share[np.searchsorted(values, x, side="left")]
        return [(1 + self.size * part) / (1 + self.size) for part in (low, high)]


def _one_over_root_of_inflation(terms, weight):
    """Find by what a sum of terms (n,) is to be multiplied to vary no more than independent ones.

    The share of its variance in theirs has the expectation 1 if they are independent.
    """
    apart = sum((_variance(term, weight) for term in terms), 0.0)
    together = _variance(sum(terms, np.zeros(len(weight))), weight)
    return float(np.sqrt(apart / together)) if together > apart else 1.0


def _variance(values, weight):
    return float(weight @ (values - weight @ values) ** 2)


def _moments(z, weight):
    """Skewness and excess kurtosis of each column (d,), 0 where all values are equal."""
    differ = z.min(axis=0) < z.max(axis=0)
    centred = np.where(differ, z - weight @ z, 0.0)
    centred /= np.abs(centred).max(axis=0, where=differ, initial=TINY)  # so that powers are finite
    variance = np.where(differ, weight @ centred**2, 1.0)
    skewness = weight @ centred**3 / variance**1.5
    kurtosis = weight @ centred**4 / variance**2 - 3
    return np.where(differ, [skewness, kurtosis], 0.0)
