"""Where a fit starts: the best Gaussian along several ways uphill, or one for each mode."""

from dataclasses import dataclass

import numpy as np

from skflow._clock import left_out, time_is_up
from skflow.variational._gaussian import (
    Gaussian,
    confined_bounds,
    elbos,
    laplace,
    mixture_log_density,
    moments_of_mixture,
)
from skflow.variational._search import CUT_SHORT, Density, ascend

__all__ = ["Mode", "Start", "find_start"]

SPREADS = (0.0, 1.0, 3.0, 10.0)  # of random starts around the origin
N_PROBES = 8  # further points at which a density is looked at
N_WAVES = 3  # of ascents; those after the first start where the ones before have led
FAR = 3.0  # of later starts, in standard deviations of the best Gaussian so far
FAR_AMONG_MODES = 1.5  # or of all modes together
N_WAYS = 16  # ascents along which Gaussians are tried
N_STOPS = 10  # places along each, closest at its beginning: later there may be only a spike
N_NOISE = 200  # draws that compare Gaussians
MAX_POLISH = 8  # Newton steps from the end of an ascent
AT_MODE = 1e-3  # length of the Newton step at a mode, in standard deviations
SAME_MODE = 1.0  # modes nearer than this many standard deviations are one
# nats that Laplace's approximations, not yet refined, may lose to the best Gaussian: a mode that
# is left out now will not be found later
ALLOWANCE = 3.0
MIN_SHARE = 1e-4  # of the mass, of a mode that takes part


@dataclass(frozen=True)
class Mode:
    """A local maximum that the search found.

    Attributes
    ----------
    gaussian : Gaussian
        The Laplace approximation there; its mean is the mode.
    log_density : float
    """

    gaussian: Gaussian
    log_density: float

    @property
    def log_mass(self):
        """Log of the integral over the mode, by Laplace's approximation."""
        d = len(self.gaussian.mean)
        return self.log_density + self.gaussian.log_volume + 0.5 * d * np.log(2 * np.pi)


@dataclass(frozen=True)
class Start:
    """A mixture of Gaussians, mostly of one, to start a fit from.

    Attributes
    ----------
    gaussians : list of Gaussian
    weights : ndarray of shape (k,)
    best : Gaussian
        The best single one.
    elbo : float
        Of the mixture, an estimate in nats.
    modes : list of Mode
        All that were found, the one with most mass first.
    """

    gaussians: list
    weights: np.ndarray
    best: Gaussian
    elbo: float
    modes: list

    @property
    def whole(self):
        """The Gaussian of the mean and the covariance of the mixture."""
        return moments_of_mixture(self.gaussians, self.weights)


def find_start(log_density, n_features, rng, n_starts):
    """Search a log density of torch rows (n, d) for the best mixture of Gaussians to start from.

    Ascents start at random points around the origin, then around what these have found. Gaussians
    of slope and curvature are tried all along the ways, since a hierarchical posterior may have
    no mode, or one far from its mass (Zhang, Carpenter, Gelman & Vehtari 2022, Pathfinder,
    arXiv:2108.03782). If several modes are found, the mixture of their Laplace
    approximations is taken unless the best single Gaussian is better.

    Returns
    -------
    Start

    Raises
    ------
    ValueError
        If the density is finite at no start, is constant, or has no gradient.
    """
    density = Density(log_density)
    waves = [len(part) for part in np.array_split(np.arange(n_starts), N_WAVES)]
    spread = np.resize(SPREADS, waves[0])[:, None]
    starts = spread * rng.standard_normal((waves[0], n_features))
    _check_starts(density, np.vstack([starts, rng.standard_normal((N_PROBES, n_features))]))
    search = _Search(density, rng.standard_normal((N_NOISE, n_features)))
    search.explore(starts)
    for n in waves[1:]:
        whole, reach = search.region()
        search.explore(whole.place(reach * rng.standard_normal((n, n_features))))
    if search.elbo == -np.inf:
        hint = " The search was cut short: raise max_seconds." if time_is_up() else ""
        raise ValueError(
            "no Gaussian was found most of whose draws have a finite log density. Declare the "
            f"bounds of the parameters with support={{index: (low, high)}}.{hint}"
        )
    return search.choose()


