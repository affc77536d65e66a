"""Gaussians from the curvature of a log density, and how good each is."""

from dataclasses import dataclass

import numpy as np

__all__ = ["Gaussian", "elbo", "laplace", "mixture_log_density"]

MIN_CURVATURE = 1e-10  # of a direction, relative to the largest in columns scaled alike
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

    @property
    def entropy(self):
        """In nats."""
        return self.log_volume + 0.5 * len(self.mean) * (1 + np.log(2 * np.pi))

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


def laplace(density, x):
    """Fit a Gaussian to slope and curvature at a point x (d,).

    The covariance is the inverse of minus the Hessian, its eigenvalues taken by their sizes where
    the density is not concave; the mean is a Newton step away, at most three standard deviations.

    Returns
    -------
    gaussian : Gaussian or None
        None where slope or curvature are not finite, or there is no curvature at all.
    decrement : float
        Length of the Newton step in standard deviations: 0 at a mode.
    concave : bool
    """
    _, gradient = density.values_and_gradients(x[None])
    matrix = density.curvature(x)
    if not (np.isfinite(matrix).all() and np.isfinite(gradient).all()):
        return None, np.inf, False
    # columns scaled alike first, so that their units do not drown small eigenvalues
    diagonal = np.abs(np.diag(matrix))
    scale = np.where(diagonal > 0, diagonal, diagonal.max(initial=0.0)) ** -0.5
    if not np.isfinite(scale).all():
        return None, np.inf, False
    curvature, axes = np.linalg.eigh(scale[:, None] * matrix * scale)
    floor = MIN_CURVATURE * np.abs(curvature).max()
    root = scale[:, None] * axes / np.sqrt(np.maximum(np.abs(curvature), floor))
    slope = root.T @ gradient[0]
    decrement = float(np.linalg.norm(slope))
    step = root @ slope * min(1.0, MAX_STEP / max(decrement, 1e-300))
    return Gaussian(x + step, root), decrement, bool((curvature > floor).all())


def elbo(density, gaussian, noise):
    """Evidence lower bound of a Gaussian in nats, over noise (n, d); -inf if any row has none."""
    return float(density.values(gaussian.place(noise)).mean() + gaussian.entropy)


def mixture_log_density(gaussians, weights, x):
    """Log densities (n,) of rows (n, d) under a mixture."""
    parts = [g.log_density(x) + np.log(w) for g, w in zip(gaussians, weights, strict=True)]
    return np.logaddexp.reduce(parts, axis=0)
