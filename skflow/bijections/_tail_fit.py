"""Where tails begin and how heavy they are, asked of the rows."""

import torch

from skflow.bijections._normalization import robust_moments, row_shares, winsorized_moments
from skflow.numerics import LOG_ROOT_2_PI, from_tukey

__all__ = ["fit_tails", "last_of_normal"]

HALF = 0.5
# By what counts as a light tail: so many ranges beyond the rows, and so near in z, nothing is far.
# Draws get no further out than a base of deviation 1 where tails are normal, whatever unit the
# column has; where they are exponential, they are about three times as far out at five deviations
# as at three.
RANGES = {"normal": 0.5, "exponential": 3.0}
REACHES = {"normal": 5.0, "exponential": 20.0}
# The tails are looked at beyond each of these shares of the rows, the smaller ones only where that
# many rows lie there.
SHARES = (0.1, 0.05, 0.025)
MIN_ROWS, MIN_ROWS_CLOSER = 3, 10
# Standard errors of its xi by which a smaller share must be lighter to be believed.
ERRORS = 1.5
# Nats that a tail of index 1 must be likelier than a normal one: a tail of few rows is thought
# light.
PENALTY = 5.0
# Bends that are compared, in units of the median excess.
BENDS = tuple(0.01 * 1.5**i for i in range(16))
TOGETHER = 2**17  # numbers of the tails, times bends, that are looked at together
# No bend is stronger than this in units of the column's body, so that what is as wide as the body
# gets no tail of an index below 1. The body is a normal's, if the first threshold is one's, but at
# least so much of the deviation: a lone value in the tails of a pile may be all that it sees.
STRONGEST, NARROWEST = 1.0, 0.25
NORMAL_QUANTILE = 1.28
FARTHEST = 1e70  # deviations, whose fourth power is still a number
NEGLIGIBLE = 1e-9  # part of a deviation
TINY = 1e-300


@torch.no_grad()
def fit_tails(x, weight=None, light="normal"):
    r"""Estimate where the tails of each column begin, and how heavy they are.

    The k largest excesses e over a high quantile are taken for those of a normal, bent by
    Tukey's h: ``e = w exp(h w^2 / 2)``, where ``z_p + w / c`` lies beyond ``z_p`` in the tail of a
    standard normal that holds the share p = k / n. With r = 1 / c their log-likelihood is

    .. math::
        k \log r - \tfrac12 \sum_i (z_p + r w_i)^2 - \sum_i \tfrac12 h w_i^2 + \log(1 + h w_i^2)

    up to a constant: the r at which it is largest is the root of a quadratic, and h is found on a
    grid, less ``PENALTY`` times the inverse of the tail index, :math:`\xi = h c^2`, or 1 if that
    is less. What a flow has in its tails may be wider than c, so h is bounded by the body of the
    column: ``STRONGEST``.

    That is done for several shares p, and a smaller one is believed where its tail is clearly
    lighter: atoms and clumps look heavy from afar, a single row that is far off looks so from
    near, too. And a tail whose last row is not as many deviations out as that of a normal column
    is light, whatever its shape.

    Parameters
    ----------
    x : tensor of shape (*members, n, d)
    weight : tensor of shape (*members, n), optional
        0 for unused rows. A tail counts as many rows as have the same effective size.
    light : {"normal", "exponential"}, default="normal"
        Which tails are left alone. With "exponential", a bend must make the rows likelier than an
        exponential does, too.

    Returns
    -------
    threshold, h, m, v, k : tensors of shape (*members, 2, d), float64
        Of -x, for the lower tails, and of x; see :class:`TukeyTails`. m is where the last row
        lies, v one of ``RANGES`` of z beyond it, and at least where z is one of ``REACHES``, and
        k the inverse of the column's deviation, at most 1.
    """
    share = row_shares(x, weight)
    size = share.square().sum(-1).reciprocal()[..., None, None]
    x = x.double().clamp(-FARTHEST, FARTHEST)
    sides = [_largest(sign * x, share) for sign in (-1, 1)]
    n_rows = max(values.shape[-2] for values, _ in sides)
    sides = [[_padded(t, n_rows) for t in side] for side in sides]
    values, shares = (torch.stack(t, dim=-3) for t in zip(*sides, strict=True))
    spread = winsorized_moments(x, weight)[1].unsqueeze(-2)
    spread = torch.where(spread > 0, spread, 1.0)
    middle = robust_moments(x, weight)[0].unsqueeze(-2)
    middle = torch.cat([-middle, middle], dim=-2)
    rows = values, shares, size, middle, spread, light == "exponential"
    threshold, h, xi = _fit_share(SHARES[0], *rows, MIN_ROWS)
    for p in SHARES[1:]:
        closer = _fit_share(p, *rows, MIN_ROWS_CLOSER)
        lighter = closer[-1] + ERRORS * (1 + closer[-1]) / (p * size).sqrt() < xi
        threshold, h, xi = (
            torch.where(lighter, new, old)
            for new, old in zip(closer, (threshold, h, xi), strict=True)
        )
    h = h * (values[..., 0, :] - middle > last_of_normal(size) * spread)
    m = from_tukey((values[..., 0, :] - threshold).clamp(min=0), h)
    extreme = threshold + m
    v = m + (RANGES[light] * extreme.sum(-2, keepdim=True)).clamp(min=0)
    v = torch.maximum(v, REACHES[light] - threshold)
    return threshold, h, m, v, spread.clamp(min=1).reciprocal().expand_as(h).clone()


