"""Rounds of simulations where the posterior of one observation is."""

from dataclasses import dataclass, replace

import numpy as np

from skflow._persistence import stored
from skflow.estimators.simulation._pool import FEWEST_DRAWS, Asked, PosteriorPool
from skflow.estimators.simulation._reading import without_failures_of
from skflow.sampling import Ends, tempered

__all__ = ["PosteriorRegion", "refined"]

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
    regions = [*estimator._regions, _region_of(estimator._pool, asked, rng)]
    theta, x = _simulated(estimator, simulator, _drawn_within(regions, n, rng))
    known, seen = estimator._simulations
    theta, x = np.concatenate([known, theta]), np.concatenate([seen, x])
    estimator._simulations, estimator._regions = (theta, x), regions
    estimator._learn_from(theta, estimator._reader.asked(x), rng, _within(regions, theta))


@stored
@dataclass(frozen=True)
class PosteriorRegion:
    """Where the posterior given one observation is above a border.

    Attributes
    ----------
    pool : PosteriorPool
    asked : Asked
    border : float
    """

    pool: PosteriorPool
    asked: Asked
    border: float

    def height(self, theta):
        """Log density (n,) of rows (n, d), not normalised."""
        return self.pool.log_density(theta, self.asked, np.zeros(len(theta), int))


def _region_of(pool, asked, rng):
    """Return the region that nearly all draws of a posterior lie in."""
    whole = PosteriorRegion(pool, asked, -np.inf)
    heights = whole.height(pool.sample(asked, BORDER_DRAWS, rng)[0])
    return replace(whole, border=np.quantile(heights, LEFT_OUT) - BEYOND)


def _within(regions, theta):
    """Whether each row (n, d) lies in all regions: elsewhere simulations are fewer than usual."""
    return np.all([region.height(theta) >= region.border for region in regions], axis=0)


def _drawn_within(regions, n, rng):
    """Draw rows (n, d) from the prior cut to all regions."""
    last = regions[-1]
    log_prior = last.pool.prior.log_density

    def cut(theta, _):
        return np.where(_within(regions, theta), log_prior(theta), -np.inf)

    start = last.pool.sample(last.asked, BORDER_DRAWS, rng)
    ends = Ends(lambda theta, _: last.height(theta), cut)
    return tempered(ends, start, max(n, FEWEST_DRAWS), rng).theta[0, :n]


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
