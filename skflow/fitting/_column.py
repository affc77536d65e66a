"""The one column of a flow that is given a context: shares below a value, quantiles, moments."""

import copy
import math

import numpy as np
import torch
from torch.special import log_ndtr, ndtr, ndtri

from skflow.bases import GivenKernels, GivenMixture
from skflow.bijections import Affine, Continuous, Coupling, RationalQuadraticSpline, Residual
from skflow.bijections._elementwise import Elementwise
from skflow.fitting._blocks import in_blocks
from skflow.flow import Ensemble
from skflow.numerics import LOG_ROOT_2_PI, increasing_root, normal_of_logit

__all__ = ["ConditionalColumn"]

# Normal scores of the values that stand for a distribution in sums. Within a member they converge
# exponentially, and a jump between two modes is cut at a 40th of its height at worst.
SCORES = torch.linspace(-6.0, 6.0, 96, dtype=torch.float64)
NODE_WEIGHTS = torch.softmax(-0.5 * SCORES.square(), dim=0)
# what looks at a row and its context together, so that each value must have its own copy of it
READ_TOGETHER = Continuous, Coupling, GivenKernels, Residual
# maps of single numbers whose parameters serve many
MAPS = Affine, RationalQuadraticSpline


class ConditionalColumn:
    r"""One number y, given each row of a context: the distribution that a flow has of it.

    A flow of one column is a monotone map f to a base whose distribution function B is known, so
    that :math:`F(y \mid c) = B(f(y; c))` needs no integration, and its inverse no search. Of an
    ensemble F is the members' mean; a quantile lies between theirs, where Newton's method finds
    it. All in float64, from a copy of the flow.

    Many values at one row of the context cost little more than one where nets read the context
    alone: values have an axis before that of members, which nets never see.

    Parameters
    ----------
    flow : Flow or Ensemble
        With a base of one column.
    bounds : pair of float
        Below the first lies nothing, above the second neither.
    workers : dict
        ``n_threads`` and ``n_jobs`` of :func:`skflow.fitting._blocks.in_blocks`.
    """

    def __init__(self, flow, bounds=(-math.inf, math.inf), **workers):
        flow = copy.deepcopy(flow).double()
        self.single = not isinstance(flow, Ensemble)
        self.n_members = 1 if self.single else flow.n_members
        self.parts = flow if self.single else flow.members
        self.shared = all(map(_takes_many_values, self.parts.modules()))
        # for all rows of a context
        self.one_base = self.shared and not isinstance(self.parts.base, GivenMixture)
        self.low, self.high = bounds
        self.workers = workers

    def share_below(self, y, context):
        """F(y | c) of numbers (n,) or (n, q) for rows of the context (n, c), of their shape."""
        y = np.asarray(y)
        inside = (self.low < y) & (y < self.high)
        rows = np.where(inside, y, self._anywhere(context)).reshape(len(y), -1)

        def of_block(block, given):
            c = self._spread(given)
            return ndtr(self._mixed(*self._scores(_values_first(block), c))[0]).T.numpy()

        shares = self._in_blocks(of_block, rows, context, n_numbers=rows.shape[1])
        return np.where(inside, shares.reshape(y.shape), np.where(y < self.high, 0.0, 1.0))

    def member_shares_below(self, y, context):
        """F by each member alone, (n, n_members), of numbers (n,) that lie inside the bounds."""

        def of_block(block, given):
            scores, _ = self._scores(_values_first(block), self._spread(given))
            return ndtr(scores).squeeze(0).reshape(-1, len(block)).T.numpy()

        return self._in_blocks(of_block, y[:, None], context)

    def quantiles(self, levels, context):
        """Values (n, q) at which F is ``levels``, (q,) or (n, q), inside (0, 1)."""
        levels = np.asarray(levels, dtype=np.float64)
        rows = np.broadcast_to(levels, (len(context), levels.shape[-1])).copy()
        same = levels.ndim == 1

        def of_block(block, given):
            c, target = self._spread(given), ndtri(_values_first(block))  # (q, n)
            each = self._member_quantiles(target[:, :1] if same else target, c)

            def function(y):
                score, log_density = self._mixed(*self._scores(y, c))
                return score, _slope(score, log_density)

            ends = each.amin(dim=1), each.amax(dim=1)
            start = 0.5 * ends[0] + 0.5 * ends[1]
            return increasing_root(function, target, start, between=ends).T.numpy()

        return self._in_blocks(of_block, rows, context, n_numbers=rows.shape[1])

    def moments(self, context, tilt=None):
        """Mean and standard deviation, each (n,).

        With a ``tilt``, a function of shares below, under the density times what it says.
        """

        def of_block(given):
            c = self._spread(given)
            values = self._member_quantiles(SCORES.unsqueeze(-1), c)
            weights = NODE_WEIGHTS.view(-1, 1, 1).expand_as(values)
            if tilt is not None:
                weights = weights * torch.from_numpy(tilt(_shares_among(values, weights).numpy()))
            return torch.stack(_moments(values, weights), dim=-1).numpy()

        return self._in_blocks(of_block, context, n_numbers=len(SCORES)).T

    def _anywhere(self, context):
        """Return a value inside the bounds, to stand for those that are not."""
        return self.quantiles([0.5], context[:1])[0, 0]

    def _in_blocks(self, function, *rows, n_numbers=1):
        return in_blocks(function, *rows, n_members=self.n_members * n_numbers, **self.workers)

    def _scores(self, y, c):
        """Return normal scores (q, K, n) of y (q, n) by each member, and its log densities."""
        x = y[:, None, :, None].expand(-1, self.n_members, -1, 1)
        (z, log_det), base = self._apply(self.parts.to_noise, x, c), self.parts.base
        (scores, log_prob) = self._apply(
            lambda z, c: (base.normal_scores(z, c).squeeze(-1), base.log_prob(z, c)), z, c
        )
        return self._sign(c) * scores, log_prob + log_det

    def _mixed(self, scores, log_densities):
        """Return the normal score (q, n) of the mean of F, and the log of the mean density."""
        log_odds = log_ndtr(scores).logsumexp(1) - log_ndtr(-scores).logsumexp(1)
        return normal_of_logit(log_odds)[0], log_densities.logsumexp(1) - math.log(self.n_members)

    def _member_quantiles(self, target, c):
        """Values (q, K, n) of each member whose normal scores are ``target``, (q, n) or (q, 1)."""
        base = self.parts.base
        # latents that are those of every row are searched for once
        some = c[:, :1] if self.one_base and target.shape[-1] == 1 else c
        target = (self._sign(c) * target.unsqueeze(1)).expand(-1, *some.shape[:-1]).unsqueeze(-1)

        def function(z):
            score, log_density = self._apply(
                lambda z, c: (base.normal_scores(z, c), base.log_prob(z, c).unsqueeze(-1)), z, some
            )
            return score, _slope(score, log_density)

        noise = increasing_root(function, target, target).expand(-1, *c.shape[:-1], 1)
        return self._apply(self.parts.from_noise, noise, c)[0].squeeze(-1)

    def _sign(self, c):
        """1 (K, 1) where the map of a member rises, -1 where it falls."""
        ends = c.new_tensor([-1.0, 1.0]).view(2, 1, 1, 1).expand(-1, self.n_members, 1, 1)
        x, _ = self._apply(self.parts.from_noise, ends, c[:, :1])
        return (x[1] - x[0]).sign().squeeze(-1)

    def _apply(self, function, rows, c):
        """Apply a function of rows (K, m, 1) and contexts (K, m, c) to rows (q, K, n, 1)."""
        if self.shared:
            return function(rows, c)
        q, _, n, _ = rows.shape
        rows, c = rows.transpose(0, 1).flatten(1, 2), c.repeat(1, q, 1)
        if self.single:
            results = (part.unsqueeze(0) for part in function(rows[0], c[0]))
        else:
            results = function(rows, c)
        return tuple(part.unflatten(1, (q, n)).transpose(0, 1) for part in results)

    def _spread(self, context):
        return torch.from_numpy(context).expand(self.n_members, *context.shape)


