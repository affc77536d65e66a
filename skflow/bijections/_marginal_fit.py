"""Mixtures fitted to many columns at once, their sizes by held-out likelihood.

Of normals or of logistics. A logistic is a scale mixture of normals, so that EM has closed steps
for both: with ``t = (x - m) / s``, ``2 log cosh(t / 2)`` lies below a parabola in t that touches
it and has the curvature ``tanh(t / 2) / t``, and a weighted mean and variance increase the
likelihood.
"""

import math

import torch

from skflow._clock import left_out, time_is_up
from skflow.bijections._normalization import NORMAL_QUANTILE

__all__ = ["LOG_UNUSED", "Logistics", "Normals", "fit_mixtures"]

SCALE_COUNTS = 2.0  # imagined rows of each component whose scale is the whole column's over k
WEIGHT_COUNTS = 0.5  # imagined rows of each component, at any place
KEPT = 1e-6
FARTHEST = 1e6  # spreads; farther numbers count as this far, whose squares float32 holds
FARTHEST_LOGISTIC = 80.0  # scales; likewise, where float32 has digits left
NEAREST = 1e-6  # where tanh(t / 2) / t is a half
MAX_POINTS = 512  # sorted rows are averaged in so many groups of equal size
CHOICE_ROWS = 2_000
CHOICE_POINTS = 256
CHOICE_STEPS = 40
FINAL_STEPS = 150
N_FOLDS = 4
BLOCK = 12  # columns
TOLERATED_ERRORS = 1.0  # standard errors by which a smaller mixture may be behind
LOG_UNUSED = -80.0  # log-weight of components that a column does without
# Of a limited time, the shares after which no sizes are compared, and EM makes few steps.
CHOICE_SHARE = 0.4
EM_SHARE = 0.7
HURRIED_STEPS = 5


class Normals:
    """Densities times the root of two pi, in t; a background with the moments of the column."""

    background = 1e-2
    quantile = NORMAL_QUANTILE  # that 0.9 of one lie below

    @staticmethod
    def density(t):
        """Density at t, which is lost, and the curvatures, None where they are one."""
        return t.square_().mul_(-0.5).exp_(), None

    @staticmethod
    def ground(x, weight):
        """Mean and standard deviation (c,) of columns, so that a background adds no variance."""
        total = weight.sum(-1)
        middle = (weight * x).sum(-1) / total
        width = ((weight * (x - middle.unsqueeze(-1)).square()).sum(-1) / total).sqrt()
        return middle, torch.where(width > 0, width, 1.0)


class Logistics:
    """Densities in t; a background around 0 of deviation 1."""

    background = 1e-3
    width = math.sqrt(3) / math.pi
    quantile = math.log(9)

    @staticmethod
    def density(t):
        t = t.abs_().clamp_(NEAREST, FARTHEST_LOGISTIC)
        edge = torch.exp(-t)
        rest = (1 + edge).reciprocal_()
        pull = (1 - edge).mul_(rest).div_(t)
        return edge.mul_(rest).mul_(rest), pull

    @staticmethod
    def ground(x, weight):
        """Mean and scale (c,) that are the same for all columns."""
        return torch.zeros_like(x[:, 0]), torch.full_like(x[:, 0], Logistics.width)


