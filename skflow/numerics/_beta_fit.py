"""Beta densities of log-odds, moved, stretched and bent, fitted to many columns at once."""

import math
from typing import NamedTuple

import torch
from torch.nn.functional import logsigmoid, softplus

from skflow.numerics._incomplete_beta import log_beta

__all__ = ["LogBeta", "bent_ends", "fit_log_beta"]

BEND_WIDTH = 0.5
END_SHARE = 0.1  # of the rows beyond each of the two bends
MAX_POINTS = 1_024  # sorted numbers are averaged in so many groups of equal size
BLOCK = 32  # columns
MAX_STEPS = 100
LONGEST_STEP = 1.0
MIN_DAMPING = 1e-4
TOLERANCE = 1e-6  # nats a row
CONSTANT = 1e-13  # spread of log-odds that is rounding
LOGISTIC_SPREAD = math.pi / math.sqrt(3)
NAMES = "m", "c", "a", "b", "r1", "r2"  # all but m as logarithms
# What is learnt in each model; more only where rows ask for it.
MODELS = (
    (),
    ("a",),
    ("b",),
    ("a", "b"),
    ("a", "b", "r1"),
    ("a", "b", "r2"),
    ("a", "b", "r1", "r2"),
    ("m", "c", "a", "b"),
)
LIMITS = (
    (-math.inf, -math.inf, math.log(0.05), math.log(0.05), -math.log(10), -math.log(10)),
    (math.inf, math.inf, math.log(50), math.log(50), math.log(10), math.log(10)),
)
# Deviations of normal priors of the logarithms, and the centre of those of a and b in the last
# model, where wide bells and narrow ones are alike; elsewhere it is 0, flat ends.
DEVIATIONS = math.inf, math.inf, 2.0, 2.0, 1.0, 1.0
BELL = 1.0
# What makes up the exponents of both ends, and what is paid a row for half the square of the
# logarithm by which one is too small.
EXPONENTS = ((0, 1, 1, 0, 1, 0), (0, 1, 0, 1, 0, 1))
PRICE = 10.0


class LogBeta(NamedTuple):
    """Numbers of each column, all of shape (k,): see :func:`fit_log_beta`."""

    loc: torch.Tensor
    log_stretch: torch.Tensor
    log_a: torch.Tensor
    log_b: torch.Tensor
    log_bend_low: torch.Tensor
    log_bend_high: torch.Tensor
    low_end: torch.Tensor
    high_end: torch.Tensor


def bent_ends(t, bend_low, bend_high, low_end, high_end):
    r"""Straight in the middle, with slopes of their own beyond two places.

    .. math:: t' = t - (r_1 - 1)\, w\, \mathrm{softplus}\frac{e_1 - t}{w}
                     + (r_2 - 1)\, w\, \mathrm{softplus}\frac{t - e_2}{w}

    Increasing, as :math:`e_1 \le e_2`, with slopes between 1, :math:`r_1` and :math:`r_2`.

    Returns
    -------
    bent, slope : tensors of the shape of t
    """
    low, high = (low_end - t) / BEND_WIDTH, (t - high_end) / BEND_WIDTH
    rise = (bend_high - 1) * softplus(high) - (bend_low - 1) * softplus(low)
    slope = (bend_low - 1) * torch.sigmoid(low) + (bend_high - 1) * torch.sigmoid(high)
    return t + BEND_WIDTH * rise, 1 + slope


