"""Where a log density is high: ascents by quasi-Newton steps from several starts."""

from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import minimize

__all__ = ["Ascent", "Density", "ascend"]

MAX_STEPS = 300
N_PAIRS = 10  # of steps and gradient changes that the search remembers
BARRIER = 1e100  # minus the log density where there is none


class Density:
    """A log density of torch rows as one of numpy rows, with its gradient."""

    def __init__(self, log_density):
        self.log_density = log_density

    def values(self, x):
        """Log densities (n,) of rows x (n, d); -inf where there is none."""
        with torch.no_grad():
            return self.log_density(torch.as_tensor(x, dtype=torch.float64)).numpy()

    def values_and_gradients(self, x):
        """Log densities (n,) and gradients (n, d) of rows x (n, d)."""
        x = torch.as_tensor(x, dtype=torch.float64).requires_grad_()
        with torch.enable_grad():
            value = self.log_density(x)
            (gradient,) = torch.autograd.grad(value.sum(), x)
        return value.detach().numpy(), gradient.numpy()

    def curvature(self, x):
        """Minus the Hessian (d, d) at a point x (d,), by central differences of gradients.

        Steps start at 1e-4 of 1 + abs(x) and are then fitted to the curvature: a thousandth of
        a standard deviation along each axis.
        """
        size = 1 + np.abs(x)
        step = 1e-4 * size
        for _ in range(3):
            _, gradient = self.values_and_gradients(
                np.concatenate([x + np.diag(step), x - np.diag(step)])
            )
            up, down = np.split(gradient, 2)
            matrix = (down - up) / (2 * step[:, None])
            spread = np.abs(np.diag(matrix)) ** -0.5 if np.diag(matrix).all() else np.inf
            step = np.clip(1e-3 * spread, 1e-9 * size, 1e6 * size)
        return (matrix + matrix.T) / 2


@dataclass(frozen=True)
class Ascent:
    """A way uphill.

    Attributes
    ----------
    points : ndarray of shape (k, d)
        From the start to the end.
    value : float
        Log density at the end.
    """

    points: np.ndarray
    value: float


def ascend(density, start):
    """Climb from ``start`` (d,) by L-BFGS; None if the density is not finite there."""
    points = [start]

    def cost(x):
        value, gradient = density.values_and_gradients(x[None])
        if not np.isfinite(value[0]):
            return BARRIER, np.zeros_like(x)
        return -value[0], -gradient[0]

    if cost(start)[0] == BARRIER:
        return None
    with np.errstate(all="ignore"):
        end = minimize(
            cost,
            start,
            jac=True,
            method="L-BFGS-B",
            callback=lambda x: points.append(x.copy()),
            options={"maxiter": MAX_STEPS, "maxcor": N_PAIRS, "ftol": 1e-13, "gtol": 1e-9},
        )
    return Ascent(np.array(points), -float(end.fun))