@torch.no_grad()
def fit_mixtures(x, weight, sizes, n_components, min_scale, family):
    """Fit a mixture to each column by penalised maximum likelihood.

    Where the caller's time is limited and there is none to compare sizes in all columns, the rest
    get the smallest.

    Parameters
    ----------
    x : tensor of shape (c, n), float64
        Columns of about unit spread around 0.
    weight : tensor of shape (c, n)
        Not negative, with at least one positive number in each row; 0 for unused numbers.
    sizes : sequence of int
        Numbers of components to choose from by cross-validation, separately in each column.
    n_components : int
        At least the largest size.
    min_scale : float
        No component is narrower.
    family : Normals or Logistics
        What the components are. A fixed wide one, the background, has the share
        ``family.background`` of each mixture, so that no stretch between far components is empty.

    Returns
    -------
    log_weight, loc, log_scale : tensors of shape (c, n_components)
        Unused components come last, with ``LOG_UNUSED``.
    middle, width : tensors of shape (c,)
        Mean and scale of the background.
    """
    x, weight = _sorted(x.clamp(-FARTHEST, FARTHEST), weight)
    ground = family.ground(x, weight)
    # in blocks that stay in the processor's cache
    blocks = zip(*(t.split(BLOCK) for t in (x, weight, *ground)), strict=True)
    chosen = torch.cat(
        [_choose(x, weight, ground, sizes, min_scale, family) for x, weight, *ground in blocks]
    )
    points, shares = _grouped(x, weight, MAX_POINTS)
    result = [x.new_full((len(x), n_components), value) for value in (0.0, 0.0, 1.0)]
    for k in sizes:
        columns = (chosen == k).nonzero().squeeze(-1)
        if len(columns):
            own = [t[columns] for t in (points, shares, *ground)]
            fit = _em(*own[:2], own[2:], (k,), FINAL_STEPS, min_scale, family)
            for whole, part in zip(result, fit, strict=True):
                whole[columns, :k] = part.mT
    weight, loc, scale = result
    return weight.log().clamp(min=LOG_UNUSED), loc, scale.log(), *ground


def _sorted(x, weight):
    """Numbers in order, so that results do not depend on that of the rows; unused ones last."""
    used = weight > 0
    order = torch.where(used, x, math.inf).argsort(dim=-1, stable=True)
    x, weight = x.gather(-1, order), weight.gather(-1, order)
    last = torch.where(weight > 0, x, -math.inf).amax(-1, keepdim=True)
    size = weight.square().sum(-1, keepdim=True)
    # weights add up to the effective number of rows
    return torch.where(weight > 0, x, last), weight * (weight.sum(-1, keepdim=True) / size)


def _grouped(x, weight, n_points):
    """Weighted means of groups of neighbours and their weights; exact for few rows."""
    n = x.shape[-1]
    if n <= n_points:
        return x, weight
    group = (torch.arange(n, device=x.device) * n_points) // n
    total = x.new_zeros(len(x), n_points).index_add_(1, group, weight)
    mean = x.new_zeros(len(x), n_points).index_add_(1, group, weight * x)
    plain = x.new_zeros(len(x), n_points).index_add_(1, group, x)
    count = torch.bincount(group, minlength=n_points)
    return torch.where(total > 0, mean / total.clamp(min=1e-30), plain / count), total


def _choose(x, weight, ground, sizes, min_scale, family):
    """Return the size of each column's mixture, (c,), by cross-validation on some rows."""
    sizes = sorted(sizes)
    x, weight, *ground = (t.float() for t in (x, weight, *ground))
    n = x.shape[-1]
    if len(sizes) == 1 or n < 2 * N_FOLDS or _is_late(CHOICE_SHARE):
        return torch.full((len(x),), sizes[0], device=x.device)
    # A shuffle of ranks by a generator of its own: the same for the same numbers in any order.
    shuffled = torch.randperm(n, generator=torch.Generator().manual_seed(0))
    shuffled = shuffled[: min(n - n % N_FOLDS, CHOICE_ROWS)].to(x.device)
    held = shuffled.view(N_FOLDS, -1)
    rest = torch.stack([torch.cat([*held[:i], *held[i + 1 :]]) for i in range(N_FOLDS)])
    rest = rest.sort().values
    columns = x.shape[0]
    # all folds side by side: (N_FOLDS * c, n)
    points, counts = _grouped(_take(x, rest), _take(weight, rest), CHOICE_POINTS)
    ground = [t.repeat(N_FOLDS) for t in ground]
    tested, share = _take(x, held), weight[:, shuffled]
    fit = _em(points, counts, ground, sizes, CHOICE_STEPS, min_scale, family)
    whole = _density(tested, ground, sizes, *fit, family)[1]
    scores = whole.log().view(len(sizes), N_FOLDS, columns, -1).transpose(1, 2).flatten(2)
    share = share / share.sum(-1, keepdim=True).clamp(min=1e-30)
    return _smallest_good(sizes, scores, share)


