"""Kernels given a context, of the largest leave-one-out likelihood of rows given theirs."""

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch

from skflow.bases._fineness import fineness
from skflow.bases._kernel import MIN_ROWS_FOR_SCALE, relative_sizes, search_is_late
from skflow.bases._leave_one_out import likeliest_gaussian
from skflow.bases._log_joint import drawn_in, log_joint
from skflow.numerics import ridge_regression

__all__ = ["fit_given_kernels"]

POWERS = (0.5, 1.0)  # of the distance to a neighbour that are tried beside 0
FIRST_SHARE = 0.1  # of the background
SHARE_LIMITS = 1e-6, 1 - 1e-6
# Deviations of kernels beside those of context and rows: the smallest one, where rows resolve no
# less, the largest one, and that of a context where a search starts that takes it to tell little.
MIN_SCALE, MAX_SCALE, LITTLE = 1e-3, 1 - 1e-5, 0.95
N_FOLDS = 10  # of rows that the regression is to foretell
MAX_CALLS, STEPS_A_CALL = 12, 5  # of the search; the clock is asked between calls
TOLERANCE = 1e-5  # nats a row that they must bring
MAX_PAIRS = 2**23  # of rows and kernels, where all kernels are scaled
BLOCK_PAIRS = 2**19  # whose gradients are in memory at a time
# Of a limited time, the shares after which the searches for first widths and for sizes end.
WIDTHS_SHARE, SIZES_SHARE = 0.4, 0.8


def fit_given_kernels(h, z, weight, bandwidth, n_neighbors, background, max_rows):
    r"""Fit a :class:`GivenKernels` by the leave-one-out likelihood of rows given their context.

    .. math:: \sum_i w_i \log p^{(-i)}(z_i \mid c_i)

    rises by steps of L-BFGS [1]_ in the widths of contexts and rows and in the share of the
    background, from two starts, a context that tells much and one that tells little; the likelier
    goes on. Each row is left out of the kernels and of the Gaussian behind them, and with its
    fold out of the regression. Sizes of all powers are tried from there.

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
    regression = ridge_regression(h, z, weight)
    table, axes = _table(h, z, weight, regression, bandwidth, background)
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
    slope, intercept = regression
    return {"slope": slope, "intercept": intercept, **_tensors(best.theta, table, sizes, axes)}


@dataclass(frozen=True)
class _Table:
    """Contexts h (n, c), what a regression on them leaves of rows, and what else is fixed.

    Attributes
    ----------
    u : tensor of shape (n, d)
        Residuals along the axes of the kernels.
    foretold : tensor of shape (n, d)
        The same by regressions that have not seen the row.
    weight : tensor of shape (n,)
    beside : tensor of shape (n,) or None
        Log density of the latter under the Gaussian of the others; None without a background.
    spread : tensor of shape (d,)
        Variances of the latter.
    floor : float
        Smallest deviation of kernels of rows, beside that of the rows.
    """

    h: torch.Tensor
    u: torch.Tensor
    foretold: torch.Tensor
    weight: torch.Tensor
    beside: torch.Tensor | None
    spread: torch.Tensor
    floor: float

    def of(self, index):
        beside = None if self.beside is None else self.beside[index]
        weight = self.weight[index] / self.weight[index].sum()
        rows = {name: getattr(self, name)[index] for name in ("h", "u", "foretold")}
        return replace(self, **rows, weight=weight, beside=beside)

    @property
    def variances(self):
        """Of the background, along the axes: no kernel is wider."""
        return torch.full_like(self.spread, torch.inf) if self.beside is None else self.spread


class _Found(NamedTuple):
    """Mean log density of rows left out, and the parameters (k,) that they have it with."""

    likelihood: float
    theta: torch.Tensor


def _likeliest(found):
    """Return the likeliest of _Found; of equals the first."""
    return max(found, key=lambda one: one.likelihood)


def _table(h, z, weight, regression, bandwidth, background):
    """Return a _Table, and the axes (d, d) of its kernels."""
    slope, intercept = regression
    left = z - h @ slope.mT - intercept
    foretold = _foretold(h, z, weight)
    if bandwidth == "full":
        _, covariance, beside = likeliest_gaussian(foretold, weight)
        spread = covariance.diagonal().sqrt()
        values, vectors = torch.linalg.eigh(covariance / spread / spread.unsqueeze(-1))
        axes = spread.unsqueeze(-1) * vectors * values.sqrt()
        spread = torch.ones_like(spread)
    else:
        _, variances, besides = zip(
            *(likeliest_gaussian(column, weight) for column in foretold.split(1, dim=-1)),
            strict=True,
        )
        beside, spread = sum(besides), torch.cat(variances).squeeze(-1)
        axes = torch.eye(len(spread)).to(spread)
    beside = beside + torch.linalg.slogdet(axes).logabsdet
    u, foretold = (torch.linalg.solve(axes, t.mT).mT for t in (left, foretold))
    floor = MIN_SCALE * fineness(u / spread.sqrt())
    table = _Table(h, u, foretold, weight, beside if background else None, spread, floor)
    return table, axes


def _foretold(h, z, weight):
    """Residuals of rows by ridge regressions on the other folds of them."""
    n = len(z)
    fold = torch.randperm(n, generator=torch.Generator().manual_seed(0)) % min(N_FOLDS, n)
    residuals = torch.empty_like(z)
    for k in range(int(fold.max()) + 1):
        own = fold == k
        slope, intercept = ridge_regression(h[~own], z[~own], weight[~own])
        residuals[own] = z[own] - h[own] @ slope.mT - intercept
    return residuals


def _start(table, context, bandwidth):
    """Parameters of kernels as wide as is usual, or with a context of the given width."""
    n, c = table.h.shape
    d = table.u.shape[1]
    columns = c + d if context is None else d
    usual = n ** (-1 / (columns + 4))
    of_rows = torch.full((1 if bandwidth == "scalar" else d,), usual).to(table.u)
    of_context = torch.full((c,), usual if context is None else context).to(table.u)
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
        total, now = 0.0, (theta + along @ step).detach()
        for block in blocks:  # of the rows: a gradient of all pairs would take much memory
            log_density = _log_density(theta + along @ step, table, sizes, index[block])
            part = -(weight[block] @ log_density)
            part.backward()
            total += float(part.detach())
        best = _likeliest((best, _Found(-total, now)))
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


def _tensors(theta, table, sizes, axes):
    """Buffers of the kernels, rows in coordinates in which kernels of size 1 have deviation 1."""
    contexts, _, points, _ = _gaussians(theta, table, sizes)
    delta, own = _widths(theta, table)
    share = 0.0 if table.beside is None else float(_between(theta[-1], *SHARE_LIMITS))
    return {
        "directions": axes * own.rsqrt(),
        "variances": table.variances * own,
        "context_variances": delta.square(),
        "contexts": contexts,
        "points": points * own.sqrt(),
        "sizes": sizes,
        "log_weights": table.weight.log() + math.log1p(-share),
        "log_background": torch.tensor(share).log(),
    }