def last_of_normal(size):
    """Deviations at which about the last of so many normal rows lies."""
    return -torch.special.ndtri(1 / (1 + size))


def _largest(x, share):
    """Return the largest numbers of each column in order, and their shares of the rows."""
    share = share.unsqueeze(-1).expand_as(x)
    x, order = x.masked_fill(share == 0, -torch.inf).sort(dim=-2, descending=True, stable=True)
    share = share.gather(-2, order)
    n_rows = int((share.cumsum(-2) <= SHARES[0]).sum(-2).max()) + 1
    return x[..., :n_rows, :], share[..., :n_rows, :]


def _padded(t, n_rows):
    """Repeat the last row of t up to n_rows."""
    return t[..., torch.arange(n_rows, device=t.device).clamp(max=t.shape[-2] - 1), :]


def _fit_share(p, values, share, size, center, spread, exponential, min_rows):
    """Threshold, h and xi of the tails that hold the share p; xi is infinite in too few rows."""
    used = share.cumsum(-2) <= p + TINY
    at = used.sum(-2, keepdim=True).clamp(max=values.shape[-2] - 1)
    threshold = values.gather(-2, at)
    excess = torch.where(used, values - threshold, 0.0)
    counts = torch.where(excess > 0, size.unsqueeze(-2) * share, 0.0)
    k = counts.sum(-2)
    held = (share * used).sum(-2).clamp(min=TINY)
    z = -torch.special.ndtri(held)
    middle = (counts.cumsum(-2) <= HALF * k.unsqueeze(-2)).sum(-2, keepdim=True)
    unit = excess.gather(-2, middle.clamp(max=excess.shape[-2] - 1))
    unit = torch.maximum(unit, NEGLIGIBLE * spread.unsqueeze(-2))
    excess = (excess / unit).clamp(max=FARTHEST)
    unit = unit.squeeze(-2)
    body = (threshold.squeeze(-2) - center) / NORMAL_QUANTILE
    body = torch.minimum(torch.maximum(body, NARROWEST * spread), spread)
    strongest = STRONGEST * (unit / body).square()
    best = likeliest = _likelihood(torch.zeros_like(k), excess, counts, k, z)[0]
    if exponential:
        best = torch.maximum(best, _exponential_likelihood(excess, counts, k, held))
    bends, likelihoods, indices = _over_bends(strongest, excess, counts, k, z)
    xi = _best(indices, likelihoods, likeliest)
    h = _best(bends, likelihoods - PENALTY * indices.clamp(max=1), best)
    h = h / unit.square()
    enough = k >= min_rows
    return threshold.squeeze(-2), h * enough, torch.where(enough, xi, torch.inf)


def _over_bends(strongest, excess, counts, k, z):
    """Bends up to the strongest, the likelihood of each and its xi, all (len(BENDS), ...).

    As many together as hold ``TOGETHER`` numbers: most tails have few, and one after the other
    would take a short fit most of its time.
    """
    numbers = excess.new_tensor(BENDS).view(-1, *[1] * strongest.dim())
    bends = torch.minimum(strongest, numbers)
    size = max(1, TOGETHER // max(1, excess.numel()))
    found = [_likelihood(some, excess, counts, k, z) for some in bends.split(size)]
    likelihoods, c = (torch.cat(parts) for parts in zip(*found, strict=True))
    return bends, likelihoods, bends * c.square()


def _best(values, scores, least):
    """Those of the values (b, ...) with the highest score, 0 where none is above the least."""
    best = scores.masked_fill(scores.isnan(), -torch.inf).max(dim=0)
    return torch.where(best.values > least, values.gather(0, best.indices[None])[0], 0.0)


def _likelihood(bend, excess, counts, k, z):
    """Log-likelihood of the excesses at the best c, and c, in the units of the excesses."""
    bend = bend.unsqueeze(-2)
    w = from_tukey(excess, bend)
    square = bend * w.square()
    log_slope = -torch.log1p(square) - 0.5 * square
    first, second = ((counts * power).sum(-2) / k.clamp(min=TINY) for power in (w, w.square()))
    second = second.clamp(min=TINY)
    r = (((z * first).square() + 4 * second).sqrt() - z * first) / (2 * second)
    square = z.square() + 2 * z * r * first + r.square() * second
    return k * (r.log() - 0.5 * square) + (counts * log_slope).sum(-2), 1 / r


def _exponential_likelihood(excess, counts, k, held):
    """Log-likelihood of an exponential at its best, up to the constant of :func:`_likelihood`."""
    mean = (counts * excess).sum(-2) / k.clamp(min=TINY)
    return k * (held.log() + LOG_ROOT_2_PI - mean.clamp(min=TINY).log() - 1)
