"""The data and the fits that the density checks share, and quadrature over fitted densities."""

from functools import cached_property

import numpy as np
from sklearn.base import clone
from sklearn.datasets import make_moons
from sklearn.utils import check_random_state
from sklearn.utils.validation import has_fit_parameter

__all__ = ["HEAVY_WEIGHT", "SCALES", "Fits", "Grid", "gaussian_log_density", "reseeded"]

# Powers of two, so that centring and scaling round alike on X and on X * SCALES.
SCALES = np.array([2.0**10, 2.0**-7])
HEAVY_WEIGHT = 4

_GAUSSIAN_MEAN = np.array([100.0, -5.0])
_GAUSSIAN_FACTOR = np.array([[2.0, 0.0], [0.3, 0.4]])


class Fits:
    """One estimator fitted on each of the check's tables, when first asked for.

    Attributes
    ----------
    moons, moons_held_out : ndarray of shape (600, 2) and (4000, 2)
        Two moons with noise 0.1.
    clusters : ndarray of shape (300, 1)
        Two clusters of as many rows, at -3 and 3; the second is heavy where weights are tested.
    gaussian, gaussian_held_out : ndarray of shape (600, 2) and (4000, 2)
        Rows of a correlated Gaussian away from zero.
    """

    def __init__(self, estimator, seed):
        self.estimator = estimator
        self.seed = seed
        rng = check_random_state(seed)
        self.moons = make_moons(600, noise=0.1, random_state=rng)[0]
        self.moons_held_out = make_moons(4000, noise=0.1, random_state=rng)[0]
        self.clusters = np.repeat([-3.0, 3.0], 150)[:, None] + rng.standard_normal((300, 1))
        self.gaussian = self._draw_gaussian(rng, 600)
        self.gaussian_held_out = self._draw_gaussian(rng, 4000)

    @staticmethod
    def _draw_gaussian(rng, n):
        return _GAUSSIAN_MEAN + rng.standard_normal((n, 2)) @ _GAUSSIAN_FACTOR.T

    @property
    def takes_weights(self):
        """Whether ``fit`` has a parameter ``sample_weight``."""
        return has_fit_parameter(self.estimator, "sample_weight")

    @cached_property
    def on_moons(self):
        """Fitted on the moons."""
        return self._fit(self.moons)

    @cached_property
    def on_scaled_moons(self):
        """Fitted on the moons in other units."""
        return self._fit(self.moons * SCALES)

    @cached_property
    def on_gaussian(self):
        """Fitted on the Gaussian's rows."""
        return self._fit(self.gaussian)

    @cached_property
    def on_clusters(self):
        """Fitted on the clusters, with a weight on each row of the heavy one if possible."""
        if not self.takes_weights:
            return self._fit(self.clusters)
        weight = np.where(np.arange(300) < 150, 1.0, HEAVY_WEIGHT)
        return self._fit(self.clusters, sample_weight=weight)

    @cached_property
    def on_repeated_clusters(self):
        """Fitted on the clusters with each row of the heavy one repeated."""
        times = np.where(np.arange(300) < 150, 1, HEAVY_WEIGHT)
        return self._fit(np.repeat(self.clusters, times, axis=0))

    def _fit(self, X, **fit_params):
        return reseeded(clone(self.estimator), self.seed).fit(X, **fit_params)

    @cached_property
    def moons_grid(self):
        """The density fitted on the moons, on a grid over the plane."""
        return Grid(self.on_moons, self.moons, n_points=256, points_per_cell=7)

    @cached_property
    def clusters_grid(self):
        """The density fitted on the clusters, on a grid over the line."""
        return self.line_grid(self.on_clusters)

    def line_grid(self, fitted):
        """Evaluate a density fitted on clusters on a grid over the line."""
        return Grid(fitted, self.clusters, n_points=4000, points_per_cell=100)

    @cached_property
    def samples(self):
        """Draws from the density fitted on the moons."""
        return self.on_moons.sample(20_000, random_state=self.seed)


def reseeded(estimator, seed):
    """Give every parameter of an estimator that is called ``random_state`` a seed."""
    names = [
        name
        for name in estimator.get_params(deep=True)
        if name == "random_state" or name.endswith("__random_state")
    ]
    return estimator.set_params(**dict.fromkeys(names, seed))


def gaussian_log_density(X):
    """Score rows by the Gaussian that drew them."""
    z = np.linalg.solve(_GAUSSIAN_FACTOR, (X - _GAUSSIAN_MEAN).T)
    log_det = np.log(np.abs(np.diag(_GAUSSIAN_FACTOR))).sum()
    return -0.5 * (z**2).sum(axis=0) - log_det - np.log(2 * np.pi)


class Grid:
    """A fitted density on a grid that is dense over the data and reaches far beyond them.

    Each axis is the trapezoidal rule in t for ``x = centre + spread * sinh(t)``: even spacing
    near the centre, and the last points lie 500 standard deviations out, where even the tails of
    a Student-t hold little.
    """

    def __init__(self, fitted, X, n_points, points_per_cell):
        t, step = np.linspace(-7.0, 7.0, n_points, retstep=True)
        centre, spread = X.mean(axis=0), X.std(axis=0)
        axes = (centre + spread * np.sinh(t)[:, None]).T
        steps = (spread * np.cosh(t)[:, None] * step).T
        self.points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(axes))
        self.log_density = np.asarray(fitted.score_samples(self.points), dtype=np.float64)
        volumes = np.prod(np.meshgrid(*steps, indexing="ij"), axis=0).ravel()
        with np.errstate(over="ignore"):
            self.mass = np.exp(self.log_density) * volumes
        # eight cells over the data and the rest on either side, with edges between grid points
        edges = np.sinh(np.arange(-4, 5) * points_per_cell * step)
        self.edges = (centre + spread * edges[:, None]).T

    def entropy(self):
        """Minus the integral of p log p."""
        positive = self.mass > 0
        return -(self.mass[positive] * self.log_density[positive]).sum()

    def cell_masses(self):
        """Probability of each cell by quadrature."""
        return self._per_cell(self.points, self.mass)

    def cell_shares(self, samples):
        """Share of the samples in each cell."""
        return self._per_cell(samples, np.full(len(samples), 1 / len(samples)))

    def _per_cell(self, rows, weights):
        index = [np.searchsorted(e, column) for e, column in zip(self.edges, rows.T, strict=True)]
        shape = tuple(len(e) + 1 for e in self.edges)
        return np.bincount(np.ravel_multi_index(index, shape), weights, minlength=np.prod(shape))
