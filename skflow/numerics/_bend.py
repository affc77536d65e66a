"""Tukey's h-transform of positive numbers, continued by a line and by an exponential."""

import math

import torch
from torch import nn

from skflow._graph import any_of
from skflow.numerics._roots import implicit_root

__all__ = ["TailBend", "from_tukey", "max_exponent"]

STEPS = 3  # from a start within one part in a hundred to the last digit of double precision


class TailBend:
    r"""The increasing map from w to e, both from 0 on, of a normal tail to one of any heaviness.

    .. math::
        e = \begin{cases}
            w \exp(h w^2 / 2) & w \le m \\
            e(m) + s\,(w - m) & m < w \le v \\
            e(v) + s\,(\exp(k\,(w - v)) - 1) / k & v < w
        \end{cases}
        \qquad s = (1 + h m^2) \exp(h m^2 / 2)

    Once continuously differentiable.

    Parameters
    ----------
    h, m, v, k : tensors that broadcast with w and e
        Not negative, k positive, m <= v.
    """

    def __init__(self, h, m, v, k):
        self.h, self.m, self.v, self.k = h, m, v, k
        bend = h * m.square()
        self.log_s = torch.log1p(bend) + 0.5 * bend
        self.e_m = m * torch.exp(0.5 * bend)
        self.e_v = self.e_m + self.log_s.exp() * (v - m)

    def stretch(self, w):
        """Map w to e and ``log de/dw``; e grows no further where it would overflow."""
        inner = torch.minimum(w, self.m)
        square = self.h * inner.square()
        e = inner * torch.exp(0.5 * square)
        log_slope = torch.log1p(square) + 0.5 * square
        middle = (torch.minimum(w, self.v) - self.m).clamp(min=0)
        outer = (self.k * (w - self.v)).clamp(min=0, max=max_exponent(w))
        s = self.log_s.exp()
        e = e + s * middle + s * (outer.expm1() / self.k)
        largest = torch.finfo(e.dtype).max
        return e.clamp(max=largest), torch.where(w > self.m, self.log_s + outer, log_slope)

    def shrink(self, e):
        """Map e to w and ``log de/dw`` there."""
        inner = from_tukey(torch.minimum(e, self.e_m), self.h)
        square = self.h * inner.square()
        log_slope = torch.log1p(square) + 0.5 * square
        s = self.log_s.exp()
        middle = (torch.minimum(e, self.e_v) - self.e_m).clamp(min=0) / s
        over = self.k * ((e - self.e_v).clamp(min=0) / s)
        outer = over.clamp(max=torch.finfo(e.dtype).max).log1p()
        w = inner + middle + outer / self.k
        return w, torch.where(e > self.e_m, self.log_s + outer, log_slope)


def from_tukey(e, h):
    r"""Find the w of ``w exp(h w^2 / 2) = e``, for e and h not negative.

    It is :math:`\sqrt{W(h e^2) / h}` with Lambert's W: by Winitzki's approximation [1]_, which is
    within one part in a hundred, and from there by Newton's method in logarithms, as many steps
    for any numbers.

    References
    ----------
    .. [1] Winitzki (2003), Uniform approximations for transcendental functions, ICCSA
       2003, of Lambert's W.
    """
    h = torch.as_tensor(h, dtype=e.dtype, device=e.device)
    if not any_of(h > 0):
        return e
    log_e, largest = torch.where(e > 0, e, 1.0).log(), torch.finfo(e.dtype).max

    def function(log_w):
        square = h * (2 * log_w).exp().clamp(max=largest)  # 0 if h is
        return log_w + 0.5 * square, 1 + square

    with torch.no_grad():
        log_w = _near_tukey(log_e, h)
        for _ in range(STEPS):
            value, slope = function(log_w)
            log_w = log_w - (value - log_e) / slope
    return torch.where(e > 0, implicit_root(function, log_e, log_w).exp(), 0.0 * e)


def _near_tukey(log_e, h):
    """Log w within .01: by W where that is large, and by its distance from e where it is small."""
    log_h = h.clamp(min=torch.finfo(h.dtype).tiny).log()
    log_sum = nn.functional.softplus(log_h + 2 * log_e)  # log(1 + h e^2)
    square = log_sum * (1 - log_sum.log1p() / (2 + log_sum))
    by_size = 0.5 * (square.clamp(min=1).log() - log_h)
    return torch.where(square > 1, by_size, log_e - 0.5 * square)


def max_exponent(x):
    """Return the largest whole number whose exponential the dtype of x can hold."""
    return math.floor(math.log(torch.finfo(x.dtype).max))
