"""Tails bent in by a logarithm: the last step of every preprocessing in files of version 0.1."""

import torch

from skflow.bijections._base import Bijection
from skflow.numerics import max_exponent

__all__ = ["SoftTails"]


class SoftTails(Bijection):
    """The identity in the middle, logarithmic far out: bounds what a flow must extrapolate.

    By column, with ``e = max(|x| - t, 0)``: forward ``z = x`` for ``|x| <= t``, otherwise
    ``z = sign(x) (t + log(1 + e))``; log-det ``-sum log(1 + e)``. Inverse, with
    ``e' = max(|z| - t, 0)``: ``x = sign(z) (t + exp(e') - 1)`` beyond t; log-det ``sum e'``.
    Once continuously differentiable. Cost: O(n d).

    A normal base behind it has tails like a log-normal's: a value a million standard deviations
    out comes to ``z = t + 13.8``, its log density to some -200 and not to -5e11. Expects
    standardised columns.

    The inverse is exact up to ``e' = 709`` in float64 (88 in float32), the largest whole
    exponent; beyond it x and the log-det stay where they are there, finite. Likewise an x that
    overflowed to +-inf on its way counts as the largest float.

    Parameters
    ----------
    n_features : int
    threshold : float or array-like of length d, default=5.0
        t, at least 0.
    """

    def __init__(self, n_features, threshold=5.0):
        super().__init__()
        threshold = torch.as_tensor(threshold, dtype=torch.float64)
        if not bool(((threshold >= 0) & threshold.isfinite()).all()):
            raise ValueError(f"threshold must be finite and not negative, got {threshold}")
        self.register_buffer("threshold", threshold.expand(n_features).clone())

    def forward(self, x, context=None):
        t = self.threshold.unsqueeze(-2)
        excess = (x.abs().clamp(max=torch.finfo(x.dtype).max) - t).clamp(min=0)
        stretch = excess.log1p()
        z = torch.where(excess > 0, x.sign() * (t + stretch), x)
        return z, -stretch.sum(-1)

    def inverse(self, z, context=None):
        t = self.threshold.unsqueeze(-2)
        excess = (z.abs() - t).clamp(min=0, max=max_exponent(z))
        x = torch.where(excess > 0, z.sign() * (t + excess.expm1()), z)
        return x, excess.sum(-1)
