"""Tails bent in as far as the rows ask for: the last step of every preprocessing."""

import torch

from skflow._graph import any_of
from skflow.bijections._base import Bijection
from skflow.bijections._tail_fit import fit_tails
from skflow.numerics import TailBend

__all__ = ["TukeyTails"]

NAMES = ("threshold", "h", "m", "v", "k")


class TukeyTails(Bijection):
    r"""The identity in the middle, the inverse of Tukey's h-transform in the tails.

    By column and side, e says how far x lies beyond the start t of the tail and w how far z does:
    :math:`e = w \exp(h w^2 / 2)` as far as the rows reach, :math:`w \le m`; further out e is a
    line in w up to v, and an exponential from there: see ``skflow.numerics.TailBend``. Log-det
    :math:`-\sum \log de / dw` over the entries in tails; the inverse's is minus that. Once
    continuously differentiable.

    If z has the tail of a normal of deviation c, then x has a Pareto tail of index
    :math:`1 / (h c^2)`. With h = 0 the tail is left alone up to v, which lies beyond all rows;
    a row further out costs about half the square of the logarithm of its distance, in nats.
    :meth:`from_data` asks the rows: see ``fit_tails``. Until then nothing is bent.

    Cost: O(n d), and some five Newton steps in the forward direction, if any h is positive. The
    inverse is exact up to the largest exponent of the dtype (709 in float64); beyond it x and the
    log-det stay where they are there, finite. Likewise an x that overflowed to +-inf on its way
    counts as the largest float.

    Parameters
    ----------
    n_features : int
    light : {"normal", "exponential"}, default="normal"
        Which tails are left alone: those that what stands behind this map has by itself.

    Attributes
    ----------
    threshold, h, m, v, k : tensors of shape (*members, 2, d), float64
        Of the lower tails, of -x and -z, then of the upper ones. The threshold is where the tail
        begins.

    References
    ----------
    Goerg (2015), The Lambert way to Gaussianize heavy-tailed data with the inverse of Tukey's h
    transformation as a special case, The Scientific World Journal 909231, eqs. 4 and 7, where the
    threshold is 0 and nothing follows the h-transform.
    """

    def __init__(self, n_features, light="normal"):
        super().__init__()
        self.light = light
        limit = torch.finfo(torch.float64).max
        for name, value in zip(NAMES, (limit, 0.0, 0.0, 0.0, 1.0), strict=True):
            self.register_buffer(name, torch.full((2, n_features), value, dtype=torch.float64))

    @classmethod
    def from_data(cls, x, weight=None):
        """Fit to rows x (*members, n, d) with weights (*members, n), 0 for unused rows."""
        tails = cls(x.shape[-1])
        tails._set(*fit_tails(x, weight))
        return tails

    def left_alone(self, upto):
        """Leave columns alone up to +-``upto``, a float or (d,), and bend beyond; 0: no change."""
        start = torch.as_tensor(upto, dtype=torch.float64).expand_as(self.threshold)
        zero = torch.zeros_like(start)
        new = (start, zero, zero, zero, 1 / start)
        old = (getattr(self, name) for name in NAMES)
        self._set(*(torch.where(start > 0, b, a) for a, b in zip(old, new, strict=True)))
        return self

    def initialize(self, x, context=None, weight=None):
        self._set(*fit_tails(x, weight, self.light))
        return self(x)[0]

    def _set(self, *values):
        for name, value in zip(NAMES, values, strict=True):
            setattr(self, name, value)

    def forward(self, x, context=None):
        lower, upper = self.threshold.unsqueeze(-3).unbind(-2)
        if not any_of((x > upper) | (x < -lower)):
            return x, x.new_zeros(x.shape[:-1])
        limit = torch.finfo(x.dtype).max
        beyond, sign, start, excess, bend = self._tails(x.clamp(-limit, limit))
        w, log_slope = bend.shrink(excess)
        z = torch.where(beyond, sign * (start + w), x)
        return z, -torch.where(beyond, log_slope, 0.0).sum(-1)

    def inverse(self, z, context=None):
        beyond, sign, start, excess, bend = self._tails(z)
        e, log_slope = bend.stretch(excess)
        limit = torch.finfo(z.dtype).max
        x = torch.where(beyond, (sign * (start + e)).clamp(-limit, limit), z)
        return x, torch.where(beyond, log_slope, 0.0).sum(-1)

    def _tails(self, x):
        """Which entries lie in a tail, its sign, its start, how far beyond (else 0), its bend."""
        lower, upper = (
            [getattr(self, name)[..., side, :].unsqueeze(-2) for name in NAMES] for side in (0, 1)
        )
        is_upper = x > upper[0]
        start, *bend = (torch.where(is_upper, b, a) for a, b in zip(lower, upper, strict=True))
        sign = torch.where(is_upper, 1.0, -1.0).to(x.dtype)
        excess = (sign * x - start).clamp(max=torch.finfo(x.dtype).max)
        return excess > 0, sign, start, excess.clamp(min=0), TailBend(*bend)
