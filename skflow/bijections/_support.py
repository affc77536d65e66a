"""Declared bounds by logarithms and log-odds, as a bijection in float64 that is not trained."""

import math

import torch
from torch.nn.functional import logsigmoid

from skflow.bijections._base import Bijection
from skflow.numerics import max_exponent

__all__ = ["SupportMap", "checked_bounds"]


class SupportMap(Bijection):
    """Columns with declared bounds mapped onto the whole line; the others are left alone.

    By column, for x in the open interval (a, b), always increasing:

    ============ ========================= ============================== ==================
    bounds       z                         x                              log dz/dx
    ============ ========================= ============================== ==================
    (-inf, inf)  x                         z                              0
    (a, inf)     log(x - a)                a + exp(z)                     -log(x - a)
    (-inf, b)    -log(b - x)               b - exp(-z)                    -log(b - x)
    (a, b)       log(x - a) - log(b - x)   a + (b - a) sigmoid(z)         log(b - a)
                                                                          -log(x - a)
                                                                          -log(b - x)
    ============ ========================= ============================== ==================

    The log-det of a row is the sum over its columns; the inverse's is minus that. Cost: O(n d).
    With bounds -1 and 1, ``x = tanh(z / 2)`` as policies are squashed [1]_: log dx/dz is computed
    from log-sigmoids of z, not from x, so that it is right where x has been rounded to 1.

    Outside the support, which is open, the density is 0: a row with a value at or beyond a
    bound gets the log-det -inf, and the z of the nearest value inside, which is finite.
    The inverse ends at the last floats inside the bounds (and at about 1e308, ``exp(709)``,
    where there is none), however large z is; it never returns a bound.

    Parameters
    ----------
    low, high : array-like of length d
        Bounds a and b of every column, -inf and inf where there is none.

    References
    ----------
    .. [1] Haarnoja et al. (2018), Soft actor-critic algorithms and applications,
       arXiv:1812.05905, appendix C.
    """

    def __init__(self, low, high):
        super().__init__()
        low, high = checked_bounds(low, high)
        self.register_buffer("low", low)
        self.register_buffer("high", high)

    def contains(self, x):
        """Which rows have all their values strictly inside: a bool tensor (*members, n)."""
        low, high = self.low.unsqueeze(-2), self.high.unsqueeze(-2)
        return ((x > low) & (x < high)).all(-1)

    def _bounds(self):
        low, high = self.low.unsqueeze(-2), self.high.unsqueeze(-2)
        has_low, has_high = low.isfinite(), high.isfinite()
        # The unused branches of every torch.where below stay finite, and so do gradients.
        finite_low = torch.where(has_low, low, 0.0)
        finite_high = torch.where(has_high, high, 0.0)
        width = torch.where(has_low & has_high, finite_high - finite_low, 1.0)
        return finite_low, finite_high, has_low, has_high, width

    def _clamp(self, x):
        low, high = self.low.unsqueeze(-2), self.high.unsqueeze(-2)
        return torch.clamp(x, torch.nextafter(low, high), torch.nextafter(high, low))

    def forward(self, x, context=None):
        low, high, has_low, has_high, width = self._bounds()
        outside = (x <= self.low.unsqueeze(-2)) | (x >= self.high.unsqueeze(-2))
        x = self._clamp(x)
        log_above = torch.where(has_low, x - low, 1.0).log()
        log_below = torch.where(has_high, high - x, 1.0).log()
        z = torch.where(has_low | has_high, log_above - log_below, x)
        log_det = (width.log() - log_above - log_below).sum(-1)
        return z, log_det.masked_fill(outside.any(-1), -math.inf)

    def inverse(self, z, context=None):
        low, high, has_low, has_high, width = self._bounds()
        limit = max_exponent(z)
        log_above, log_below = z.clamp(max=limit), -z.clamp(min=-limit)
        # From the nearer edge, where the distance to it keeps all its digits. Not by the absolute
        # value of z, whose derivative at 0 is none.
        edge = torch.where(z < 0, z, -z).exp()
        part = width * (edge / (1 + edge))
        x = torch.where(z < 0, low + part, high - part)
        x = torch.where(has_high, x, low + log_above.exp())
        x = torch.where(has_low, x, high - log_below.exp())
        x = torch.where(has_low | has_high, x, z)
        log_det = width.log() + logsigmoid(z) + logsigmoid(-z)
        log_det = torch.where(has_high, log_det, log_above)
        log_det = torch.where(has_low, log_det, log_below)
        log_det = torch.where(has_low | has_high, log_det, 0.0)
        return self._clamp(x), log_det.sum(-1)


def checked_bounds(low, high):
    """Return bounds as tensors (d,) of float64 of their own; a ValueError if they hold nothing."""
    low, high = (torch.as_tensor(t, dtype=torch.float64).detach().clone() for t in (low, high))
    if low.ndim != 1 or low.shape != high.shape:
        shapes = f"{tuple(low.shape)} and {tuple(high.shape)}"
        raise ValueError(f"low and high must hold one bound per column each, got shapes {shapes}")
    for column, (a, b) in enumerate(zip(low.tolist(), high.tolist(), strict=True)):
        bounds = f"the bounds of column {column} are ({a}, {b})"
        if not a < b:
            raise ValueError(f"{bounds}: expected low < high")
        if math.nextafter(a, b) >= b:
            raise ValueError(f"{bounds}: there is no number between them")
        if math.isfinite(a) and math.isfinite(b) and math.isinf(b - a):
            raise ValueError(f"{bounds}: too wide for float64, leave one of them out")
    return low, high
