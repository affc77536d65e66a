"""Normal scores by mixtures of logistics: flows of earlier versions, which files may hold.

Nothing makes these maps anew; :mod:`skflow.bijections._normal_scores` has their successors.
"""

import math

import torch
from torch import nn

from skflow.bijections._base import Bijection
from skflow.bijections._normal_scores import BentMargins
from skflow.bijections._soft_tails import SoftTails
from skflow.numerics import (
    implicit_root,
    increasing_root,
    logit_of_normal,
    mixture_logit,
    normal_of_logit,
)

__all__ = ["Gaussianize", "GaussianizeMarginals"]

BACKGROUND = 1e-3


class GaussianizeMarginals(Bijection):
    r"""Each column through the distribution function of a mixture, to normal scores.

    With ``u = (x - shift) / scale``, column by column:

    .. math::
        z = \Phi^{-1}(F(u)), \quad
        F(u) = (1 - a) \sum_k w_k\, \sigma\Bigl(\frac{u - \mu_k}{s_k}\Bigr) + a\,\sigma(u), \quad
        \log\frac{dz}{dx} = \log F'(u) - \log\phi(z) - \log(\text{scale})

    The log-det of a row is the sum over its columns; the inverse's is minus that. Everything is
    computed from ``logit F``, so that no tail under- or overflows. Far out z grows like
    :math:`\sqrt{2 |u| / s}`: behind a normal base the tails are exponential. The background
    ``a = 0.001`` keeps stretches between far components from being flat. Weights are softmax
    numbers, and :math:`\log s_k = c \tanh(\mathrm{raw}_k / c)` with ``c = -log(min_scale)``.

    The map starts close to the identity. Shift and scale are buffers, all else is trained.

    Cost: O(n d n_components); the inverse searches, at some ten times that, and is exact to the
    last few digits.

    Parameters
    ----------
    n_features : int
    n_components : int, default=8
        Logistics of each column, not counting the background.
    min_scale : float, default=0.02
        Bound of the logistics' scales, which lie in ``(min_scale, 1 / min_scale)``.

    References
    ----------
    Meng, Song, Song & Ermon (2020), Gaussianization flows, arXiv:2003.01941, section 3, where
    the weights are equal and fixed and there is no background.
    """

    invertible = "iterative"

    def __init__(self, n_features, n_components=8, min_scale=0.02):
        super().__init__()
        self.n_features = n_features
        self.n_components = n_components
        self.min_scale = min_scale
        self.register_buffer("shift", torch.zeros(n_features))
        self.register_buffer("scale", torch.ones(n_features))
        places = (torch.arange(n_components) + 0.5) / n_components
        loc = torch.special.ndtri(places)
        # so that the mixture has variance 1, as the logistic's is (pi s)^2 / 3
        log_scale = 0.5 * torch.log(3 * (1 - loc.square().mean()) / math.pi**2)
        self.loc = nn.Parameter(loc.repeat(n_features, 1))
        self.raw_log_scale = nn.Parameter(self._raw(log_scale).repeat(n_features, n_components))
        self.logits = nn.Parameter(torch.zeros(n_features, n_components))

    @property
    def _reach(self):
        return -math.log(self.min_scale)

    def _raw(self, log_scale):
        return self._reach * torch.atanh((log_scale / self._reach).clamp(-0.999, 0.999))

    def forward(self, x, context=None):
        scale = self.scale.unsqueeze(-2)
        z, log_slope = self._scores((x - self.shift.unsqueeze(-2)) / scale, self._mixture())
        return z, (log_slope - scale.log()).sum(-1)

    def inverse(self, z, context=None):
        mixture = self._mixture()

        def value_and_slope(u):
            value, log_slope = mixture_logit(u, *mixture)
            return value, log_slope.exp()

        def score_and_slope(u):
            score, log_slope = self._scores(u, mixture)
            return score, log_slope.exp()

        with torch.no_grad():
            u = increasing_root(value_and_slope, logit_of_normal(z), torch.zeros_like(z))
        u = implicit_root(score_and_slope, z, u)
        log_slope = self._scores(u, mixture)[1]
        scale = self.scale.unsqueeze(-2)
        return u * scale + self.shift.unsqueeze(-2), (scale.log() - log_slope).sum(-1)

    def _scores(self, u, mixture):
        logit, log_slope = mixture_logit(u, *mixture)
        z, log_bend = normal_of_logit(logit)
        return z, log_slope + log_bend

    def _mixture(self):
        """Log-weights, means and log-scales of all logistics: components first, then rows."""
        log_weight = torch.log_softmax(self.logits, -1) + math.log1p(-BACKGROUND)
        log_scale = self._reach * torch.tanh(self.raw_log_scale / self._reach)
        parts = zip((log_weight, self.loc, log_scale), (math.log(BACKGROUND), 0, 0), strict=True)
        return [
            torch.cat([t, torch.full_like(t[..., :1], last)], -1).movedim(-1, 0).unsqueeze(-2)
            for t, last in parts
        ]


class Gaussianize(BentMargins):
    r"""Preprocessing: every column to normal scores by a smooth fit of its distribution.

    By column: ``u = (x - shift) / scale`` with the median and a spread of the middle 80 %, tails
    bent in by :class:`SoftTails`, then :class:`GaussianizeMarginals`. Log-dets add up.
    In float64, and not trained. Its tails are bent twice, so that draws go far beyond the rows.

    Cost: see :class:`GaussianizeMarginals`.
    """

    invertible = "iterative"

    def __init__(self, n_features):
        super().__init__()
        self.register_buffer("shift", torch.zeros(n_features, dtype=torch.float64))
        self.register_buffer("scale", torch.ones(n_features, dtype=torch.float64))
        self.tails = SoftTails(n_features)
        self.margins = GaussianizeMarginals(n_features, 8, 5e-3).double()
        self.margins.requires_grad_(False)