@torch.no_grad()
def fit_log_beta(t, weight, anchor, least=None):
    r"""Fit by penalised maximum likelihood, each column with as many numbers as it needs.

    .. math:: \log p(t) = \log c + a \log\sigma(y) + b \log\sigma(-y) - \log B(a, b)
              + \log\frac{dt'}{dt}, \quad y = c\,(t' - m)

    with t' from :func:`bent_ends`. Straight, with c = 1 and m = 0, these are the log-odds of a
    Beta variable, a generalised logistic distribution of type IV [1]_. Far out the density falls
    like :math:`e^{a c r_1 t}` and :math:`e^{-b c r_2 t}`. Numbers that need not be learnt are
    not: c is 1, m the anchor where there is one, a and b are 1, and ends straight, unless
    freeing them raises the log likelihood by more than :math:`\tfrac12 \log n` each [2]_.
    Damped scoring; cost: O(n) a step.

    Parameters
    ----------
    t : tensor of shape (k, n), float64
    weight : tensor of shape (k, n)
        Not negative, not all 0 in a column; numbers of weight 0 are not looked at.
    anchor : tensor of shape (k,)
        Location of the plain density, NaN where it is to be found.
    least : tensor of shape (k, 2), optional
        What the exponents :math:`a c r_1` and :math:`b c r_2` are held to be at least, nearly:
        a smaller one costs ``PRICE`` halves of the square of the missing logarithm, a row.

    Returns
    -------
    LogBeta
        m, log c, log a, log b, log r_1, log r_2, e_1 and e_2.

    References
    ----------
    .. [1] Johnson, Kotz & Balakrishnan (1995), Continuous univariate distributions 2, ch. 23.
    .. [2] Schwarz (1978), Estimating the dimension of a model, Annals of Statistics 6(2).
    """
    t, weight = _points(t, weight)
    least = t.new_zeros(len(t), 2) if least is None else least
    blocks = zip(*(numbers.split(BLOCK) for numbers in (t, weight, anchor, least)), strict=True)
    return LogBeta(*map(torch.cat, zip(*(_likeliest(*block) for block in blocks), strict=True)))


def _likeliest(t, weight, anchor, least):
    """Numbers of each column in the model with the best of Schwarz's scores."""
    n = weight.sum(-1, keepdim=True)
    mean = (weight * t).sum(-1, keepdim=True) / n
    spread = ((weight * (t - mean).square()).sum(-1, keepdim=True) / n).sqrt()
    constant = spread <= CONSTANT * (1 + mean.abs())
    found = anchor.isnan().unsqueeze(-1)
    ends = _quantiles(t, weight)
    start = torch.zeros_like(t[:, :1]).expand(-1, 6).clone()
    start[:, :1] = torch.where(found, mean, anchor.unsqueeze(-1))
    wide = math.log(LOGISTIC_SPREAD) - torch.where(constant, 1.0, spread).log()
    starts = [start] * (len(MODELS) - 1) + [torch.cat([mean, wide, start[:, 2:]], -1)]
    moves = torch.tensor([[name in model for name in NAMES] for model in MODELS]).to(t.device)
    moves = moves.unsqueeze(1).expand(-1, len(t), -1).clone()
    moves[..., :1] |= found
    # all models side by side, since single columns are small
    columns = (x.repeat(len(MODELS), 1) for x in (t, weight, ends, least))
    climb = _Climb(*columns, moves.flatten(0, 1))
    theta, score = climb(torch.cat(starts))
    theta, score = theta.unflatten(0, (-1, len(t))), score.view(-1, len(t))
    score = score - 0.5 * moves.sum(-1) * n.squeeze(-1).log()
    score[-1] = torch.where(constant.squeeze(-1), -math.inf, score[-1])
    theta = theta[score.argmax(0), torch.arange(len(t), device=t.device)]
    return *theta.unbind(-1), *ends.unbind(-1)


def _quantiles(t, weight):
    share = weight.cumsum(-1) / weight.sum(-1, keepdim=True)
    wanted = share.new_tensor([END_SHARE, 1 - END_SHARE]).expand(len(t), 2).contiguous()
    return t.gather(-1, torch.searchsorted(share, wanted).clamp(max=t.shape[-1] - 1))


def _points(t, weight):
    """Sorted numbers, averaged in groups if they are many; weights add up to effective rows."""
    order = torch.where(weight > 0, t, math.inf).argsort(dim=-1, stable=True)
    t, weight = t.gather(-1, order), weight.gather(-1, order)
    t = torch.where(weight > 0, t, 0.0)
    total = weight.sum(-1, keepdim=True)
    weight = weight * (total / weight.square().sum(-1, keepdim=True))
    n = t.shape[-1]
    if n <= MAX_POINTS:
        return t, weight
    group = (torch.arange(n, device=t.device) * MAX_POINTS) // n
    counts = t.new_zeros(len(t), MAX_POINTS).index_add_(1, group, weight)
    sums = t.new_zeros(len(t), MAX_POINTS).index_add_(1, group, weight * t)
    return torch.where(counts > 0, sums / counts, 0.0), counts


