"""Tukey's h-transform and a second bend further out, in logarithms."""

import math

import torch

__all__ = ["Bend"]

MAX_STEPS = 60
ROUNDINGS = 4


class Bend:
    r"""The increasing map ``e = w exp(h w^2 / 2 + g max(w - v, 0)^2 / 2)`` of positive numbers.

    Parameters
    ----------
    h, g : tensors or floats, not negative
    v : tensor or float, not negative
    """

    def __init__(self, h, v=0.0, g=0.0):
        self.h, self.v, self.g = h, v, g

    def __call__(self, log_w):
        """Return ``log e`` and its derivative by ``log w``, of the shape of ``log_w``."""
        w = log_w.exp()
        over = (w - self.v).clamp(min=0)
        bend = 0.5 * self.h * w.square() + 0.5 * self.g * over.square()
        return log_w + bend, 1 + w * (self.h * w + self.g * over)

    @torch.no_grad()
    def solve(self, log_e):
        """Find ``log w`` by Newton's method from above, as ``log e`` is convex in ``log w``."""
        reach = (2 * log_e.clamp(min=0)).sqrt()
        bound = torch.minimum(_past(0.0, reach, self.h), _past(self.v, reach, self.g))
        log_w = torch.minimum(log_e, bound.clamp(min=1).log())
        tolerance = ROUNDINGS * torch.finfo(log_e.dtype).eps
        for _ in range(MAX_STEPS):
            value, slope = self(log_w)
            step = (value - log_e) / slope
            log_w = log_w - step
            if not bool((step.abs() > tolerance * (1 + log_w.abs())).any()):
                break
        return log_w


def _past(v, reach, bend):
    """Return a w at which a bend from v on has used up ``reach^2 / 2`` of the logarithm alone."""
    bend = torch.as_tensor(bend, dtype=reach.dtype, device=reach.device)
    limit = math.sqrt(torch.finfo(reach.dtype).max)
    return v + (reach / bend.sqrt()).nan_to_num(limit, posinf=limit)