def _take(x, index):
    """Numbers of x (c, n) at the index (folds, m), as (folds * c, m)."""
    return x[:, index].transpose(0, 1).flatten(0, 1)


def _smallest_good(sizes, scores, share):
    """Smallest size that is not clearly behind the best; ``scores`` (n_sizes, c, n)."""
    mean = (share * scores).sum(-1)
    best = mean.argmax(0)
    gap = scores.gather(0, best.view(1, -1, 1).expand(1, *scores.shape[1:])) - scores
    behind = (share * gap).sum(-1)
    spread = (share * (gap - behind.unsqueeze(-1))).square().sum(-1).sqrt()
    good = behind <= TOLERATED_ERRORS * spread
    return torch.tensor(sizes, device=scores.device)[good.int().argmax(0)]


def _em(x, weight, ground, sizes, n_steps, min_scale, family):
    """Penalised EM from quantiles, in columns (c, n), of mixtures of several sizes side by side.

    The parameters come as (k, c), of all components of the first size, then of the next.
    """
    total = weight.sum(-1)
    loc, spread = _start(x, weight, sizes, family)
    of_size = torch.arange(len(sizes)).repeat_interleave(torch.tensor(sizes)).to(x.device)
    k = torch.tensor(sizes, dtype=x.dtype, device=x.device)[of_size].unsqueeze(-1)
    prior = (spread / k).clamp(min=min_scale)
    scale = prior
    share = (1 / k).expand_as(loc)
    for step in range(n_steps):
        if step >= HURRIED_STEPS and _is_late(EM_SHARE):
            break
        parts, whole, pull = _density(x, ground, sizes, share, loc, scale, family)
        counts = parts.mul_((weight / whole)[of_size])
        size = counts.sum(-1)
        pull = counts if pull is None else pull.mul_(counts)
        # a component that has lost all its rows stays where it is
        loc = ((pull * x).sum(-1) + KEPT * loc) / (pull.sum(-1) + KEPT)
        square = (pull * (x - loc.unsqueeze(-1)).square()).sum(-1)
        variance = (square + SCALE_COUNTS * prior.square()) / (size + SCALE_COUNTS)
        scale = variance.sqrt().clamp(min=min_scale)
        share = (size + WEIGHT_COUNTS) / (total + k * WEIGHT_COUNTS)
    return share, loc, scale


def _is_late(share):
    late = time_is_up(share)
    if late:
        left_out("the fit of the margins")
    return late


def _density(x, ground, sizes, share, loc, scale, family):
    """Densities of parts (k, c, n) and of mixtures (n_sizes, c, n), and curvatures (k, c, n)."""
    middle, width = (t.unsqueeze(-1) for t in ground)
    parts, pull = family.density((x - loc.unsqueeze(-1)).div_(scale.unsqueeze(-1)))
    parts.mul_(((1 - family.background) * share / scale).unsqueeze(-1))
    plain = family.density((x - middle) / width)[0] / width
    whole = torch.stack([own.sum(0) for own in parts.split(list(sizes))])
    whole.add_(family.background * plain)
    return parts, whole.clamp_(min=torch.finfo(x.dtype).tiny), pull


def _start(x, weight, sizes, family):
    """Quantiles (k, c) in the middle of equal shares, and the scale of all, (c,)."""
    share = weight.cumsum(-1) - 0.5 * weight
    share = share / weight.sum(-1, keepdim=True).clamp(min=1e-30)
    middles = [torch.arange(k, dtype=x.dtype, device=x.device).add_(0.5).div_(k) for k in sizes]
    wanted = torch.cat(middles)
    index = torch.searchsorted(share, wanted.expand(len(x), -1).contiguous())
    loc = x.gather(-1, index.clamp(max=x.shape[-1] - 1)).mT
    ends = wanted.new_tensor([0.1, 0.9]).expand(len(x), 2).contiguous()
    index = torch.searchsorted(share, ends).clamp(max=x.shape[-1] - 1)
    low, high = x.gather(-1, index).unbind(-1)
    return loc, (high - low) / (2 * family.quantile)  # of a component with these quantiles