class _Climb:
    """Climbs the likelihood of columns t (k, n) by scoring with the rows' own slopes."""

    def __init__(self, t, weight, ends, least, moves):
        self.t, self.weight, self.moves, self.n = t, weight, moves, weight.sum(-1)
        low, high = (ends[:, :1] - t) / BEND_WIDTH, (t - ends[:, 1:]) / BEND_WIDTH
        self.beyond = -BEND_WIDTH * softplus(low), BEND_WIDTH * softplus(high)
        self.share = torch.sigmoid(low), torch.sigmoid(high)
        # bells where everything is free
        centre = torch.where(moves[:, 1:2], BELL, 0.0).expand(-1, 6)
        self.centre = centre * t.new_tensor([0, 0, 1, 1, 0, 0])
        self.strength = t.new_tensor(DEVIATIONS) ** -2
        self.least = least.log()
        self.exponents = t.new_tensor(EXPONENTS)

    def __call__(self, theta):
        """Return numbers (k, 6) at the top, unmoved ones as they were, and its height (k,)."""
        limits = theta.new_tensor(LIMITS)
        damping = torch.ones_like(self.n)
        height, slopes = self._height(theta)
        for _ in range(MAX_STEPS):
            weighed = self.weight.unsqueeze(-2) * slopes
            push = weighed.sum(-1) - self.strength * (theta - self.centre) * self.moves
            ridge = (damping * self.n).unsqueeze(-1) + self.strength
            lacking = self._lacking(theta)
            held = self.exponents * self.moves.unsqueeze(1)  # (k, 2, 6)
            push = push + self._price() * (lacking.unsqueeze(-1) * held).sum(1)
            held = held * (lacking > 0).unsqueeze(-1)
            curve = weighed @ slopes.mT + self._price().unsqueeze(-1) * held.mT @ held
            step = torch.linalg.solve(curve + ridge.diag_embed(), push)
            settled = (push * step).sum(-1) <= TOLERANCE * self.n
            tried = theta + step.clamp(-LONGEST_STEP, LONGEST_STEP)
            tried = torch.minimum(torch.maximum(tried, limits[0]), limits[1])
            new, new_slopes = self._height(tried)
            better = new > height
            settled |= better & (new - height <= TOLERANCE * self.n)
            theta = torch.where(better.unsqueeze(-1), tried, theta)
            slopes = torch.where(better[:, None, None], new_slopes, slopes)
            height = torch.where(better, new, height)
            damping = torch.where(better, damping / 8, damping * 8).clamp(min=MIN_DAMPING)
            if bool(settled.all()):
                break
        return theta, height

    def _lacking(self, theta):
        """By how much the logarithms of both exponents (k, 2) are too small."""
        return (self.least - theta @ self.exponents.mT).clamp(min=0)

    def _price(self):
        return PRICE * self.n.unsqueeze(-1)

    def _height(self, theta):
        """Penalised log likelihood (k,), and the slopes of each row's (k, 6, n)."""
        loc, log_stretch = theta[:, :1], theta[:, 1:2]
        c, a, b, *bends = theta[:, 1:].exp().unsqueeze(-1).unbind(1)
        pairs = list(zip(bends, self.beyond, self.share, strict=True))
        slope = 1 + sum((r - 1) * share for r, _, share in pairs)
        y = c * (self.t + sum((r - 1) * beyond for r, beyond, _ in pairs) - loc)
        log_u, log_v = logsigmoid(y), logsigmoid(-y)
        each = log_stretch - log_beta(a, b) + a * log_u + b * log_v + slope.log()
        pull = a * log_v.exp() - b * log_u.exp()  # slope in y
        whole = torch.digamma(a + b)
        slopes = [-c * pull, 1 + y * pull]
        slopes += [e * (f + whole - torch.digamma(e)) for e, f in ((a, log_u), (b, log_v))]
        slopes += [r * (c * pull * beyond + share / slope) for r, beyond, share in pairs]
        prior = 0.5 * (self.strength * (theta - self.centre).square()).sum(-1)
        prior = prior + 0.5 * PRICE * self.n * self._lacking(theta).square().sum(-1)
        height = (self.weight * each).sum(-1) - prior
        return height, torch.stack(slopes, -2) * self.moves.unsqueeze(-1)
