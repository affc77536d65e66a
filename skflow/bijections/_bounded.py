"""Columns with declared bounds as normal scores, so that every power law at a bound is a tail."""

import math

import torch
from torch.nn.functional import logsigmoid

from skflow.bijections._base import Bijection
from skflow.bijections._normalization import robust_moments
from skflow.bijections._support import checked_bounds
from skflow.bijections._tail_fit import last_of_normal
from skflow.numerics import (
    LogBeta,
    bent_ends,
    beta_logit,
    fit_log_beta,
    implicit_root,
    increasing_root,
    logit_of_normal,
    max_exponent,
    normal_of_logit,
)

__all__ = ["BoundedToNormal"]

# Share of the mass that a power law may leave beyond the last float before its bound.
LEFT_OUT = 1e-4
LEAST_EXPONENT = 0.02
# Of the distance to a bound: nearer to the centre, differences are taken from there.
NEAR = 0.5
LIGHT = 8.0  # nats at least by which a light tail falls over a range of the rows
FARTHEST = 0.45  # power of the largest float where scores end, so that their squares are numbers


class BoundedToNormal(Bijection):
    r"""Columns with declared bounds through a fitted distribution to normal scores.

    By column, with the distances ``below = x - low`` and ``above = high - x`` to the bounds and
    ``below_0`` and ``above_0`` those of its centre, always increasing:

    .. math::
        t = \log\frac{\text{below}}{\text{below}_0} - \log\frac{\text{above}}{\text{above}_0},
        \quad z = \Phi^{-1}(I_{\sigma(c\,t')}(a, b)), \quad
        \log\frac{dz}{dx} = \log\frac{dz}{dt}
        + \log\Bigl(\frac{1}{\text{below}} + \frac{1}{\text{above}}\Bigr)

    where the terms of a bound that is not there are left out, columns without any are left
    alone, :math:`I` is the regularised incomplete Beta function, and t' is t but for its slopes
    :math:`r_1` and :math:`r_2` beyond two places, see :func:`skflow.numerics.bent_ends`. With
    two bounds, the centre in the middle and c = 1 that is a Beta distribution; with one, a Beta
    prime distribution; with any c a generalised Beta of the second kind [1]_. At the lower bound
    the distribution function is a power :math:`a c r_1` of the distance, at the upper one
    :math:`b c r_2`, and these are tail indices at an end without a bound. So a density
    that is flat at a bound, falls to zero or rises there like any power has exactly the tail of
    a standard normal variable, and a flow whose own tails are normal need not bend it.

    Everything is computed from logarithms of distances and log-odds, so that nothing under- or
    overflows to the last float before a bound, and no digit is lost near the centre either.
    Exponents are large enough to leave at most 1e-4 of the mass beyond that float. The log-det of
    a row is the sum over its columns; the inverse's is minus that. Outside the support, which is
    open, a row gets the log-det -inf and the z of the nearest value inside; the inverse ends at
    the last floats inside. Until :meth:`from_data` or :meth:`initialize` has fitted the numbers
    they are 1, and the centre lies in the middle or at a distance of about 1.

    Cost: some 250 operations for each entry of a bounded column; the inverse searches, at some
    ten times that. Fitting: that of :func:`skflow.numerics.fit_log_beta`.

    Parameters
    ----------
    low, high : array-like of length d
        Bounds of every column, -inf and inf where there is none.

    References
    ----------
    .. [1] McDonald (1984), Some generalized functions for the size distribution of income,
       Econometrica 52(3), equations 3 and 4.
    """

    invertible = "iterative"

    def __init__(self, low, high):
        super().__init__()
        low, high = checked_bounds(low, high)
        self.register_buffer("low", low)
        self.register_buffer("high", high)
        self.register_buffer("centre", _middle(low, high))
        for name in LogBeta._fields[1:]:
            self.register_buffer(name, torch.zeros_like(low))

    @classmethod
    def from_data(cls, x, low, high, weight=None):
        """Fit to rows x (*members, n, d), inside the bounds, with weights (*members, n).

        Rows of weight 0 are not looked at.
        """
        bounded = cls(low, high)
        bounded._fit(x, weight)
        return bounded

    def initialize(self, x, context=None, weight=None):
        self._fit(x, weight)
        return self(x)[0]

    @torch.no_grad()
    def _fit(self, x, weight):
        shape = (*x.shape[:-2], x.shape[-1])
        for name, buffer in list(self.named_buffers()):
            setattr(self, name, buffer.expand(shape).clone())
        has_low, has_high = self.low.isfinite(), self.high.isfinite()
        middle = _middle(self.low, self.high)
        # seen from the median the rows of a narrow column keep their digits
        self.centre = _inside(robust_moments(x, weight)[0], self.low, self.high)
        weight = torch.ones_like(x[..., 0]) if weight is None else weight
        weight = weight.double().unsqueeze(-1).expand(x.shape)
        x = torch.where(weight > 0, x.double(), self.centre.unsqueeze(-2))
        t, _ = self._log_odds(x)
        anchor = self._log_odds(middle.unsqueeze(-2))[0].squeeze(-2)
        anchor = torch.where(has_low & has_high, anchor, math.nan)
        kept = has_low | has_high
        least = self._least_exponents(x, weight)
        found = fit_log_beta(t.mT[kept], weight.mT[kept], anchor[kept], least[kept])
        loc = torch.zeros_like(self.low).masked_scatter(kept, found.loc)
        self.centre = self._value(loc.unsqueeze(-2))[0].squeeze(-2)
        for name, numbers in found._asdict().items():
            if name != "loc":
                getattr(self, name).masked_scatter_(kept, numbers)
        self.low_end, self.high_end = self.low_end - loc, self.high_end - loc
        self._hold_exponents()

    def _least_exponents(self, x, weight):
        """Of the ends (*members, d, 2) of the columns, how fast they have to fall.

        A shape that has to hold two clumps may have any tail where no bound is. But where the last
        row is no further out than that of a normal column, the tail is light, as in
        :func:`fit_tails`.
        """
        low, high, has_low, has_high, _, _ = self._geometry()
        lowest, highest = x.amin(-2, keepdim=True), x.amax(-2, keepdim=True)
        width = highest - lowest
        u = (x - lowest) / torch.where(width > 0, width, 1.0)
        share = weight / weight.sum(-2, keepdim=True)
        mean = (share * u).sum(-2, keepdim=True)
        spread = (share * (u - mean).square()).sum(-2, keepdim=True).sqrt()
        last = last_of_normal(share.square().sum(-2, keepdim=True).reciprocal())
        ends = (
            (mean, high - lowest, has_high & ~has_low),
            (1 - mean, highest - low, has_low & ~has_high),
        )
        least = [
            torch.where(is_open & (reach <= last * spread), LIGHT / (width / distance).log1p(), 0)
            for reach, distance, is_open in ends
        ]
        return torch.stack(least, -1).squeeze(-3).nan_to_num(posinf=0.0)

    def _hold_exponents(self):
        """Stretch columns of which too much would lie beyond the last float before a bound."""
        low, high, has_low, has_high, below, above = self._geometry()
        log_a, log_b = self.log_a + self.log_bend_low, self.log_b + self.log_bend_high
        pairs = ((low, below, has_low, log_a), (high, -above, has_high, log_b))
        for bound, distance, has_bound, log_exponent in pairs:
            inside = torch.nextafter(bound, bound + distance)
            floats = (distance / (inside - bound)).log()
            least = (math.log(1 / LEFT_OUT) / floats).clamp(LEAST_EXPONENT, 1.0).squeeze(-2)
            held = torch.maximum(self.log_stretch, least.log() - log_exponent)
            self.log_stretch = torch.where(has_bound.squeeze(-2), held, self.log_stretch)

    def _geometry(self):
        """Bounds, which of them there are, and the distances of the centre to them."""
        low, high = self.low.unsqueeze(-2), self.high.unsqueeze(-2)
        has_low, has_high = low.isfinite(), high.isfinite()
        centre = self.centre.unsqueeze(-2)
        # the unused branches of every torch.where below stay finite, and so do gradients
        low, high = torch.where(has_low, low, centre - 1), torch.where(has_high, high, centre + 1)
        below = torch.where(has_low, centre - low, 1.0)
        above = torch.where(has_high, high - centre, 1.0)
        return low, high, has_low, has_high, below, above

    def _log_odds(self, x):
        """Return t and log dt/dx of numbers inside the bounds; x and 0 where there are none."""
        low, high, has_low, has_high, below_0, above_0 = self._geometry()
        away = x - self.centre.unsqueeze(-2)
        largest = torch.finfo(x.dtype).max
        below = torch.where(has_low, x - low, 1.0).clamp(max=largest)
        above = torch.where(has_high, high - x, 1.0).clamp(max=largest)
        rise = torch.where(has_low, _log_ratio(below, below_0, away), 0.0)
        fall = torch.where(has_high, _log_ratio(above, above_0, -away), 0.0)
        log_slope = _log_slope(
            below.log(), above.log(), (below_0 + above_0).log(), has_low, has_high
        )
        bounded = has_low | has_high
        return torch.where(bounded, rise - fall, x), log_slope

    def _value(self, t):
        """Return x and log dt/dx at log-odds t, the inverse of :meth:`_log_odds`."""
        low, high, has_low, has_high, below_0, above_0 = self._geometry()
        both, width = has_low & has_high, below_0 + above_0
        logit = t + (below_0.log() - above_0.log())
        log_below = torch.where(both, width.log() + logsigmoid(logit), below_0.log() + t)
        log_above = torch.where(both, width.log() + logsigmoid(-logit), above_0.log() - t)
        log_slope = _log_slope(log_below, log_above, width.log(), has_low, has_high)
        # from the nearer edge, where the distance to it keeps all its digits
        from_low = has_low & ((logit < 0) | ~has_high)
        limit = max_exponent(t)
        part = torch.where(from_low, log_below, log_above).clamp(max=limit).exp()
        x = torch.where(from_low, low + part, high - part)
        # and from the centre where that is nearer still
        near = t.abs() < NEAR
        small = torch.where(near, t, 0.0)
        step = torch.where(has_low, below_0 * small.expm1(), -above_0 * (-small).expm1())
        step = torch.where(both, step * torch.sigmoid(-logit), step)
        x = torch.where(near, self.centre.unsqueeze(-2) + step, x)
        x = torch.where(has_low | has_high, x, t)
        return _inside(x, self.low.unsqueeze(-2), self.high.unsqueeze(-2)), log_slope

    def _logit(self, y):
        """Return the log-odds of the distribution function at y = c t, and log of its slope."""
        numbers = self.log_bend_low.exp(), self.log_bend_high.exp(), self.low_end, self.high_end
        stretch = self.log_stretch.exp().unsqueeze(-2)
        bent, slope = bent_ends(y / stretch, *(number.unsqueeze(-2) for number in numbers))
        a, b = self.log_a.exp().unsqueeze(-2), self.log_b.exp().unsqueeze(-2)
        logit, log_slope = beta_logit(bent * stretch, a, b)
        return logit, log_slope + slope.log()

    def _score(self, y):
        """Return the normal score z at y = c t, and log dz/dy."""
        logit, log_slope = self._logit(y)
        z, log_bend = normal_of_logit(logit)
        return z, log_slope + log_bend

    def forward(self, x, context=None):
        low, high = self.low.unsqueeze(-2), self.high.unsqueeze(-2)
        outside = ((x <= low) | (x >= high)).any(-1)
        bounded = low.isfinite() | high.isfinite()
        log_stretch = self.log_stretch.unsqueeze(-2)
        t, log_slope = self._log_odds(_inside(x, low, high))
        z, log_bend = self._score(torch.where(bounded, t * log_stretch.exp(), 0.0))
        log_det = torch.where(bounded, log_slope + log_stretch + log_bend, 0.0).sum(-1)
        return torch.where(bounded, z, x), log_det.masked_fill(outside, -math.inf)

    def inverse(self, z, context=None):
        bounded = (self.low.isfinite() | self.high.isfinite()).unsqueeze(-2)
        limit = torch.finfo(z.dtype).max ** FARTHEST
        score = torch.where(bounded, z.clamp(-limit, limit), 0.0)
        with torch.no_grad():
            logit = logit_of_normal(score)
            exponent = torch.where(logit < 0, self.log_a.unsqueeze(-2), self.log_b.unsqueeze(-2))
            y = increasing_root(_with_slope(self._logit), logit, logit / exponent.exp())
        y = implicit_root(_with_slope(self._score), score, y)
        log_stretch = self.log_stretch.unsqueeze(-2)
        x, log_slope = self._value(torch.where(bounded, y / log_stretch.exp(), z))
        log_slope = log_slope + log_stretch + self._score(y)[1]
        return x, -torch.where(bounded, log_slope, 0.0).sum(-1)


