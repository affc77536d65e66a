"""Solving ``x + g(x) = z`` for many rows, where g is a contraction."""

import torch

from skflow.exceptions import InverseNotConvergedError

__all__ = ["contraction_root"]

WINDOW = 20  # secant updates that are kept before a restart


@torch.no_grad()
def contraction_root(g, z, lipschitz, tolerance, max_iterations):
    r"""Solve ``x + g(x) = z`` for x, row by row, by Broyden's method with a guarantee.

    Each row takes quasi-Newton steps :math:`-H F` on :math:`F(x) = x + g(x) - z`, with H the
    identity and rank-one updates from the steps taken. A step is taken back unless it shrinks
    \|F\| by the factor (1 + L) / 2; the next is then plain fixed-point iteration,
    :math:`x \leftarrow z - g(x)`, which shrinks it by L. So every row converges whatever happens,
    at the speed of a secant method as a rule. A row stays as it is once it has converged, and
    knows nothing of the rows beside it.

    Parameters
    ----------
    g : callable
        Rows (*members, n, d) to rows, with Lipschitz constant at most ``lipschitz`` < 1.
    z : tensor of shape (*members, n, d)
    lipschitz : float
    tolerance : float
        Largest \|F\| relative to max(1, \|z\|); x is within \|F\| / (1 - L) of the root.
    max_iterations : int
        Evaluations of g after the first.

    Returns
    -------
    x : tensor of shape (*members, n, d)

    Raises
    ------
    InverseNotConvergedError
    """
    limit = tolerance * _norm(z).clamp(min=1)
    factor = (1 + lipschitz) / 2
    x, residual = z, g(z)
    size = _norm(residual)
    step = -residual
    inverse = _SecantInverse()
    for _ in range(max_iterations):
        done = size <= limit
        if bool(done.all()):
            return x
        trial = x + step
        value = trial + g(trial) - z
        inverse.update(step, value - residual)
        new_size = _norm(value)
        good = (new_size <= factor * size) & ~done
        x = torch.where(good, trial, x)
        residual = torch.where(good, value, residual)
        size = torch.where(good, new_size, size)
        # where a step was taken back, the next must be one that cannot fail
        step = -torch.where(good, inverse.times(residual), residual)
    if not bool((size <= limit).all()):
        raise InverseNotConvergedError(_report(size, z, tolerance, max_iterations))
    return x


class _SecantInverse:
    r"""H = I + sum_i u_i v_i^T of every row, such that H y = s for the latest step."""

    def __init__(self):
        self.left, self.right = [], []

    def times(self, y):
        return _low_rank(y, self.left, self.right)

    def update(self, s, y):
        if len(self.left) == WINDOW:
            self.left, self.right = [], []
        image = self.times(y)
        scale = (s * image).sum(-1, keepdim=True)
        # a row that stands still, or a secant that says nothing, leaves H as it is
        useful = scale.abs() > 1e-8 * _norm(s) * _norm(image)
        scale = torch.where(useful, scale, 1.0)
        self.left.append(torch.where(useful, (s - image) / scale, 0.0))
        self.right.append(_low_rank(s, self.right, self.left[:-1]))


def _low_rank(y, left, right):
    """Multiply y with I + sum_i left_i right_i^T."""
    pairs = zip(left, right, strict=True)
    return y + sum(u * (v * y).sum(-1, keepdim=True) for u, v in pairs)


def _norm(rows):
    return torch.linalg.vector_norm(rows, dim=-1, keepdim=True)


def _report(size, z, tolerance, max_iterations):
    relative = size / _norm(z).clamp(min=1)
    worst = float(relative.nan_to_num(nan=torch.inf).amax())
    count = int((~(relative <= tolerance)).sum())
    return (
        f"{count} of {relative.numel()} rows have no inverse to a relative residual of "
        f"{tolerance:.1e} after {max_iterations} iterations; the largest is {worst:.1e}. "
        "Raise max_iterations, or look for rows that are not finite."
    )
