"""Where a fit starts: the best Gaussian along several ways uphill, or one for each mode."""

from dataclasses import dataclass

import numpy as np

from skflow.variational._gaussian import Gaussian, elbo, laplace, mixture_log_density
from skflow.variational._search import Density, ascend

__all__ = ["Mode", "Start", "find_start"]

SPREADS = (1.0, 3.0, 10.0)  # of random starts around the origin
FAR = 3.0  # of later starts, in standard deviations of the best Gaussian so far
N_STARTS = 24
N_WAYS = 8  # ascents along which Gaussians are tried
N_STOPS = 8  # places along each
N_NOISE = 200  # draws that compare Gaussians
MAX_POLISH = 8  # Newton steps from the end of an ascent
AT_MODE = 1e-3  # length of the Newton step at a mode, in standard deviations
SAME_MODE = 1.0  # modes nearer than this many standard deviations are one
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
        if len(self.gaussians) == 1:
            return self.gaussians[0]
        means = np.array([g.mean for g in self.gaussians])
        mean = self.weights @ means
        spread = np.sqrt(self.weights)[:, None] * (means - mean)
        parts = [np.sqrt(w) * g.root.T for w, g in zip(self.weights, self.gaussians, strict=True)]
        # the triangular factor of all square roots below each other is one of their sum
        return Gaussian(mean, np.linalg.qr(np.vstack([spread, *parts]), mode="r").T)


def find_start(log_density, n_features, rng, n_starts=N_STARTS):
    """Search a log density of torch rows (n, d) for the best mixture of Gaussians to start from.

    Ascents from the origin, from random points around it and then from around the best Gaussian
    so far. Gaussians of slope and curvature are tried all along the ways, since a hierarchical
    posterior may have no mode, or one far from its mass (Zhang, Carpenter, Gelman & Vehtari 2022,
    Pathfinder, arXiv:2108.03782). If several modes are found, the mixture of their Laplace
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
    noise = rng.standard_normal((N_NOISE, n_features))
    first = -(-2 * n_starts // 3)
    spread = np.resize(SPREADS, first)[:, None] * (np.arange(first) > 0)[:, None]
    starts = spread * rng.standard_normal((first, n_features))
    _check_starts(density, starts)
    plain = Gaussian(np.zeros(n_features), np.eye(n_features))
    best, modes = _explore(density, starts, noise, (elbo(density, plain, noise), plain), [])
    starts = best[1].place(FAR * rng.standard_normal((n_starts - first, n_features)))
    best, modes = _explore(density, starts, noise, best, modes)
    if not np.isfinite(best[0]):
        raise ValueError(
            "no Gaussian was found all of whose draws have a finite log density. Declare the "
            "bounds of the parameters with support={index: (low, high)}, and return -inf, not "
            "NaN, only where there is truly no density."
        )
    return _choose(density, best, modes, noise)


def _check_starts(density, starts):
    values, gradients = density.values_and_gradients(starts)
    finite = np.isfinite(values)
    if not finite.any():
        raise ValueError(
            f"log_density is not finite at any of {len(starts)} starting points around the "
            f"origin (the first value is {values[0]}). Declare bounds with support={{index: "
            "(low, high)}, and shift or scale parameters that are far from 0."
        )
    smooth = np.isfinite(gradients).all(axis=1) & finite
    if not smooth.any():
        raise ValueError(
            f"the gradient of log_density is not finite at any of {len(starts)} starting points, "
            "though its value is: look for 0 * inf in branches of where, or roots and logs at 0."
        )
    if not gradients[smooth].any() and np.ptp(values[finite]) == 0:
        raise ValueError(
            f"log_density is constant ({values[finite][0]:.6g} at all starting points): it has no "
            "normaliser. Declare bounds with support={index: (low, high)} if it is uniform."
        )


def _explore(density, starts, noise, best, modes):
    """Climb from starts (n, d); return the best pair (ELBO, Gaussian) and all modes so far."""
    modes = list(modes)
    n_ways = 0
    for start in starts:
        ascent = ascend(density, start)
        if ascent is None:
            continue
        mode = _mode(density, ascent.points[-1], modes)
        known = mode is not None and any(mode is m for m in modes)
        if mode is not None and not known:
            modes.append(mode)
            best = _better(density, best, mode.gaussian, noise)
        if not known and n_ways < N_WAYS:
            n_ways += 1
            stops = np.linspace(0, len(ascent.points) - 1, N_STOPS).astype(int)
            for point in ascent.points[np.unique(stops)]:
                best = _better(density, best, laplace(density, point)[0], noise)
    return best, modes


def _better(density, best, gaussian, noise):
    if gaussian is None:
        return best
    value = elbo(density, gaussian, noise)
    return (value, gaussian) if value > best[0] else best


def _mode(density, x, modes):
    """Polish the end of an ascent to a mode; one of ``modes`` if it is there, None if none."""
    for _ in range(MAX_POLISH):
        gaussian, decrement, concave = laplace(density, x)
        if gaussian is None or not concave:
            return None
        for mode in modes:
            if np.linalg.norm(mode.gaussian.whiten(x[None])) < SAME_MODE:
                return mode
        if decrement < AT_MODE:
            value = float(density.values(x[None])[0])
            return Mode(Gaussian(x, gaussian.root), value)
        x = gaussian.mean
    return None


def _choose(density, best, modes, noise):
    modes = sorted(modes, key=lambda mode: -mode.log_mass)
    mass = np.array([mode.log_mass for mode in modes])
    kept = [m for m in modes if m.log_mass > mass.max() + np.log(MIN_SHARE)]
    if len(kept) > 1:
        gaussians = [mode.gaussian for mode in kept]
        weights = np.exp([mode.log_mass - mass.max() for mode in kept])
        weights /= weights.sum()
        value = 0.0
        for gaussian, weight in zip(gaussians, weights, strict=True):
            x = gaussian.place(noise)
            gap = density.values(x) - mixture_log_density(gaussians, weights, x)
            value += weight * gap.mean()
        if value > best[0]:
            return Start(gaussians, weights, best[1], float(value), modes)
    return Start([best[1]], np.ones(1), best[1], best[0], modes)
