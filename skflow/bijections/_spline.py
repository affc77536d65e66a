"""Monotone rational-quadratic splines with linear tails, with a hand-derived backward pass."""

import math

import torch
from torch.autograd.function import once_differentiable

from skflow._graph import applied
from skflow.bijections._elementwise import Elementwise

__all__ = ["RationalQuadraticSpline"]

MIN_BIN = 1e-3  # smallest width and height of a bin, as a share of the box
MIN_SLOPE = 1e-3  # smallest slope at a knot
MAX_RAW_SLOPE = 80.0  # beyond it exp overflows in float32


class RationalQuadraticSpline(Elementwise):
    r"""Rational-quadratic spline on ``[-bound, bound]``, the identity outside [1]_.

    With :math:`\theta = (x - x_k) / w_k`, :math:`s = h_k / w_k` and slopes :math:`\delta` at the
    knots, inside bin k (their eqs. 4 and 5):

    .. math::
        y = y_k + h_k \frac{s\theta^2 + \delta_k \theta(1-\theta)}{D}, \quad
        D = s + (\delta_{k+1} + \delta_k - 2s)\,\theta(1-\theta)

        \frac{dy}{dx} = s^2 \frac{\delta_{k+1}\theta^2 + 2s\theta(1-\theta)
                        + \delta_k(1-\theta)^2}{D^2}

    Raw numbers are n_bins widths and heights (softmax, each at least 1e-3 of the box) and the
    n_bins - 1 inner slopes (softplus, at least 1e-3, shifted so that 0 gives slope 1); the outer
    slopes are 1. The inverse solves a quadratic (their eqs. 6 to 8).

    Cost: O(n_bins) a number in both directions. Through autograd the forward is some sixty
    kernels; here the backward pass is derived by hand, and only the softmax and the sums over
    bins touch arrays of the size of ``raw``. It is differentiable once.

    Parameters
    ----------
    n_bins : int, default=8
    bound : float, default=3.0

    References
    ----------
    .. [1] Durkan, Bekasov, Murray & Papamakarios (2019), Neural spline flows, arXiv:1906.04032.
    """

    def __init__(self, n_bins=8, bound=3.0):
        if not 2 <= n_bins < 1 / MIN_BIN:
            raise ValueError(f"a spline has 2 to {1 / MIN_BIN - 1:.0f} bins, got n_bins={n_bins}")
        super().__init__()
        self.n_bins = n_bins
        self.bound = bound
        self.n_params = 3 * n_bins - 1

    def forward(self, x, raw):
        columns, params = _columns(x), _rows_of_params(raw)
        y, log_slope = applied(_Forward, columns, params, self.n_bins, self.bound)
        return _columns(y, x.dim()), _columns(log_slope, x.dim())

    def inverse(self, y, raw):
        with torch.no_grad():
            x, log_slope = _solve(_columns(y), _rows_of_params(raw), self.n_bins, self.bound)
            x, log_slope = _columns(x, y.dim()), _columns(log_slope, y.dim())
        if not (torch.is_grad_enabled() and (y.requires_grad or raw.requires_grad)):
            return x, -log_slope
        # one Newton step from the solution gives x its gradient by the implicit function theorem
        x = x - (self.forward(x, raw)[0] - y) * torch.exp(-log_slope)
        return x, -self.forward(x, raw)[1]


# Inside, numbers are (*members, d, n) and raw numbers (*members, n_params, d, n), as nets emit
# them: kernels then run along contiguous rows of the table and not along 8 bins.


def _columns(x, n_dims=None):
    """(*members, n, d) to (*members, d, n), or back if the number of axes was ``n_dims``."""
    if n_dims is None:
        return x.mT if x.dim() > 1 else x.reshape(1, -1)
    return x.mT if n_dims > 1 else x.reshape(x.shape[1:][:n_dims])


def _rows_of_params(raw):
    return raw.transpose(-1, -3) if raw.dim() > 2 else raw.mT.unsqueeze(-2)


