"""Where a log density is high: quasi-Newton ascents from many starts side by side."""

import time
from contextlib import contextmanager

import numpy as np
import torch

from skflow._clock import left_out, seconds_left, time_is_up

__all__ = ["CUT_SHORT", "Density", "ascend"]

CUT_SHORT = "a part of the search"  # what a limit of time leaves out of it

MAX_STEPS = 200
N_PAIRS = 8  # of steps and gradient changes that an ascent remembers
MAX_HALVINGS = 12  # of a step that does not go up
ENOUGH = 1e-4  # share of the rise foretold by the slope that a step must bring (Armijo)
GAIN = 1e-9  # of the log density, below which an ascent has ended
LONGEST = 10.0  # first steps, in the units of the parameters: nothing is known of their scale


class Density:
    """A log density of torch rows as one of numpy rows, with its gradient and curvature.

    Attributes
    ----------
    pace : dict {str: float}
        Least seconds a row that a call of "values" and of "gradients" has taken.
    """

    def __init__(self, log_density):
        self.log_density = log_density
        self.pace = {"values": np.inf, "gradients": np.inf}

    def parts(self, items, kind, n_rows):
        """Deal items whose calls of a kind take n rows each, many at once while time lasts.

        All come in one part where nothing limits the time, and where it is ample.
        """
        while len(items):
            if time_is_up():
                left_out(CUT_SHORT)
                return
            n, left, cost = len(items), seconds_left(), self.pace[kind] * n_rows
            if n * cost > left:
                n = max(1, int(left / cost))
            yield items[:n]
            items = items[n:]

    @contextmanager
    def _timed(self, kind, n_rows):
        start = time.perf_counter()
        yield
        pace = (time.perf_counter() - start) / max(1, n_rows)
        self.pace[kind] = min(self.pace[kind], pace)

    def values(self, x):
        """Log densities (n,) of rows x (n, d); -inf where there is none."""
        with self._timed("values", len(x)), torch.no_grad():
            return self.log_density(torch.as_tensor(x, dtype=torch.float64)).numpy()

    def values_and_gradients(self, x):
        """Log densities (n,) and gradients (n, d) of rows x (n, d)."""
        x = torch.as_tensor(x, dtype=torch.float64).requires_grad_()
        with self._timed("gradients", len(x)), torch.enable_grad():
            value = self.log_density(x)
            (gradient,) = torch.autograd.grad(value.sum(), x)
        return value.detach().numpy(), gradient.numpy()

    def curvatures(self, x):
        """Minus the Hessians (n, d, d) at rows x (n, d), by central differences of gradients.

        Steps start at 1e-4 of 1 + abs(x) and are then fitted to the curvature: a thousandth of
        a standard deviation along each axis.
        """
        n, d = x.shape
        size = 1 + np.abs(x)
        step = 1e-4 * size
        for _ in range(3):
            moves = step[:, :, None] * np.eye(d)
            ends = np.stack([x[:, None] + moves, x[:, None] - moves])
            gradients = self.values_and_gradients(ends.reshape(-1, d))[1].reshape(2, n, d, d)
            matrices = (gradients[1] - gradients[0]) / (2 * step[:, :, None])
            diagonal = np.abs(np.diagonal(matrices, axis1=1, axis2=2))
            with np.errstate(divide="ignore"):
                step = np.clip(1e-3 / np.sqrt(diagonal), 1e-9 * size, 1e6 * size)
        return (matrices + matrices.transpose(0, 2, 1)) / 2


