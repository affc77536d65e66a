"""Beta densities of log-odds, moved and stretched, fitted to many columns at once."""

import math

import torch
from torch.nn.functional import logsigmoid, softplus

from skflow.numerics._incomplete_beta import log_beta

__all__ = ["fit_log_beta"]

MIN_EXPONENT, MAX_EXPONENT = 0.05, 50.0
MAX_POINTS = 1_024  # sorted numbers are averaged in so many groups of equal size
MAX_STEPS = 100
LONGEST_STEP = 1.0
TOLERANCE = 1e-7  # nats a row
CONSTANT = 1e-13  # spread of log-odds that is rounding
LOGISTIC_SPREAD = math.pi / math.sqrt(3)
# Centre and deviation of the normal priors of log a and log b: flat ends where there are two
# bounds, bells where everything is free, since wide bells and narrow ones are alike there.
PRIORS = {"plain": (0.0, 2.0), "free": (1.0, 1.5)}


@torch.no_grad()
def fit_log_beta(t, weight, anchor):
    r"""Exponents, location and stretch of each column by penalised maximum likelihood.

    .. math:: \log p(t) = \log c + a \log\sigma(y) + b \log\sigma(-y) - \log B(a, b), \quad
              y = c\,(t - m)

    the log-odds of a Beta variable if c is 1 and m is 0: a generalised logistic distribution of
    type IV [1]_. Far out the density falls like :math:`e^{a c t}` and :math:`e^{-b c t}`. First
    c is 1, and m the anchor where there is one. Both are freed in columns where that raises the
    log likelihood by more than :math:`\tfrac12 \log n` for each of them [2]_. Newton's method
    with absolute curvatures, damped; cost: O(n) a step.

    Parameters
    ----------
    t : tensor of shape (k, n), float64
    weight : tensor of shape (k, n)
        Not negative, not all 0 in a column; numbers of weight 0 are not looked at.
    anchor : tensor of shape (k,)
        Location of the plain density, NaN where it is to be found.

    Returns
    -------
    loc, log_scale, log_a, log_b : tensors of shape (k,)
        m, log c, log a and log b.

    References
    ----------
    .. [1] Johnson, Kotz & Balakrishnan (1995), Continuous univariate distributions 2, ch. 23.
    .. [2] Schwarz (1978), Estimating the dimension of a model, Annals of Statistics 6(2).
    """
    t, weight = _points(t, weight)
    n = weight.sum(-1)
    mean = (weight * t).sum(-1) / n
    spread = ((weight * (t - mean.unsqueeze(-1)).square()).sum(-1) / n).sqrt()
    constant = spread <= CONSTANT * (1 + mean.abs())
    spread = torch.where(constant, 1.0, spread)
    t = t / spread.unsqueeze(-1)
    found = anchor.isnan()
    zero = torch.zeros_like(mean)
    plain = torch.stack([torch.where(found, mean, anchor) / spread, spread.log(), zero, zero], -1)
    bell = torch.full_like(mean, math.log(LOGISTIC_SPREAD))
    free = torch.stack([mean / spread, bell, zero, zero], -1)
    always = torch.ones_like(found)
    plain, score = _climb(t, weight, plain, torch.stack([found, ~always, always, always], -1))
    moves = torch.stack([always] * 4, -1)
    free, best = _climb(t, weight, free, moves, "free")
    enough = 0.5 * (2 - found.double()) * n.log()
    kept = constant | (best - score <= enough)
    loc, log_scale, log_a, log_b = torch.where(kept.unsqueeze(-1), plain, free).unbind(-1)
    return loc * spread, log_scale - spread.log(), log_a, log_b


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


def _climb(t, weight, theta, moves, prior="plain"):
    """Numbers (k, 4) at the top of the likelihood, those that do not move as they were."""
    damping = torch.ones_like(theta[:, 0])
    n = weight.sum(-1)
    value, slope, bend = _likelihood(t, weight, theta, moves, prior)
    for _ in range(MAX_STEPS):
        curvature, axes = torch.linalg.eigh(bend)
        strength = curvature.abs() + (damping * n).unsqueeze(-1)
        step = (axes @ ((axes.mT @ slope.unsqueeze(-1)) / strength.unsqueeze(-1))).squeeze(-1)
        tried = theta + step.clamp(-LONGEST_STEP, LONGEST_STEP)
        ends = math.log(MIN_EXPONENT), math.log(MAX_EXPONENT)
        tried = torch.cat([tried[:, :2], tried[:, 2:].clamp(*ends)], -1)
        new = _likelihood(t, weight, tried, moves, prior)
        better = new[0] > value
        gain = torch.where(better, new[0] - value, 0.0)
        theta = torch.where(better.unsqueeze(-1), tried, theta)
        slope = torch.where(better.unsqueeze(-1), new[1], slope)
        bend = torch.where(better[:, None, None], new[2], bend)
        value = torch.where(better, new[0], value)
        settled = (better & (gain <= TOLERANCE * n)) | (~better & (damping > 1e4))
        if bool(settled.all()):
            break
        damping = torch.where(better, damping / 8, damping * 8)
    return theta, value


def _likelihood(t, weight, theta, moves, prior):
    """Penalised log likelihood (k,), its gradient (k, 4) and its matrix of second derivatives."""
    loc, log_scale = theta[:, :1], theta[:, 1:2]
    c, a, b = theta[:, 1:].exp().unsqueeze(-1).unbind(1)
    y = c * (t - loc)
    log_u, log_v = logsigmoid(y), logsigmoid(-y)
    u, v = log_u.exp(), log_v.exp()
    g, h = a * v - b * u, -(a + b) * u * v  # first and second derivative in y
    parts = (log_u, log_v, u, v, y * u, y * v, g, y * g, h, y * h, y * (g + y * h))
    sums = (weight * torch.stack(parts)).sum(-1)
    log_u, log_v, u, v, yu, yv, g, yg, h, yh, bent = sums
    n, (c, a, b) = weight.sum(-1), (x[:, 0] for x in (c, a, b))
    value = n * (log_scale[:, 0] - log_beta(a, b)) + a * log_u + b * log_v
    psi, trigamma = torch.digamma, lambda x: torch.polygamma(1, x)
    slope_a = a * (log_u + n * (psi(a + b) - psi(a)))
    slope_b = b * (log_v + n * (psi(a + b) - psi(b)))
    slope = torch.stack([-c * g, n + yg, slope_a, slope_b], -1)
    bend_a = slope_a + n * a * a * (trigamma(a + b) - trigamma(a))
    bend_b = slope_b + n * b * b * (trigamma(a + b) - trigamma(b))
    both = n * a * b * trigamma(a + b)
    rows = [
        [c * c * h, -c * (g + yh), -c * a * v, c * b * u],
        [-c * (g + yh), bent, a * yv, -b * yu],
        [-c * a * v, a * yv, bend_a, both],
        [c * b * u, -b * yu, both, bend_b],
    ]
    bend = torch.stack([torch.stack(row, -1) for row in rows], -2)
    return _penalised(value, slope, bend, theta, moves, prior)


def _penalised(value, slope, bend, theta, moves, prior):
    """Add the log prior of the exponents, and hold what does not move."""
    centre, deviation = PRIORS[prior]
    strength = torch.zeros_like(theta)
    strength[:, 2:] = deviation**-2
    away = theta - centre
    value = value - 0.5 * (strength * away.square()).sum(-1)
    slope = torch.where(moves, slope - strength * away, 0.0)
    both = moves.unsqueeze(-1) & moves.unsqueeze(-2)
    bend = torch.where(both, bend - strength.diag_embed(), 0.0)
    return value, slope, bend