def _bins(raw, n_bins, bound):
    """Softmax shares and bin sizes (..., 2, n_bins, d, n), widths first, and left edges."""
    free = raw.narrow(-3, 0, 2 * n_bins).unflatten(-3, (2, n_bins))
    # torch's softmax over an axis that is not the last takes five times as long
    share = (free - free.amax(dim=-3, keepdim=True)).exp_()
    share = share.div_(share.sum(dim=-3, keepdim=True))
    size = (share * (2 * bound * (1 - n_bins * MIN_BIN))).add_(2 * bound * MIN_BIN)
    # a cumulative sum as a product with a triangle of ones, which is many times faster
    below = torch.ones(n_bins, n_bins, dtype=raw.dtype, device=raw.device).tril_(-1)
    return share, size, torch.matmul(below, size.flatten(-2)).sub_(bound).view(size.shape)


def _locate(edge, value):
    """Masks (..., n_bins, d, n) of the bin a value lies in, and of the bins below it.

    Sums over bins times a 0/1 mask are exact, and cost less than a search with gathers.
    """
    n_bins = edge.shape[-3]
    passed = value.new_empty(*value.shape[:-2], n_bins + 1, *value.shape[-2:])
    passed.select(-3, 0).fill_(1)
    passed.select(-3, n_bins).fill_(0)
    inner = passed.narrow(-3, 1, n_bins - 1)
    inner.copy_(edge.narrow(-3, 1, n_bins - 1) <= value.unsqueeze(-3))
    below = passed.narrow(-3, 1, n_bins)
    return passed.narrow(-3, 0, n_bins) - below, below


def _pick(raw, size, edge, here, n_bins):
    """Corner (x, y), size (w, h) and exp(raw slope) at the ends of the bin ``here`` marks."""
    mask = here.unsqueeze(-4)
    corner = (mask * edge).sum(dim=-3).unbind(-3)
    size_k = (mask * size).sum(dim=-3).unbind(-3)
    # slopes are 1 at both ends of the box, and a raw slope of 0 means 1
    slope = raw.narrow(-3, 2 * n_bins, n_bins - 1)
    ends = [(here.narrow(-3, i, n_bins - 1) * slope).sum(dim=-3) for i in (1, 0)]
    shifted = torch.stack(ends, dim=-3).add_(math.log(math.expm1(1 - MIN_SLOPE)))
    return corner, size_k, shifted.clamp_(max=MAX_RAW_SLOPE).exp_()


class _Forward(torch.autograd.Function):
    """``x, raw -> y, log dy/dx``, in the letters of the class above.

    Outside the box x is clamped to its edge, where the spline has slope 1, and what was cut off
    is added to y: the identity without a branch.
    """

    @staticmethod
    def forward(ctx, x, raw, n_bins, bound):
        share, size, edge = _bins(raw, n_bins, bound)
        u = x.clamp(-bound, bound)
        here, below = _locate(edge.select(-4, 0), u)
        (left, low), (w, h), exp_slope = _pick(raw, size, edge, here, n_bins)
        d0, d1 = torch.log1p(exp_slope).add_(MIN_SLOPE).unbind(-3)
        theta = ((u - left) / w).clamp_(0, 1)
        s = h / w
        rest, square = 1 - theta, theta * theta
        bump = theta * rest
        D = torch.addcmul(s, d0 + d1 - 2 * s, bump)
        q = torch.addcmul(s * square, d0, bump).div_(D)
        g = torch.addcmul(d1 * square, s, bump, value=2).addcmul_(d0, rest * rest)
        log_slope = torch.log(g * (s / D).square_())
        y = torch.addcmul(low, h, q).add_(x - u)
        inside = (x == u).to(x.dtype)
        ctx.save_for_backward(
            share, here, below, exp_slope, inside, w, h, d0, d1, theta, s, D, q, g
        )
        ctx.scale = 2 * bound * (1 - n_bins * MIN_BIN)
        return y, log_slope.mul_(inside)

    @staticmethod
    @once_differentiable
    def backward(ctx, gy, grad_l):
        share, here, below, exp_slope, inside, w, h, d0, d1, theta, s, D, q, g = ctx.saved_tensors
        gl = grad_l * inside
        rest, turn, square = 1 - theta, 1 - 2 * theta, theta * theta
        bump = theta * rest
        # y = y_k + h N/D and log slope = 2 log s + log g - 2 log D: factors of dN, dD and dg
        a = gy * h / D
        c = gl / g
        b = torch.addcmul(a * q, gl, 1 / D, value=2).neg_()
        ms = d0 + d1 - 2 * s
        g_theta = torch.addcmul(a * torch.add(d0 * turn, s * theta, alpha=2), b, ms * turn)
        g_theta.addcmul_(c, d1 * theta + s * turn - d0 * rest, value=2)
        g_s = torch.addcmul(a * square, b, 1 - 2 * bump)
        g_s.addcmul_(c, bump, value=2).addcdiv_(gl, s, value=2)
        g_d0 = torch.addcmul((a + b) * bump, c, rest * rest)
        g_d1 = torch.addcmul(b * bump, c, square)
        # theta = (x - x_k) / w and s = h / w
        g_x = g_theta / w
        g_w = torch.addcmul(g_theta * theta, g_s, s).div_(w).neg_()
        g_h = torch.addcdiv(gy * q, g_s, w)
        pairs = ((-g_x, gy), (g_w, g_h), (g_d0, g_d1))
        g_corner, g_size, g_slope = (torch.stack(pair, dim=-3) for pair in pairs)
        g_slope.mul_(exp_slope / (1 + exp_slope))
        return g_x, _to_raw(ctx.scale, share, here, below, g_corner, g_size, g_slope), None, None