def ascend(density, starts):
    """Climb from every row of ``starts`` (n, d) at once, by L-BFGS with backtracking.

    All ascents share each call of the density, since for one that runs through a time series a
    call costs the same for one row and for many.

    Returns
    -------
    points : ndarray of shape (k, n, d)
        Where each ascent was at each step; ascents that have ended stay where they are.

    References
    ----------
    Nocedal & Wright (2006), Numerical Optimization, algorithms 3.1 and 7.4.
    """
    x = starts.copy()
    value, gradient = density.values_and_gradients(x)
    active = np.isfinite(value) & np.isfinite(gradient).all(axis=1)
    points, memory = [x], _Memory(*x.shape)
    for _ in range(MAX_STEPS):
        rows = np.flatnonzero(active)
        if not len(rows):
            break
        if time_is_up():
            left_out(CUT_SHORT)
            break
        direction = memory.direction(gradient[rows], rows)
        step = _line_search(density, x[rows], value[rows], gradient[rows], direction)
        new = x.copy()
        new[rows] += step[:, None] * direction
        new_value, new_gradient = value.copy(), gradient.copy()
        new_value[rows], new_gradient[rows] = density.values_and_gradients(new[rows])
        memory.add(new - x, gradient - new_gradient, rows)
        with np.errstate(invalid="ignore"):  # -inf stays -inf
            rises = new_value - value > GAIN * (1 + np.abs(value))
        again = memory.forget(rows[step == 0])  # once more, straight up
        active = (active & rises & np.isfinite(new_gradient).all(axis=1)) | again
        x, value, gradient = new, new_value, new_gradient
        points.append(x)
    return np.array(points)


def _line_search(density, x, value, gradient, direction):
    """Find for each row the first of 1, 1/2, 1/4, ... that goes up enough; 0 if none does."""
    slope = (gradient * direction).sum(axis=1)
    step, found = np.ones(len(x)), np.zeros(len(x), dtype=bool)
    for _ in range(MAX_HALVINGS):
        left = np.flatnonzero(~found)
        reached = density.values(x[left] + step[left, None] * direction[left])
        found[left] = reached >= value[left] + ENOUGH * step[left] * slope[left]
        if found.all():
            break
        if time_is_up():
            left_out(CUT_SHORT)
            break
        step[~found] /= 2
    return np.where(found, step, 0.0)


class _Memory:
    """The last steps s and changes y of minus the gradient of each of n ascents."""

    def __init__(self, n, d):
        self.s, self.y = np.zeros((N_PAIRS, n, d)), np.zeros((N_PAIRS, n, d))
        self.rho = np.zeros((N_PAIRS, n))  # 1 / s y; 0 for a pair that does not count

    def add(self, s, y, rows):
        """Take up a pair (n, d) in the given rows; where it curves the wrong way it is void."""
        product = (s * y).sum(axis=1)
        counts = product > 1e-10 * np.linalg.norm(s, axis=1) * np.linalg.norm(y, axis=1)
        rho = np.where(counts, 1 / np.where(counts, product, 1.0), 0.0)
        for store, new in ((self.s, s), (self.y, y), (self.rho, rho)):
            store[:-1, rows] = store[1:, rows]
            store[-1, rows] = new[rows]

    def forget(self, rows):
        """Void all pairs of the given rows; a mask (n,) of those that had any."""
        had = np.zeros(self.rho.shape[1], dtype=bool)
        had[rows] = self.rho[:, rows].any(axis=0)
        self.rho[:, rows] = 0
        return had

    def direction(self, gradient, rows):
        """Directions (k, d) uphill for the given rows, of their gradients (k, d)."""
        s, y, rho = self.s[:, rows], self.y[:, rows], self.rho[:, rows]
        q, alphas = gradient.copy(), []
        for i in reversed(range(N_PAIRS)):
            alphas.append(rho[i] * (s[i] * q).sum(axis=1))
            q -= alphas[-1][:, None] * y[i]
        q *= self._scale(gradient, y[-1], rho[-1])[:, None]
        for i, alpha in enumerate(reversed(alphas)):
            beta = rho[i] * (y[i] * q).sum(axis=1)
            q += (alpha - beta)[:, None] * s[i]
        return q

    def _scale(self, gradient, y, rho):
        known = rho > 0
        size = np.linalg.norm(gradient, axis=1)
        first = np.minimum(1.0, LONGEST / np.maximum(size, 1e-300))
        square = np.where(known, rho * (y**2).sum(axis=1), 1.0)
        return np.where(known, 1 / square, first)
