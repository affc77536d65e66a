"""Kernels given a context, of the largest leave-one-out likelihood of rows given theirs."""

import math
from typing import NamedTuple

import torch

from skflow.bases._given_residuals import MIN_SCALE, Residuals
from skflow.bases._kernel import MIN_ROWS_FOR_SCALE, relative_sizes, search_is_late
from skflow.bases._log_joint import drawn_in, log_joint

__all__ = ["fit_given_kernels"]

POWERS = (0.5, 1.0)  # of the distance to a neighbour that are tried beside 0
FIRST_SHARE = 0.1  # of the background
SHARE_LIMITS = 1e-6, 1 - 1e-6
# Deviations of kernels beside those of context and rows: the largest, and that of a context where
# a search starts that takes it to tell little.
MAX_SCALE, LITTLE = 1 - 1e-5, 0.95
# Nats, of all rows together, that a column of the context must bring for kernels to be told apart
# by it. Where 20 columns of 100 rows told nothing but a regression, kernels lost 0.3 nats without.
COST = 4.0
MAX_CALLS, STEPS_A_CALL = 12, 5  # of the search; the clock is asked between calls
TOLERANCE = 1e-5  # nats a row that they must bring
MAX_PAIRS = 2**23  # of rows and kernels, where all kernels are scaled
BLOCK_PAIRS = 2**19  # whose gradients are in memory at a time
# Of a limited time, the shares after which the searches for first widths and for sizes end.
WIDTHS_SHARE, SIZES_SHARE = 0.4, 0.8


