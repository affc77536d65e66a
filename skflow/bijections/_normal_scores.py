"""Columns mapped to normal scores by smooth distribution functions fitted to them."""

import math

import torch
from torch import nn

from skflow.bijections._base import Bijection
from skflow.bijections._marginal_fit import BACKGROUND, LOG_UNUSED, fit_mixtures
from skflow.bijections._normalization import robust_moments
from skflow.bijections._tukey import TukeyTails
from skflow.numerics import implicit_root, increasing_root, mixture_score

__all__ = ["BentMargins", "MarginalGaussianization", "NormalScores"]

SIZES = (1, 2, 3, 5, 8)  # of the mixtures that are tried
MIN_SCALE = 5e-3
SPARE_SHARE = 0.02
WIDEST = 1.5  # backgrounds


class MarginalGaussianization(Bijection):
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

    Until :meth:`initialize` has fitted the mixtures to rows, as :class:`NormalScores` does, the
    map is close to the identity. A column that needs fewer components leaves 2 % of the weight to
    the others, spread over the middle. Shift, scale and background are buffers, all else is
    trained.

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

    invertible = "iterative"

    def __init__(self, n_features, n_components=8, min_scale=0.02):
        super().__init__()
        self.n_features = n_features
        self.n_components = n_components
        self.min_scale = min_scale
        for name, start in (("shift", 0.0), ("scale", 1.0), ("middle", 0.0), ("width", 1.0)):
            self.register_buffer(name, torch.full((n_features,), start))
        loc = torch.special.ndtri((torch.arange(n_components) + 0.5) / n_components)
        log_scale = 0.5 * torch.log(1 - loc.square().mean())  # so that the variance is 1
        self.loc = nn.Parameter(loc.repeat(n_features, 1))
        raw = self._raw(log_scale.repeat(n_features, n_components))
        self.raw_log_scale = nn.Parameter(raw)
        self.logits = nn.Parameter(torch.zeros(n_features, n_components))

    def _reach(self):
        """Width of the interval in which log-scales lie, (*members, d, 1)."""
        return (self.width.log() + math.log(WIDEST / self.min_scale)).unsqueeze(-1)

    def _raw(self, log_scale):
        place = (log_scale - math.log(self.min_scale)) / self._reach()
        return torch.logit(place, eps=1e-3)

    @torch.no_grad()
    def initialize(self, x, context=None, weight=None):
        loc, raw_log_scale = self.loc.detach().clone(), self.raw_log_scale.detach().clone()
        self._fit(x, weight, sorted({min(k, self.n_components) for k in SIZES}))
        # what the fit did without gets a small weight and goes where it was, to be of use later
        spare = self.logits <= LOG_UNUSED
        share = SPARE_SHARE / spare.sum(-1, keepdim=True).clamp(min=1)
        self.logits.data = torch.where(spare, share.log().to(self.logits), self.logits)
        self.loc.data = torch.where(spare, loc, self.loc)
        self.raw_log_scale.data = torch.where(spare, raw_log_scale, self.raw_log_scale)
        return self(x)[0]

    @torch.no_grad()
    def _fit(self, x, weight, sizes):
        """Fit to rows x (*members, n, d) with weights (*members, n)."""
        shift, scale = robust_moments(x, weight)
        # so that far numbers divided by it are numbers of the dtype, and their squares
        scale = scale.clamp(min=torch.finfo(self.scale.dtype).tiny ** 0.8)
        u = (x.double() - shift.unsqueeze(-2)) / scale.unsqueeze(-2)
        weight = torch.ones_like(u[..., 0]) if weight is None else weight.double()
        n = u.shape[-2]
        columns = u.mT.reshape(-1, n)
        weights = weight.unsqueeze(-2).expand(u.mT.shape).reshape(-1, n)
        fit = fit_mixtures(columns, weights, sizes, self.n_components, self.min_scale)
        log_weight, loc, log_scale, middle, width = (
            t.view(*shift.shape, *t.shape[1:]) for t in fit
        )
        width = width.clamp(min=self.min_scale)
        buffers = {"shift": shift, "scale": scale, "middle": middle, "width": width}
        for name, new in buffers.items():
            setattr(self, name, new.to(getattr(self, name)))
        for own, new in (
            (self.logits, log_weight),
            (self.loc, loc),
            (self.raw_log_scale, self._raw(log_scale)),
        ):
            own.data = new.to(own)

    def forward(self, x, context=None):
        scale = self.scale.unsqueeze(-2)
        z, log_slope = mixture_score((x - self.shift.unsqueeze(-2)) / scale, *self._mixture())
        return z, (log_slope - scale.log()).sum(-1)

    def inverse(self, z, context=None):
        mixture = self._mixture()

        def score_and_slope(u):
            score, log_slope = mixture_score(u, *mixture)
            return score, log_slope.exp()

        with torch.no_grad():
            start = self.middle.unsqueeze(-2) + self.width.unsqueeze(-2) * z
            u = increasing_root(score_and_slope, z, start)
        u = implicit_root(score_and_slope, z, u)
        log_slope = mixture_score(u, *mixture)[1]
        scale = self.scale.unsqueeze(-2)
        return u * scale + self.shift.unsqueeze(-2), (scale.log() - log_slope).sum(-1)

    def _mixture(self):
        """Log-weights, means and log-scales of all normals: components first, then rows."""
        log_weight = torch.log_softmax(self.logits, -1) + math.log1p(-BACKGROUND)
        share = torch.full_like(log_weight[..., :1], math.log(BACKGROUND))
        log_scale = math.log(self.min_scale) + self._reach() * self.raw_log_scale.sigmoid()
        pairs = (
            (log_weight, share),
            (self.loc, self.middle.unsqueeze(-1)),
            (log_scale, self.width.log().unsqueeze(-1)),
        )
        return [torch.cat(pair, -1).movedim(-1, 0).unsqueeze(-2) for pair in pairs]


