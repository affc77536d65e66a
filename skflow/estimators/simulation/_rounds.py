"""Rounds of simulations where the posterior of one observation is."""

import numpy as np

from skflow.estimators.simulation._reading import without_failures_of
from skflow.estimators.simulation._tempering import Ends, tempered

__all__ = ["refined"]

LEFT_OUT = 1e-3  # of the posterior's draws, that may lie outside of the region
BORDER_DRAWS = 4_096  # that say where its border is
BEYOND = 1.0  # nats below that, since a posterior that is to be refined may be too sharp


def refined(estimator, simulator, asked, n, rng):
    """Simulate within the region of the posterior, and fit a draft to all that is known of it.

    Parameters
    ----------
    estimator : SimulationPosterior
        A draft of a fitted one.
    simulator : callable
    asked : Asked
        One observation.
    n : int
        Simulations.
    rng : RandomState
    """
    if estimator.prior_ is None:
        raise ValueError("refine draws parameters from the prior: fit with one.")
    if len(asked) != 1:
        raise ValueError(f"refine is for one observation, x_o holds {len(asked)}.")
    region = _Region(estimator._pool, asked, estimator._regions, rng)
    theta, x = _simulated(estimator, simulator, region.draw(n, rng))
    known, seen = estimator._simulations
    theta, x = np.concatenate([known, theta]), np.concatenate([seen, x])
    estimator._simulations = theta, x
    estimator._regions = [*estimator._regions, region]
    given = estimator._reader.asked(x)
    inside = region.holds(theta)
    estimator._learn_from(theta, given, rng, inside)


class _Region:
    """Where the posterior is above a border, which nearly all of its draws are.

    It lies within all regions before it: elsewhere simulations are fewer than the prior has.
    """

    def __init__(self, pool, asked, earlier, rng):
        self.pool, self.asked, self.earlier = pool, asked, earlier
        self.draws = pool.sample(asked, BORDER_DRAWS, rng)
        values = self._log_density(self.draws[0])
        self.border = np.quantile(values, LEFT_OUT) - BEYOND

    def _log_density(self, theta):
        return self.pool.log_density(theta, self.asked, np.zeros(len(theta), int))

    def holds(self, theta):
        """Whether each row (n, d) lies within."""
        within = self.is_above(theta)
        for region in self.earlier:
            within &= region.is_above(theta)
        return within

    def is_above(self, theta):
        """Whether the posterior of this round alone is above its border."""
        return self._log_density(theta) >= self.border

    def draw(self, n, rng):
        """Draw rows (n, d) from the prior cut to the region."""
        prior = self.pool.prior
        log_prior = prior.log_density

        def cut(theta, _):
            return np.where(self.holds(theta), log_prior(theta), -np.inf)

        ends = Ends(lambda theta, _: self._log_density(theta), cut)
        found = tempered(ends, self.draws, max(n, BORDER_DRAWS // 4), rng)
        return found.theta[0, :n]


def _simulated(estimator, simulator, theta):
    """Return parameters and observations (n, r, k) of a simulator."""
    x = np.asarray(simulator(theta), dtype=np.float64)
    wanted = estimator._reader.shape
    if x.shape != (len(theta), *wanted):
        raise ValueError(
            f"simulator made {x.shape} of {len(theta)} parameters; the simulations of the fit had "
            f"shape (n, {', '.join(map(str, wanted))})."
        )
    return without_failures_of(theta, estimator._reader.with_axes(x))