def _check_starts(density, starts):
    values, gradients = density.values_and_gradients(starts)
    finite = np.isfinite(values)
    if not finite.any():
        raise ValueError(
            f"log_density is not finite at any of {len(starts)} starting points around the "
            f"origin (the first value is {values[0]}). Declare bounds with support={{index: "
            "(low, high)}, and shift or scale parameters that are far from 0."
        )
    if gradients.any():
        return
    if np.ptp(values[finite]) == 0:
        raise ValueError(
            f"log_density is constant ({values[finite][0]:.6g} at all starting points): it has no "
            "normaliser. Declare bounds with support={index: (low, high)} if it is uniform."
        )
    raise ValueError(
        f"the gradient of log_density is zero or not finite at all of {len(starts)} starting "
        "points, though its values differ: look for .detach(), for 0 * inf in branches of where, "
        "and for roots and logs at 0."
    )


class _Search:
    """The best Gaussian and all modes so far."""

    def __init__(self, density, noise):
        self.density, self.noise = density, noise
        d = noise.shape[1]
        self.best = Gaussian(np.zeros(d), np.eye(d))
        self.elbo = elbos(density, [self.best], noise)[0]
        self.modes = []

    def consider(self, gaussians):
        """Keep the Gaussian with the highest ELBO."""
        for part in self.density.parts(gaussians, "values", len(self.noise)):
            values = elbos(self.density, part, self.noise)
            first = int(values.argmax())
            if values[first] > self.elbo:
                self.best, self.elbo = part[first], values[first]

    def explore(self, starts):
        """Climb from starts (n, d); look for modes at the ends, for Gaussians along the ways."""
        if not len(starts):
            return
        if time_is_up():
            left_out(CUT_SHORT)
            return
        ways = ascend(self.density, starts)
        n_known = len(self.modes)
        self._polish(ways[-1])
        stops = np.unique(np.geomspace(1, len(ways), N_STOPS).astype(int)) - 1
        points = np.unique(ways[stops, :N_WAYS].reshape(-1, ways.shape[-1]), axis=0)
        found = [fit.gaussian for fit in laplace(self.density, points) if fit is not None]
        found += [mode.gaussian for mode in self.modes[n_known:]]
        if found:
            self.consider(found)

    def _polish(self, points):
        """Take Newton steps from points (n, d) until they are modes, new or known, or hopeless."""
        for _ in range(MAX_POLISH):
            fits = zip(points, laplace(self.density, points), strict=True)
            rest = []
            for x, fit in fits:
                if fit is None or not fit.concave or self._known(x):
                    continue
                if time_is_up():
                    left_out(CUT_SHORT)
                    return
                if fit.decrement < AT_MODE:
                    value = float(self.density.values(x[None])[0])
                    self.modes.append(Mode(Gaussian(x, fit.gaussian.root), value))
                else:
                    rest.append(fit.gaussian.mean)
            if not rest:
                break
            points = np.array(rest)

    def _known(self, x):
        return any(
            np.linalg.norm(mode.gaussian.whiten(x[None])) < SAME_MODE for mode in self.modes
        )

    def region(self):
        """Where to go on: the spread of all modes, or the best Gaussian; and how far out."""
        if len(self.modes) < 2:
            return self.best, FAR
        gaussians = [mode.gaussian for mode in self.modes]
        equal = np.full(len(gaussians), 1 / len(gaussians))
        return moments_of_mixture(gaussians, equal), FAR_AMONG_MODES

    def choose(self):
        """Return the mixture of all modes of some mass, or the best Gaussian if far better."""
        modes = sorted(self.modes, key=lambda mode: -mode.log_mass)
        kept = [m for m in modes if m.log_mass > modes[0].log_mass + np.log(MIN_SHARE)]
        single = Start([self.best], np.ones(1), self.best, float(self.elbo), modes)
        if len(kept) < 2:
            return single
        if time_is_up():
            left_out("a mixture of the modes found")
            return single
        gaussians = [mode.gaussian for mode in kept]
        weights = np.exp([mode.log_mass - kept[0].log_mass for mode in kept])
        weights /= weights.sum()
        value = self._mixture_elbo(gaussians, weights)
        mixture = Start(gaussians, weights, self.best, value, modes)
        return mixture if value > self.elbo - ALLOWANCE else single

    def _mixture_elbo(self, gaussians, weights):
        gaps = []
        for gaussian in gaussians:
            x = gaussian.place(self.noise)
            gaps.append(self.density.values(x) - mixture_log_density(gaussians, weights, x))
        return float(weights @ confined_bounds(np.array(gaps)))
