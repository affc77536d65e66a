"""The data and the fits that the density checks share, and quadrature over fitted densities."""

import copy
import sys
from functools import cached_property

import numpy as np
from sklearn.base import clone
from sklearn.datasets import make_moons
from sklearn.utils import check_random_state
from sklearn.utils.validation import has_fit_parameter

__all__ = [
    "HEAVY_WEIGHT",
    "INDEPENDENT",
    "INTEGRAL",
    "OFFSETS",
    "SCALES",
    "Fits",
    "Grid",
    "gaussian_log_density",
    "reseeded",
    "rounded",
]

# Powers of two, so that centring and scaling round alike on X and on X * SCALES.
SCALES = np.array([2.0**10, 2.0**-7])
OFFSETS = np.array([2.0**24, -(2.0**12)])  # float32 tells 1 apart at the first one
HEAVY_WEIGHT = 4
INDEPENDENT = 1e-4  # tolerance of scores alone and together: float32 sums in another order
INTEGRAL = 0.01  # tolerance of the integral of a density
_STEP = 0.125  # between the values of the Gaussian's last column

_GAUSSIAN_MEAN = np.array([100.0, -5.0, 0.4])
_GAUSSIAN_FACTOR = np.array([[1.0, 0.0, 0.0], [0.3, 0.5, 0.0], [-0.2, 0.2, 0.6]])


class Fits:
    """One estimator fitted on each of the check's tables, when first asked for.

    Attributes
    ----------
    moons, moons_held_out : ndarray of shape (600, 2) and (4000, 2)
        Two moons with noise 0.1.
    few : ndarray of shape (200, 2)
        The first of them, in steps of 2**-20, so that sums with OFFSETS are exact.
    clusters : ndarray of shape (300, 1)
        Two clusters of as many rows, at -3 and 3; the second is heavy where weights are tested.
    gaussian : ndarray of shape (600, 3)
        Rows of a correlated Gaussian away from zero, with a last column of few values.
    gaussian_held_out : ndarray of shape (4000, 3)
        The same, with the last column as it was.
    left_alone : bool
        Whether the fits so far have left the global random states as they were.
    """

    def __init__(self, estimator, seed):
        self.estimator = estimator
        self.seed = seed
        self.left_alone = True
        rng = check_random_state(seed)
        self.moons = make_moons(600, noise=0.1, random_state=rng)[0]
        self.moons_held_out = make_moons(4000, noise=0.1, random_state=rng)[0]
        self.few = np.round(self.moons[:200] * 2.0**20) / 2.0**20
        self.clusters = np.repeat([-3.0, 3.0], 150)[:, None] + rng.standard_normal((300, 1))
        self.gaussian = rounded(self._draw_gaussian(rng, 600))
        self.gaussian_held_out = self._draw_gaussian(rng, 4000)

    @staticmethod
    def _draw_gaussian(rng, n):
        return _GAUSSIAN_MEAN + rng.standard_normal((n, 3)) @ _GAUSSIAN_FACTOR.T

    @property
    def takes_weights(self):
        """Whether ``fit`` has a parameter ``sample_weight``."""
        return has_fit_parameter(self.estimator, "sample_weight")

    @cached_property
    def on_moons(self):
        """Fitted on the moons."""
        return self._fit(self.moons)

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
    def on_few(self):
        """A short fit on few rows of the moons."""
        return self.short(self.few)

    @cached_property
    def scores_of_few(self):
        """Log densities of those rows."""
        return self.on_few.score_samples(self.few)

    @cached_property
    def scores_moved(self):
        """Log densities of the same rows moved and in other units, after an earlier fit."""
        X = (self.few + OFFSETS) * SCALES
        return self.refitted(X).score_samples(X)

    def refitted(self, X):
        """Fit one anew that has been fitted to few rows, and has scored them."""
        used = copy.deepcopy(self.on_few)
        used.score_samples(self.few)
        return used.fit(X)

    def short(self, X, *, parameters=None, **fit_params):
        """Fit for what holds however long is trained, with parameters set anew."""
        estimator = clone(self.estimator).set_params(**(parameters or {}))
        return self._fit(X, _shortened(estimator), **fit_params)

    def _fit(self, X, estimator=None, **fit_params):
        estimator = clone(self.estimator) if estimator is None else estimator
        before = _global_states()
        fitted = reseeded(estimator, self.seed).fit(X, **fit_params)
        self.left_alone &= all(map(np.array_equal, before, _global_states()))
        if hasattr(fitted, "set_output"):  # arrays are what is compared
            fitted.set_output(transform="default")
        return fitted

    @cached_property
    def moons_grid(self):
        """The density fitted on the moons, on a grid over the plane."""
        return Grid(self.on_moons, self.moons, n_points=256, points_per_cell=7)

    @cached_property
    def clusters_grid(self):
        """The density fitted on the clusters, on a grid over the line."""
        return Grid(self.on_clusters, self.clusters, n_points=4000, points_per_cell=100)


def reseeded(estimator, seed):
    """Give every parameter of an estimator that is called ``random_state`` a seed."""
    return _with_all(estimator, "random_state", seed)


def _shortened(estimator):
    """Let an estimator train for two epochs where a parameter is called ``max_epochs``."""
    return _with_all(estimator, "max_epochs", 2)


def _with_all(estimator, ending, value):
    names = [
        name
        for name in estimator.get_params(deep=True)
        if name == ending or name.endswith(f"__{ending}")
    ]
    return estimator.set_params(**dict.fromkeys(names, value))


def _global_states():
    """Global random states of numpy, and of torch where it has been loaded."""
    _, keys, place, *_ = np.random.get_state()  # noqa: NPY002
    torch = sys.modules.get("torch")
    return [keys, [place]] + ([] if torch is None else [torch.get_rng_state().numpy()])


def rounded(X):
    """Leave few values in the last column."""
    return np.column_stack([X[:, :-1], np.round(X[:, -1] / _STEP) * _STEP])


def gaussian_log_density(X, shift=0.0, shrinkage=1.0):
    """Score rows by the Gaussian that drew them, or one of shifted mean and smaller deviations."""
    factor = shrinkage * _GAUSSIAN_FACTOR
    z = np.linalg.solve(factor, (X - _GAUSSIAN_MEAN).T) - shift
    log_det = np.log(np.abs(np.diag(factor))).sum()
    return -0.5 * (z**2).sum(axis=0) - log_det - 0.5 * len(factor) * np.log(2 * np.pi)


class Grid:
    """A fitted density on a grid that is dense over the data and reaches far beyond them.

    Each axis is the trapezoidal rule in t for ``x = centre + spread * sinh(t)``: even spacing
    near the centre, and the last points lie sinh(reach) standard deviations out, 500 if nothing
    else is said, where even the tails of a Student-t hold little.
    """

    def __init__(self, fitted, X, n_points, points_per_cell, reach=7.0):
        t, step = np.linspace(-reach, reach, n_points, retstep=True)
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