class BentMargins(Bijection):
    """Columns scaled, their ``tails`` bent, then through ``margins``; log-dets add up."""

    def forward(self, x, context=None):
        scale = self.scale.unsqueeze(-2)
        u, outer = self.tails((x - self.shift.unsqueeze(-2)) / scale)
        z, inner = self.margins(u)
        return z, outer + inner - scale.log().sum(-1)

    def inverse(self, z, context=None):
        scale = self.scale.unsqueeze(-2)
        u, inner = self.margins.inverse(z)
        u, outer = self.tails.inverse(u)
        largest = torch.finfo(u.dtype).max
        x = (u * scale + self.shift.unsqueeze(-2)).clamp(-largest, largest)
        return x, outer + inner + scale.log().sum(-1)


class NormalScores(BentMargins):
    r"""Preprocessing: every column to normal scores by a smooth fit of its distribution.

    By column: ``u = (x - shift) / scale`` with the median and a spread of the middle 80 %, tails
    bent in by :class:`TukeyTails`, then :class:`MarginalGaussianization`. Log-dets add up.
    In float64, and not trained; close to the identity until :meth:`from_data` or
    :meth:`initialize` fits it.

    The mixtures are fitted by penalised EM, the number of components in each column chosen from
    1, 2, 3, 5 and 8 by cross-validated likelihood. No component gets narrower than a two
    hundredth of the spread, and each is held wide by two imagined rows, so that repeated values
    do not collapse it. A change of units by a power of two changes no bit of z. The order of rows
    does not matter.

    Cost: fitting O(d (n log n + n_components points)) with at most 512 points a column, chosen
    among on 2,000 rows; see :class:`MarginalGaussianization` for the rest.

    References
    ----------
    Chen & Gopinath (2000), Gaussianization, NIPS 13, section 3.
    Laparra, Camps-Valls & Malo (2011), Iterative Gaussianization, IEEE Trans. Neural Networks 22,
    arXiv:1602.00229.
    """

    invertible = "iterative"

    def __init__(self, n_features):
        super().__init__()
        self.register_buffer("shift", torch.zeros(n_features, dtype=torch.float64))
        self.register_buffer("scale", torch.ones(n_features, dtype=torch.float64))
        self.tails = TukeyTails(n_features)
        self.margins = MarginalGaussianization(n_features, max(SIZES), MIN_SCALE).double()
        self.margins.requires_grad_(False)

    @classmethod
    def from_data(cls, x, weight=None, robust=None):
        """Fit to rows x (*members, n, d) with weights (*members, n), 0 for unused rows.

        All columns are scaled by the spread of their middle, whatever ``robust`` says.
        """
        scores = cls(x.shape[-1])
        scores._fit(x, weight)
        return scores

    def initialize(self, x, context=None, weight=None):
        self._fit(x, weight)
        return self(x)[0]

    @torch.no_grad()
    def _fit(self, x, weight):
        self.shift, self.scale = robust_moments(x, weight)
        u = (x.double() - self.shift.unsqueeze(-2)) / self.scale.unsqueeze(-2)
        self.margins._fit(self.tails.initialize(u, weight=weight), weight, SIZES)
