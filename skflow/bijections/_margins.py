"""What maps of columns by mixtures have in common: the fit, the search, the scaling."""

import math
from typing import Any

import torch
from torch import nn

from skflow.bijections._base import Bijection
from skflow.bijections._marginal_fit import LOG_UNUSED, fit_mixtures
from skflow.bijections._normalization import robust_moments
from skflow.numerics import implicit_root, increasing_root, neighbours

__all__ = ["SIZES", "BentMargins", "MixtureMargins", "root_of_mixture"]

SIZES = (1, 2, 3, 5, 8)  # of the mixtures that are tried
SPARE_SHARE = 0.02
# Where components change, in their scales from their means.
PLACES = -30.0, -8.0, -4.0, -2.0, -1.0, 0.0, 1.0, 2.0, 4.0, 8.0, 30.0


class MixtureMargins(Bijection):
    """Each column through the distribution function of a mixture, to normal scores.

    A subclass says what the components are (``_family``), how log-scales come from numbers without
    bounds and back (``_log_scale``, ``_raw``), what the background is (``_background``), and how
    scores are taken (``_scores``) and searched for (``_search``). Its parameters come from
    :meth:`_place`.
    """

    invertible = "iterative"
    _family: Any = None

    def __init__(self, n_features, n_components, min_scale):
        super().__init__()
        self.n_features = n_features
        self.n_components = n_components
        self.min_scale = min_scale
        self.register_buffer("shift", torch.zeros(n_features))
        self.register_buffer("scale", torch.ones(n_features))

    def _place(self, variance):
        """Begin with a mixture of variance 1; ``variance`` is a component's of scale 1."""
        loc = torch.special.ndtri((torch.arange(self.n_components) + 0.5) / self.n_components)
        log_scale = 0.5 * torch.log((1 - loc.square().mean()) / variance)
        self.loc = nn.Parameter(loc.repeat(self.n_features, 1))
        self.raw_log_scale = nn.Parameter(self._raw(log_scale.expand_as(self.loc)).clone())
        self.logits = nn.Parameter(torch.zeros_like(self.loc))

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
    def _fit(self, x, weight=None, sizes=SIZES):
        """Fit to rows x (*members, n, d) with weights (*members, n)."""
        shift, scale = robust_moments(x, weight)
        # so that far numbers divided by it are numbers of the dtype, and their squares
        scale = scale.clamp(min=torch.finfo(self.scale.dtype).tiny ** 0.8)
        u = (x.double() - shift.unsqueeze(-2)) / scale.unsqueeze(-2)
        weight = torch.ones_like(u[..., 0]) if weight is None else weight.double()
        n = u.shape[-2]
        columns = u.mT.reshape(-1, n)
        weights = weight.unsqueeze(-2).expand(u.mT.shape).reshape(-1, n)
        fit = fit_mixtures(
            columns, weights, sizes, self.n_components, self.min_scale, self._family
        )
        log_weight, loc, log_scale, *ground = (t.view(*shift.shape, *t.shape[1:]) for t in fit)
        self.shift, self.scale = shift.to(self.shift), scale.to(self.scale)
        self._keep_background(*ground)
        for own, new in (
            (self.logits, log_weight),
            (self.loc, loc),
            (self.raw_log_scale, self._raw(log_scale)),
        ):
            own.data = new.to(own)

    def forward(self, x, context=None):
        scale = self.scale.unsqueeze(-2)
        u = (x - self.shift.unsqueeze(-2)) / scale
        z, log_slope = self._scores(u, self._mixture(u.dim()))
        return z, (log_slope - scale.log()).sum(-1)

    def inverse(self, z, context=None):
        mixture = self._mixture(z.dim())

        def score_and_slope(u):
            score, log_slope = self._scores(u, mixture)
            return score, log_slope.exp()

        with torch.no_grad():
            u = self._search(z, mixture, score_and_slope)
        u = implicit_root(score_and_slope, z, u)
        log_slope = self._scores(u, mixture)[1]
        scale = self.scale.unsqueeze(-2)
        return u * scale + self.shift.unsqueeze(-2), (scale.log() - log_slope).sum(-1)

    def _keep_background(self, middle, width):
        """Keep what has been fitted of the background."""

    def _mixture(self, n_axes):
        """Log-weights, means and log-scales of all components, for rows of so many axes.

        Components are the first axis of each, and then come those of the rows, which may have
        some before the members'.
        """
        share = self._family.background
        log_weight = torch.log_softmax(self.logits, -1) + math.log1p(-share)
        middle, log_width = self._background()
        pairs = (
            (log_weight, torch.full_like(log_weight[..., :1], math.log(share))),
            (self.loc, middle),
            (self._log_scale(), log_width),
        )
        parts = [torch.cat(pair, -1).movedim(-1, 0).unsqueeze(-2) for pair in pairs]
        before = [1] * (n_axes + 1 - parts[0].dim())
        return [part.reshape(part.shape[0], *before, *part.shape[1:]) for part in parts]


def root_of_mixture(function, target, mixture):
    """Invert an increasing function of columns that is made of a mixture.

    It is searched for between places of the components, between which the function changes little.

    Parameters
    ----------
    function : callable
        As :func:`skflow.numerics.increasing_root` takes it.
    target : tensor of shape (..., n, d)
    mixture : sequence of tensor
        Log-weights, means and log-scales, components first and then (..., 1, d).

    Returns
    -------
    u : tensor of shape (..., n, d)
    """
    _, loc, log_scale = mixture
    places = loc.new_tensor(PLACES).view(-1, *[1] * loc.dim())
    points = (loc + log_scale.exp() * places).flatten(0, 1).squeeze(-2)
    knots = points.sort(dim=0).values.movedim(0, -2)
    start, between = neighbours(knots, function(knots)[0], target)
    return increasing_root(function, target, start, between)


class BentMargins(Bijection):
    """Columns scaled, their ``tails`` bent, then through ``margins``; log-dets add up."""

    invertible = "iterative"

    def __init__(self, n_features, tails, margins):
        super().__init__()
        self.register_buffer("shift", torch.zeros(n_features, dtype=torch.float64))
        self.register_buffer("scale", torch.ones(n_features, dtype=torch.float64))
        self.tails = tails
        self.margins = margins.double().requires_grad_(False)

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
