"""Simulators whose posteriors are known, and posteriors that are cheap to fit."""

import numpy as np
from scipy.stats import multivariate_normal, norm

from skflow import MixtureFlowDensity, SimulationPosterior

__all__ = ["Conjugate", "SquareRoot", "cheap"]


# settings that leave nothing to be chosen
PLAIN = MixtureFlowDensity(n_components=1, covariance_type="full", reg_covar=1e-4)


def cheap(prior=None, **settings):
    given = {"density": PLAIN, "random_state": 0, **settings}
    return SimulationPosterior(prior=prior, **given)


class Conjugate:
    """A normal prior, and r observations of a linear map of theta with normal noise."""

    covariance = np.array([[1.0, 0.6, 0.0], [0.6, 1.0, -0.3], [0.0, -0.3, 1.0]])
    slope = np.array([[1.0, 0.5, 0.0], [-0.4, 0.8, 0.3], [0.2, 0.0, 1.2]])
    noise = 0.5

    def __init__(self, seed=0):
        self.rng = np.random.default_rng(seed)
        self.prior = multivariate_normal(np.zeros(3), self.covariance)

    def draw(self, n, r=None):
        """Draw theta (n, 3), and x (n, 3) or (n, r, 3)."""
        theta = self.rng.multivariate_normal(np.zeros(3), self.covariance, n)
        mean = theta @ self.slope.T
        mean = mean if r is None else np.repeat(mean[:, None], r, axis=1)
        return theta, mean + self.noise * self.rng.normal(size=mean.shape)

    def posterior(self, x_o):
        """Return the exact posterior given x_o (3,) or (r, 3)."""
        x_o = np.atleast_2d(x_o)
        precision = np.linalg.inv(self.covariance)
        precision = precision + len(x_o) * self.slope.T @ self.slope / self.noise**2
        covariance = np.linalg.inv(precision)
        return multivariate_normal(
            covariance @ self.slope.T @ x_o.sum(axis=0) / self.noise**2, covariance
        )


class SquareRoot:
    """theta, uniform on (-3, 3), is seen as its square with noise: two modes, and bounds."""

    prior = ((-3.0, 3.0),)
    noise = 0.5

    def __init__(self, seed=0):
        self.rng = np.random.default_rng(seed)

    def draw(self, n):
        """Draw theta (n, 1) and x (n, 1)."""
        theta = self.rng.uniform(-3, 3, (n, 1))
        return theta, self(theta)

    def __call__(self, theta):
        """Simulate."""
        return theta**2 + self.noise * self.rng.normal(size=theta.shape)

    def sizes(self, x_o):
        """Mean and deviation of |theta| given x_o."""
        grid = np.linspace(0, 3, 20_001)
        weight = norm(x_o, self.noise).pdf(grid**2)
        weight = weight / weight.sum()
        mean = weight @ grid
        return mean, np.sqrt(weight @ (grid - mean) ** 2)