def _takes_many_values(module):
    known = not isinstance(module, Elementwise) or isinstance(module, MAPS)
    return known and not isinstance(module, READ_TOGETHER)


def _values_first(y):
    return torch.from_numpy(np.ascontiguousarray(y.T))


def _slope(score, log_density):
    """Slope of a normal score, where the density is that of its argument."""
    return torch.exp(log_density + 0.5 * score.square() + LOG_ROOT_2_PI)


def _shares_among(values, weights):
    """Share below each of values (q, K, n) of all that have weights of the same shape.

    What the members hold below each other's values is counted by these values, and not asked for
    at K times the cost: a mean moves by less than a thousandth of a deviation.
    """
    weights = weights.flatten(0, 1)
    order = values.flatten(0, 1).argsort(dim=0, stable=True)
    weights = (weights / weights.sum(dim=0)).gather(0, order)
    shares = weights.cumsum(dim=0) - 0.5 * weights
    return torch.empty_like(shares).scatter_(0, order, shares).view(values.shape)


def _moments(values, weights):
    """Mean and deviation (n,) of values (q, K, n) with weights of the same shape."""
    weights = weights / weights.sum(dim=(0, 1))
    centre = values.mean(dim=(0, 1))
    away = values - centre  # squares of large values would lose their digits
    mean = (weights * away).sum(dim=(0, 1))
    return mean + centre, (weights * (away - mean).square()).sum(dim=(0, 1)).sqrt()
