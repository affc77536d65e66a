"""Gaussians from the curvature of a log density, and how good each is."""

from dataclasses import dataclass

import numpy as np

__all__ = [
    "Gaussian",
    "confined_bounds",
    "elbos",
    "laplace",
    "mixture_log_density",
    "moments_of_mixture",
]

MIN_CURVATURE = 1e-10  # of a column, and of a direction of columns scaled alike
CURVATURE_ROWS = 6  # a column: both sides, three times
MAX_STEP = 3.0  # of a Newton step, in standard deviations


@dataclass(frozen=True)
class Gaussian:
    """A normal distribution of mean (d,) and covariance ``root @ root.T``.

    Attributes
    ----------
    mean : ndarray of shape (d,)
    root : ndarray of shape (d, d)
    """

    mean: np.ndarray
    root: np.ndarray

    @property
    def log_volume(self):
        """Logarithm of the determinant of the root."""
        return np.linalg.slogdet(self.root)[1]

    def place(self, noise):
        """Rows (n, d) of standard normal noise (n, d)."""
        return self.mean + noise @ self.root.T

    def whiten(self, x):
        """Noise (n, d) of rows (n, d)."""
        return np.linalg.solve(self.root, (x - self.mean).T).T

    def log_density(self, x):
        """Log densities (n,) of rows (n, d)."""
        constant = self.log_volume + 0.5 * len(self.mean) * np.log(2 * np.pi)
        return -0.5 * np.square(self.whiten(x)).sum(axis=1) - constant


@dataclass(frozen=True)
class Laplace:
    """What slope and curvature at a point say.

    Attributes
    ----------
    gaussian : Gaussian
        Its covariance is the inverse of minus the Hessian, whose eigenvalues count by their sizes
        where the density is not concave; its mean is a Newton step away, at most three
        standard deviations.
    decrement : float
        Length of the Newton step in standard deviations: 0 at a mode.
    concave : bool
    """

    gaussian: Gaussian
    decrement: float
    concave: bool


def laplace(density, points):
    """Fit a Gaussian to slope and curvature at each of ``points`` (n, d).

    Returns
    -------
    list of Laplace or None
        None where slope or curvature are not finite, a column has no curvature, or the time was
        up before.
    """
    fits = []
    for part in density.parts(points, "gradients", 1 + CURVATURE_ROWS * points.shape[1]):
        gradients = density.values_and_gradients(part)[1]
        matrices = density.curvatures(part)
        fits += [_laplace(*each) for each in zip(part, gradients, matrices, strict=True)]
    return fits + [None] * (len(points) - len(fits))


def _laplace(x, gradient, matrix):
    diagonal = np.abs(np.diag(matrix))
    if not (np.isfinite(matrix).all() and np.isfinite(gradient).all() and diagonal.any()):
        return None
    # columns scaled alike first, so that their units do not drown small eigenvalues
    scale = np.maximum(diagonal, MIN_CURVATURE * diagonal.max()) ** -0.5
    curvature, axes = np.linalg.eigh(scale[:, None] * matrix * scale)
    floor = MIN_CURVATURE * np.abs(curvature).max()
    root = scale[:, None] * axes / np.sqrt(np.maximum(np.abs(curvature), floor))
    slope = root.T @ gradient
    decrement = float(np.linalg.norm(slope))
    step = root @ slope * min(1.0, MAX_STEP / max(decrement, MAX_STEP))
    return Laplace(Gaussian(x + step, root), decrement, bool((curvature > floor).all()))


def elbos(density, gaussians, noise):
    """Evidence lower bounds (k,) of k Gaussians in nats, over noise (n, d).

    Where some draws have no density, of the Gaussian confined to the others.
    """
    draws = np.concatenate([gaussian.place(noise) for gaussian in gaussians])
    values = density.values(draws).reshape(len(gaussians), -1)
    log_q = -0.5 * (noise**2 + np.log(2 * np.pi)).sum(axis=1)
    gaps = values - log_q + [[gaussian.log_volume] for gaussian in gaussians]
    return confined_bounds(gaps)


def confined_bounds(gaps):
    """Lower bounds (k,) of log evidence from k rows of log p - log q, (k, n), at draws of q.

    Of q confined to the draws where p is not 0; -inf where these are not the most.
    """
    finite = np.isfinite(gaps)
    count = finite.sum(axis=1)
    with np.errstate(over="ignore"):  # of densities of -1e308 the mean is -inf
        mean = np.where(finite, gaps, 0).sum(axis=1) / np.maximum(count, 1)
    share = count / gaps.shape[1]
    return np.where(share > 0.5, mean + np.log(np.maximum(share, 0.5)), -np.inf)


def mixture_log_density(gaussians, weights, x):
    """Log densities (n,) of rows (n, d) under a mixture."""
    parts = [g.log_density(x) + np.log(w) for g, w in zip(gaussians, weights, strict=True)]
    return np.logaddexp.reduce(parts, axis=0)


def moments_of_mixture(gaussians, weights):
    """Return the Gaussian with the mean and the covariance of a mixture."""
    if len(gaussians) == 1:
        return gaussians[0]
    means = np.array([gaussian.mean for gaussian in gaussians])
    mean = weights @ means
    spread = np.sqrt(weights)[:, None] * (means - mean)
    parts = [np.sqrt(w) * g.root.T for w, g in zip(weights, gaussians, strict=True)]
    # the triangular factor of all square roots below each other is one of their sum
    return Gaussian(mean, np.linalg.qr(np.vstack([spread, *parts]), mode="r").T)
