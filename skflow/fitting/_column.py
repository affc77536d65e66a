"""The one column of a flow that is given a context: shares below a value, quantiles, moments."""

import copy
import math

import numpy as np
import torch
from torch.special import log_ndtr, ndtri

from skflow.fitting._blocks import in_blocks
from skflow.flow import Ensemble
from skflow.numerics import increasing_root, normal_of_logit

__all__ = ["ConditionalColumn"]

LOG_ROOT_2_PI = 0.5 * math.log(2 * math.pi)
# normal scores of the values that stand for a distribution in sums; within a member they converge
# exponentially, and a jump between two modes is cut at a 40th of its height at worst
SCORES = np.linspace(-6.0, 6.0, 96)
NODE_WEIGHTS = np.exp(-0.5 * SCORES**2) / np.exp(-0.5 * SCORES**2).sum()


class ConditionalColumn:
    r"""One number y, given each row of a context: the distribution that a flow has of it.

    A flow of one column is a monotone map f to a base whose distribution function B is known, so
    that :math:`F(y \mid c) = B(f(y; c))` needs no integration, and its inverse no search. Of an
    ensemble F is the members' mean; a quantile lies between theirs, where Newton's method finds
    it. All in float64, from a copy of the flow.

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
        self.n_members = flow.n_members if isinstance(flow, Ensemble) else None
        self.parts = flow.members if isinstance(flow, Ensemble) else flow
        self.low, self.high = bounds
        self.workers = workers

    def share_below(self, y, context):
        """F(y | c), (n,), of numbers (n,) and rows of the context (n, c)."""
        inside = (self.low < y) & (y < self.high)
        shares = np.where(y < self.high, 0.0, 1.0)
        if inside.any():
            shares[inside] = self._in_blocks(self._share, y[inside, None], context[inside])
        return shares

    def member_shares_below(self, y, context):
        """F by each member alone, (n, n_members), of numbers that lie inside the bounds."""

        def each(rows, given):
            return torch.special.ndtr(self._scores(rows, given)[0]).T.numpy()

        return self._in_blocks(each, y[:, None], context)

    def quantiles(self, levels, context):
        """Y (n, q) at which F is ``levels`` (q,), or (n, q) of each row, inside (0, 1)."""
        if np.ndim(levels) == 1:
            at = torch.from_numpy(levels)
            return self._in_blocks(lambda c: self._quantiles(at, c), context, n_numbers=at.numel())
        n, q = levels.shape
        rows = np.column_stack([levels, context])

        def of_block(block):
            return self._quantiles(torch.from_numpy(block[:, :q]), block[:, q:])

        return self._in_blocks(of_block, rows, n_numbers=q)

    def moments(self, context):
        """Mean and standard deviation, each (n,)."""
        at = torch.from_numpy(SCORES)

        def of_block(given):
            values = self._member_quantiles(at, torch.from_numpy(given)).numpy()  # (K, n, q)
            centre = values.mean(axis=(0, 2), keepdims=True)
            away = values - centre  # squares of large values would lose their digits
            mean = (away @ NODE_WEIGHTS).mean(axis=0)
            square = (np.square(away - mean[:, None]) @ NODE_WEIGHTS).mean(axis=0)
            return np.column_stack([mean + centre[0, :, 0], np.sqrt(square)])

        return self._in_blocks(of_block, context, n_numbers=len(SCORES)).T

    def _in_blocks(self, function, *rows, n_numbers=1):
        return in_blocks(
            function, *rows, n_members=(self.n_members or 1) * n_numbers, **self.workers
        )

    def _share(self, rows, given):
        score, _ = self._mixed(*self._scores(rows, given))
        return torch.special.ndtr(score).numpy()

    def _quantiles(self, levels, given):
        target = ndtri(levels)
        given = torch.from_numpy(given)
        each = self._member_quantiles(target, given)
        if self.n_members is None:
            return each[0].numpy()
        n, q = each.shape[1:]
        repeated = given.repeat_interleave(q, dim=0)

        def function(y):
            score, log_density = self._mixed(*self._scores(y.unsqueeze(-1), repeated))
            return score, torch.exp(log_density + 0.5 * score.square() + LOG_ROOT_2_PI)

        ends = each.amin(dim=0).flatten(), each.amax(dim=0).flatten()
        start = 0.5 * ends[0] + 0.5 * ends[1]
        root = increasing_root(function, target.expand(n, q).flatten(), start, between=ends)
        return root.reshape(n, q).numpy()

    def _scores(self, rows, given):
        """Return normal scores (K, n) of rows (n, 1) by each member, and its log densities."""
        x, c = (self._spread(torch.as_tensor(part)) for part in (rows, given))
        z, log_det = self.parts.to_noise(x, c)
        base = self.parts.base
        scores = self._sign(c) * base.normal_scores(z, c).squeeze(-1)
        log_density = base.log_prob(z, c) + log_det
        return scores.reshape(-1, len(rows)), log_density.reshape(-1, len(rows))

    def _mixed(self, scores, log_densities):
        """Return the normal score (n,) of the mean of F, and the log of the mean of densities."""
        log_odds = log_ndtr(scores).logsumexp(0) - log_ndtr(-scores).logsumexp(0)
        return normal_of_logit(log_odds)[0], log_densities.logsumexp(0) - math.log(len(scores))

    def _member_quantiles(self, target, given):
        """Values (K, n, q) of each member whose normal scores are ``target`` (q,) or (n, q)."""
        n, q = len(given), target.shape[-1]
        c = self._spread(given)
        target = self._sign(c).unsqueeze(-1) * target.expand(n, q)  # (*K, n, q)
        repeated = c.repeat_interleave(q, dim=-2)
        noise = self._noise(target.flatten(-2).unsqueeze(-1), repeated)
        return self.parts.from_noise(noise, repeated)[0].reshape(-1, n, q)

    def _noise(self, target, context):
        """Rows z (*K, m, 1) of the base with the given normal scores."""
        base = self.parts.base

        def function(z):
            score = base.normal_scores(z, context)
            log_density = base.log_prob(z, context).unsqueeze(-1)
            return score, torch.exp(log_density + 0.5 * score.square() + LOG_ROOT_2_PI)

        return increasing_root(function, target, target)

    def _sign(self, c):
        """1 (*K, 1) where the map of a member rises, -1 where it falls."""
        ends = torch.tensor([-1.0, 1.0], dtype=c.dtype).unsqueeze(-1)
        first = c[..., :1, :].expand(*c.shape[:-2], 2, c.shape[-1])
        x = self.parts.from_noise(ends.expand(*c.shape[:-2], 2, 1), first)[0]
        return (x[..., 1, :] - x[..., 0, :]).sign()

    def _spread(self, x):
        return x if self.n_members is None else x.expand(self.n_members, *x.shape)
