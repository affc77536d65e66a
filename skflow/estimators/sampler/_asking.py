"""A user's log density, in numpy or torch, as one of unbounded rows in numpy."""

import numpy as np
import torch

from skflow.bijections import SupportMap
from skflow.sampling import first_asked
from skflow.variational import Target

__all__ = ["Unbounded", "read_target"]

N_PROBES = 4


def read_target(function, rows):
    """Find out by a few rows (n, d) whether a function takes numpy arrays or torch tensors.

    Returns
    -------
    Target
    """
    if not callable(function):
        return Target(function)  # which says what was expected
    value, takes_torch = first_asked(function, rows)
    takes_torch |= isinstance(value, torch.Tensor)  # made of an array
    # gradients are never asked for
    target = Target(function, None if takes_torch else "numeric")
    target.check_rows_apart(torch.as_tensor(rows))
    return target


class Unbounded:
    """The log density of rows u of which ``x = support^-1(u)`` has the target's.

    Parameters
    ----------
    low, high : ndarray of shape (d,)
        Bounds of x.
    """

    def __init__(self, low, high):
        self.low, self.high = low, high
        self.support = SupportMap(low, high)
        self.target = None

    def __call__(self, u):
        """Log density (n,) of rows u (n, d), -inf where it is not a finite number."""
        with torch.no_grad():
            x, log_det = self.support.inverse(torch.as_tensor(u, dtype=torch.float64))
            value = (self.target(x) + log_det).numpy()
        return np.where(np.isfinite(value), value, -np.inf)

    def rows(self, u):
        """Rows x (n, d) of rows u."""
        with torch.no_grad():
            return self.support.inverse(torch.as_tensor(u, dtype=torch.float64))[0].numpy()

    def unbounded(self, x):
        """Rows u (n, d) of rows x, and log|det du/dx| (n,), -inf outside the bounds."""
        u, log_det = self.support.forward(torch.as_tensor(x, dtype=torch.float64))
        return u.numpy(), log_det.numpy()