def _to_raw(scale, share, here, below, g_corner, g_size, g_slope):
    """Gradients of a bin's corner, size and raw slopes, carried to raw (..., n_params, d, n)."""
    n_bins = share.shape[-3]
    grad = share.new_empty(*share.shape[:-4], 3 * n_bins - 1, *share.shape[-2:])
    # the corner is the sum of all sizes below the bin
    g = below.unsqueeze(-4) * g_corner.unsqueeze(-3)
    g.addcmul_(here.unsqueeze(-4), g_size.unsqueeze(-3)).mul_(share)
    g.addcmul_(share, g.sum(dim=-3, keepdim=True), value=-1).mul_(scale)
    grad.narrow(-3, 0, 2 * n_bins).copy_(g.flatten(-4, -3))
    slopes = grad.narrow(-3, 2 * n_bins, n_bins - 1)
    torch.mul(here.narrow(-3, 1, n_bins - 1), g_slope.narrow(-3, 0, 1), out=slopes)
    slopes.addcmul_(here.narrow(-3, 0, n_bins - 1), g_slope.narrow(-3, 1, 1))
    return grad


def _solve(y, raw, n_bins, bound):
    """Find the x that the spline sends to y, and log dy/dx there."""
    _, size, edge = _bins(raw, n_bins, bound)
    v = y.clamp(-bound, bound)
    here, _ = _locate(edge.select(-4, 1), v)
    (left, low), (w, h), exp_slope = _pick(raw, size, edge, here, n_bins)
    d0, d1 = torch.log1p(exp_slope).add_(MIN_SLOPE).unbind(-3)
    s = h / w
    r = (v - low) / h
    m = (d0 + d1 - 2 * s) * r
    a, b, c = s - d0 + m, d0 - m, -s * r
    # 2c / (-b - root) is the form without cancellation; a true root exists, so rounding alone
    # can make the discriminant negative
    root = torch.sqrt((b.square() - 4 * a * c).clamp(min=0))
    theta = (2 * c / (-b - root)).nan_to_num(0.0).clamp(0, 1)
    bump = theta * (1 - theta)
    g = d1 * theta.square() + 2 * s * bump + d0 * (1 - theta).square()
    log_slope = torch.log(g * (s / torch.addcmul(s, d0 + d1 - 2 * s, bump)).square())
    return torch.addcmul(left, w, theta) + (y - v), log_slope * (y == v)