def _with_slope(function):
    """Return a function that gives a slope in the place of its logarithm."""

    def value_and_slope(y):
        value, log_slope = function(y)
        return value, log_slope.exp()

    return value_and_slope


def _middle(low, high):
    """Return the middle of two bounds, and a number about 1 from a single one."""
    has_low, has_high = low.isfinite(), high.isfinite()
    step = 1 + 1e-3 * torch.where(has_low, low, torch.where(has_high, high, 0.0)).abs()
    middle = torch.where(has_low, low + step, torch.where(has_high, high - step, 0.0))
    middle = torch.where(has_low & has_high, 0.5 * low + 0.5 * high, middle)
    return _inside(middle, low, high)


def _inside(x, low, high):
    return torch.clamp(x, torch.nextafter(low, high), torch.nextafter(high, low))


def _log_ratio(distance, reference, away):
    """Log of distance / reference, where distance is reference + away."""
    near = away.abs() < NEAR * reference
    close = torch.where(near, away / reference, 0.0).log1p()
    return torch.where(near, close, distance.log() - reference.log())


def _log_slope(log_below, log_above, log_width, has_low, has_high):
    """Log dt/dx, log(1 / below + 1 / above) without the terms of bounds that are not there."""
    slope = torch.where(has_high, log_width - log_below - log_above, -log_below)
    return torch.where(has_low, slope, -log_above)