def fit_given_kernels(h, z, weight, bandwidth, n_neighbors, background, max_rows):
    r"""Fit a :class:`GivenKernels` by the leave-one-out likelihood of rows given their context.

    .. math:: \sum_i w_i \log p^{(-i)}(z_i \mid c_i) - \tfrac{4}{n} \sum_k (1 - \delta_k^2)

    rises by steps of L-BFGS [1]_ in the widths of contexts and rows and in the share of the
    background, from two starts, a context that tells much and one that tells little; the likelier
    goes on. Each row is left out of the kernels and of the Gaussian behind them, and with its
    fold out of the regression; the second term keeps many columns of few rows from telling what
    they do not. Sizes of all powers are tried from there.

    Parameters
    ----------
    h : tensor of shape (n, c), float64
        Standardised context.
    z : tensor of shape (n, d), float64
    weight : tensor of shape (n,)
        Shares of the rows.
    bandwidth, n_neighbors, background, max_rows
        As :class:`GivenKernels` takes them.

    Returns
    -------
    tensors : dict
        By the names of :class:`GivenKernels`'s buffers.

    References
    ----------
    .. [1] Nocedal & Wright (2006), Numerical optimization, Springer, algorithm 7.5.
    """
    n = len(z)
    table = Residuals.read(h, z, weight, bandwidth, background)
    order = torch.randperm(n, generator=torch.Generator().manual_seed(0))
    keep = order[:max_rows]
    some, sizes = table.of(keep), torch.ones_like(weight)
    starts = [_start(some, context, bandwidth) for context in (None, LITTLE)]
    best = _likeliest(_climb(start, some, sizes[keep], WIDTHS_SHARE) for start in starts)
    if n_neighbors is not None and n > 2:
        reach = relative_sizes(_apart(best.theta, table), min(n_neighbors, n - 1))
        for power in POWERS:
            found = _climb(best.theta, some, (reach**power)[keep], SIZES_SHARE)
            if found.likelihood > best.likelihood:
                best, sizes = found, reach**power
    if len(keep) < n:  # more kernels are to be narrower ones
        rows = order[: max(MIN_ROWS_FOR_SCALE, MAX_PAIRS // n)]
        along = _factors(best.theta, h.shape[1])
        best = _climb(best.theta, table, sizes, 1.0, rows, along)
    return _tensors(best.theta, table, sizes)


class _Found(NamedTuple):
    """Mean log density of rows left out, less the cost, and the parameters (k,) that have it."""

    likelihood: float
    theta: torch.Tensor


def _likeliest(found):
    """Return the likeliest of _Found; of equals the first."""
    return max(found, key=lambda one: one.likelihood)


def _start(table, context, bandwidth):
    """Parameters of kernels as wide as is usual, or with a context of the given width."""
    n, d = table.u.shape
    varies = table.h.amin(dim=0) < table.h.amax(dim=0)
    columns = d + int(varies.sum()) if context is None else d
    usual = n ** (-1 / (columns + 4))
    of_rows = torch.full((1 if bandwidth == "scalar" else d,), usual).to(table.u)
    of_context = torch.where(varies, usual if context is None else context, MAX_SCALE).to(table.u)
    share = torch.tensor([FIRST_SHARE]).to(table.u)
    return torch.cat(
        [
            _logit(of_context, MIN_SCALE, MAX_SCALE),
            _logit(of_rows, table.floor, MAX_SCALE),
            _logit(share, *SHARE_LIMITS),
        ]
    )


def _logit(x, low, high):
    return ((x - low) / (high - low)).clamp(1e-6, 1 - 1e-6).logit()


def _between(theta, low, high):
    return low + (high - low) * theta.sigmoid()


def _widths(theta, table):
    """Deviations (c,) of kernels in the context, and precisions (d,) beyond the background's."""
    c = table.h.shape[1]
    of_rows = _between(theta[c:-1], table.floor, MAX_SCALE)
    own = 1 / (of_rows.square() * table.spread) - 1 / table.variances
    return _between(theta[:c], MIN_SCALE, MAX_SCALE), own


def _gaussians(theta, table, sizes):
    """Centres and precisions of all kernels: in the context, and along the axes of rows."""
    delta, own = _widths(theta, table)
    contexts = table.h * (1 - delta.square()).sqrt()
    precisions = sizes.square().reciprocal().unsqueeze(-1) * own + 1 / table.variances
    points = table.u * drawn_in(precisions, table.variances, table.weight)
    return contexts, delta.square().reciprocal().expand_as(contexts), points, precisions


def _cost(theta, table):
    """Nats a row that columns of the context cost which kernels are told apart by."""
    delta, _ = _widths(theta, table)
    return COST / len(table.u) * (1 - delta.square()).sum()


def _log_density(theta, table, sizes, index):
    """Log density of some rows given their context, by the kernels of all others."""
    contexts, context_precisions, points, precisions = _gaussians(theta, table, sizes)
    h, x = table.h[index], table.foretold[index]
    share = _between(theta[-1], *SHARE_LIMITS)
    level = table.weight.log()
    near = log_joint(h, contexts, context_precisions, level)
    near = near - torch.log1p(-table.weight[index]).unsqueeze(-1)
    near[torch.arange(len(index)), index] = -torch.inf
    joint = near + log_joint(x, points, precisions, torch.zeros_like(level))
    top, bottom = joint.logsumexp(-1), near.logsumexp(-1)
    if table.beside is None:
        return top - bottom
    behind = -0.5 * h.square().sum(-1) - 0.5 * h.shape[1] * math.log(2 * math.pi) + share.log()
    rest = torch.log1p(-share)
    return torch.logaddexp(top + rest, behind + table.beside[index]) - torch.logaddexp(
        bottom + rest, behind
    )


@torch.enable_grad()
def _climb(theta, table, sizes, share, index=None, along=None):
    """Search from theta (k,) for likelier parameters, along the columns of a matrix (k, a)."""
    index = torch.arange(len(table.u)) if index is None else index
    along = torch.eye(len(theta)).to(theta) if along is None else along
    weight = table.weight[index] / table.weight[index].sum()
    blocks = torch.arange(len(index)).split(max(1, BLOCK_PAIRS // len(table.u)))
    step = torch.zeros_like(along[0], requires_grad=True)
    search = torch.optim.LBFGS(
        [step], max_iter=STEPS_A_CALL, tolerance_change=TOLERANCE, line_search_fn="strong_wolfe"
    )
    best = _Found(-math.inf, theta)

    def loss():
        nonlocal best
        search.zero_grad()
        now = theta + along @ step
        cost = _cost(now, table)
        cost.backward()
        total = float(cost.detach())
        for block in blocks:  # of the rows: a gradient of all pairs would take much memory
            log_density = _log_density(theta + along @ step, table, sizes, index[block])
            part = -(weight[block] @ log_density)
            part.backward()
            total += float(part.detach())
        best = _likeliest((best, _Found(-total, now.detach())))
        return total

    for _ in range(MAX_CALLS):
        before = best.likelihood
        search.step(loss)
        if best.likelihood - before < TOLERANCE or search_is_late(share):
            break
    return best


def _factors(theta, n_context):
    """Columns along which widths of the context change together, and those of rows."""
    along = torch.zeros(len(theta), 2).to(theta)
    along[:n_context, 0] = 1.0
    along[n_context:-1, 1] = 1.0
    return along


def _apart(theta, table):
    """Rows and their contexts in units of the kernels."""
    delta, own = _widths(theta, table)
    contexts = table.h * (1 - delta.square()).sqrt() / delta
    return torch.cat([contexts, table.u * own.sqrt()], dim=-1)


def _tensors(theta, table, sizes):
    """Buffers of the kernels, rows in coordinates in which kernels of size 1 have deviation 1."""
    contexts, _, points, _ = _gaussians(theta, table, sizes)
    delta, own = _widths(theta, table)
    share = 0.0 if table.beside is None else float(_between(theta[-1], *SHARE_LIMITS))
    return {
        "slope": table.slope,
        "intercept": table.intercept,
        "directions": table.axes * own.rsqrt(),
        "variances": table.variances * own,
        "context_variances": delta.square(),
        "contexts": contexts,
        "points": points * own.sqrt(),
        "sizes": sizes,
        "log_weights": table.weight.log() + math.log1p(-share),
        "log_background": torch.tensor(share).log(),
    }
