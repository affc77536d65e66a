"""Where exploration begins: everywhere, or where the user says."""

import numpy as np
from scipy.special import log_expit, logsumexp

from skflow.estimators.simulation._prior import read_prior
from skflow.sampling._normals import LOG_2PI

__all__ = ["read_start"]

SPREADS = np.array([1.0, 3.0, 10.0, 30.0])  # of unbounded columns, one for all columns of a row
LOG_SPREAD = 3.0  # of logarithms of columns with one bound


def read_start(start, space, names):
    """Return the density of unbounded rows that exploration draws from first."""
    if start is None:
        return Wide(space.low, space.high)
    try:
        law = read_prior(start, len(space.low), names)
    except (TypeError, ValueError) as error:
        error.add_note("It was given as start=.")
        raise
    return Given(law, space)


class Wide:
    r"""Independent of the target: no column is far out of reach.

    Unbounded columns are normal with a deviation of 1, 3, 10 or 30, common to a row; columns with
    two bounds are uniform between them, and the logarithm of the distance to a single bound is
    normal with deviation 3.
    """

    def __init__(self, low, high):
        self.free = ~np.isfinite(low) & ~np.isfinite(high)
        self.between = np.isfinite(low) & np.isfinite(high)

    def draw(self, n, rng):
        """Draw rows (n, d) with a numpy RandomState."""
        rows = LOG_SPREAD * rng.standard_normal((n, len(self.free)))
        rows[:, self.free] *= rng.choice(SPREADS, n)[:, None] / LOG_SPREAD
        rows[:, self.between] = rng.logistic(size=(n, int(self.between.sum())))
        return rows

    def log_density(self, u):
        """Log densities (n,) of rows u (n, d)."""
        return self._of_free(u[:, self.free]) + self._of_bounded(u)

    def log_base(self, u):
        """Return where powers begin: falling with the radius r of k free columns as r^(2 - k).

        The density itself falls as r^-k: as much mass is between 1 and 3 as is between 10 and 30,
        where there may be far more modes. In the base each radius counts as it does in a plane.
        """
        k = max(int(self.free.sum()), 1)
        return max(0, k - 2) / k * self._of_free(u[:, self.free]) + self._of_bounded(u)

    def _of_free(self, u):
        k = u.shape[1]
        square = (u**2).sum(axis=1)[:, None]
        parts = -0.5 * square / SPREADS**2 - k * np.log(SPREADS) - 0.5 * k * LOG_2PI
        return logsumexp(parts, axis=1) - np.log(len(SPREADS))

    def _of_bounded(self, u):
        between, beyond = u[:, self.between], u[:, ~self.between & ~self.free]
        uniform = (log_expit(between) + log_expit(-between)).sum(axis=1)
        normal = -0.5 * ((beyond / LOG_SPREAD) ** 2 + LOG_2PI) - np.log(LOG_SPREAD)
        return uniform + normal.sum(axis=1)


class Given:
    """A density of bounded rows, such as a prior, as one of unbounded rows."""

    def __init__(self, law, space):
        self.law, self.space = law, space

    def draw(self, n, rng):
        """Draw rows (n, d) with a numpy RandomState."""
        u, log_det = self.space.unbounded(self.law.draw(n, rng))
        if not np.isfinite(log_det).all():
            raise ValueError(
                f"{(~np.isfinite(log_det)).mean():.0%} of the draws of start lie outside the "
                "declared support: the two must agree."
            )
        return u

    def log_density(self, u):
        """Log densities (n,) of rows u (n, d)."""
        x = self.space.rows(u)
        return self.law.log_density(x) - self.space.unbounded(x)[1]

    log_base = log_density
