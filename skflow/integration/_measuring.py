"""The mean of weights over replicates of points that fill the cube evenly."""

import numpy as np
from scipy.stats import norm, qmc, t

__all__ = ["MOST_KEPT", "REPLICATES", "Measurement"]

REPLICATES = 32
BLOCK = 2**15  # rows that are asked for at once
MOST_KEPT = 200_000  # rows of a round that are given back
HALF_BIN = 2.0**-31  # of the integers that points are made of, so that none is zero


class Measurement:
    r"""An integral by one proposal, from independent scrambles of Sobol' points.

    Each replicate is a mean :math:`\frac1n \sum_i f(u_i) / q(u_i)`, and unbiased; the estimate is
    the mean of all, and they differ as much as it errs [1]_. The error is the half width of the
    interval of Student's t that holds 68.3 %.

    Parameters
    ----------
    proposal : Channels
    d : int
    rng : RandomState

    Attributes
    ----------
    n : int
        Rows so far.

    References
    ----------
    .. [1] Owen (1997), Scrambled net variance for integrals of smooth functions, Annals of
       Statistics 25(4).
    """

    def __init__(self, proposal, d, rng):
        self.proposal = proposal
        seeds = rng.randint(np.iinfo(np.int32).max, size=REPLICATES)
        self.engines = [qmc.Sobol(d + 1, rng=int(seed)) for seed in seeds]
        self.n, self.sums, self.before = 0, 0.0, None

    def points(self, n_each):
        """Next uniform rows (REPLICATES * n_each, d + 1), one replicate after another."""
        # scipy warns of beginnings that are no power of two, which these are in the end, too
        begun = 2 ** int(np.log2(n_each))
        parts = [
            np.concatenate([engine.random(begun), engine.random(n_each - begun)])
            for engine in self.engines
        ]
        return np.concatenate(parts) + HALF_BIN

    def extend(self, integrand, n_each):
        """Ask for more rows, in blocks, of which each replicate has its part.

        Returns
        -------
        u : ndarray of shape (n, d)
            Of the first blocks, as many as hold 200,000 rows: a long round is not kept.
        values : ndarray of shape (n, k)
        log_q : ndarray of shape (n,)
        estimate, error : ndarray of shape (k,)
            Of all these rows and of no others.
        """
        kept, n_kept, sums = [], 0, 0.0
        for n_block in _parts(n_each, BLOCK // REPLICATES):
            u = self.proposal.draw(self.points(n_block))
            values, log_q = integrand(u), self.proposal.log_density(u)
            weights = values * np.exp(-log_q)[:, None]
            sums = sums + weights.reshape(REPLICATES, n_block, -1).sum(axis=1)
            if n_kept < MOST_KEPT:
                kept.append((u, values, log_q))
                n_kept += len(u)
        self.before = self.result()[1] ** 2 * self.n if self.n else None
        self.n += REPLICATES * n_each
        self.sums = self.sums + sums
        rows = [np.concatenate(part) for part in zip(*kept, strict=True)]
        return *rows, *_mean_and_error(sums / n_each)

    def result(self):
        """Estimate and error, (k,) each, of all rows so far.

        One error that is small by chance would end the calls too early. So its square is averaged
        with that of the look before, as random points would carry it on.
        """
        estimate, error = _mean_and_error(self.sums * REPLICATES / self.n)
        if self.before is not None:
            error = np.sqrt((error**2 + self.before / self.n) / 2)
        return estimate, error


def _parts(n, most):
    """Sizes of at most ``most`` that add up to n."""
    return [min(most, n - done) for done in range(0, n, most)]


def _mean_and_error(means):
    factor = t.ppf(norm.cdf(1), REPLICATES - 1)
    return means.mean(axis=0), factor * means.std(axis=0, ddof=1) / REPLICATES**0.5
