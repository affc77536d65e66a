"""Layers of Gaussianization flows: columns mapped to the normal scores of normal mixtures."""

import math

import torch

from skflow.bijections._marginal_fit import Normals
from skflow.bijections._margins import MixtureMargins, root_of_mixture
from skflow.numerics import mixture_score

__all__ = ["MarginalGaussianization"]

WIDEST = 1.5  # backgrounds


class MarginalGaussianization(MixtureMargins):
    r"""Each column through the distribution function of a mixture of normals, to normal scores.

    With ``u = (x - shift) / scale``, column by column:

    .. math::
        z = \Phi^{-1}(F(u)), \quad
        F(u) = (1 - a) \sum_k w_k\, \Phi\Bigl(\frac{u - \mu_k}{s_k}\Bigr)
               + a\,\Phi\Bigl(\frac{u - m}{S}\Bigr), \quad
        \log\frac{dz}{dx} = \log F'(u) - \log\phi(z) - \log(\text{scale})

    The log-det of a row is the sum over its columns; the inverse's is minus that. Everything is
    computed from the log-odds of F, so that no tail under- or overflows. Far out z is a line of
    slope :math:`1 / \max(S, s_k)`: behind a normal base the tails are those of the widest normal,
    and layers in a row do not bend them. The background, of share ``a = 0.01``, has the mean and
    the variance of the column; it keeps stretches between far components from being flat.

    Weights are softmax numbers, and scales lie between bounds,

    .. math::
        \log s_k = \log s_{\min} + \sigma(\mathrm{raw}_k) \log\frac{1.5\, S}{s_{\min}},

    so that training cannot make a tail much wider than the column.

    Until :meth:`initialize` has fitted the mixtures to rows, the map is close to the identity. A
    column that needs fewer components leaves 2 % of the weight to the others, spread over the
    middle. Shift, scale and background are buffers, all else is trained.

    Cost: O(n d n_components); the inverse searches, at some ten times that, and is exact to the
    last few digits.

    Parameters
    ----------
    n_features : int
    n_components : int, default=8
        Normals of each column, not counting the background.
    min_scale : float, default=0.02
        Lower bound of their scales.

    References
    ----------
    Laparra, Camps-Valls & Malo (2011), Iterative Gaussianization, IEEE Trans. Neural Networks 22,
    arXiv:1602.00229, section II, which calls it so.
    Meng, Song, Song & Ermon (2020), Gaussianization flows, arXiv:2003.01941, section 3, where
    mixtures are of logistics, with equal and fixed weights and without a background: z then grows
    like a root, and the tails of draws with a power of two for each layer.
    """

    _family = Normals

    def __init__(self, n_features, n_components=8, min_scale=0.02):
        super().__init__(n_features, n_components, min_scale)
        self.register_buffer("middle", torch.zeros(n_features))
        self.register_buffer("width", torch.ones(n_features))
        self._place(variance=1.0)

    def _log_scale(self):
        return math.log(self.min_scale) + self._reach() * self.raw_log_scale.sigmoid()

    def _raw(self, log_scale):
        return torch.logit((log_scale - math.log(self.min_scale)) / self._reach(), eps=1e-3)

    def _reach(self):
        """Width of the interval in which log-scales lie, (*members, d, 1)."""
        return (self.width.log() + math.log(WIDEST / self.min_scale)).unsqueeze(-1)

    def _keep_background(self, middle, width):
        self.middle = middle.to(self.middle)
        self.width = width.clamp(min=self.min_scale).to(self.width)

    def _background(self):
        return self.middle.unsqueeze(-1), self.width.log().unsqueeze(-1)

    def _scores(self, u, mixture):
        return mixture_score(u, *mixture)

    def _search(self, z, mixture, score_and_slope):
        return root_of_mixture(score_and_slope, z, mixture)
