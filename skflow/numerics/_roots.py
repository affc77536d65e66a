"""Solving ``f(x) = y`` for many numbers at once, and differentiating the solution."""

import torch

__all__ = ["implicit_root", "increasing_root", "neighbours"]

MAX_EXPANSIONS = 1100  # factors of at least 2 cover all of float64
MAX_STEPS = 200
TOLERANCE_ULPS = 4
NOISE_ULPS = 64  # that a function's own roundings may come to
EXPANSION = 4.0


@torch.no_grad()
def neighbours(knots, values, target):
    """Where to look for roots of an increasing function that is known at some numbers.

    Parameters
    ----------
    knots : tensor of shape (..., g, d)
        Increasing along g, for each of d functions.
    values : tensor of shape (..., g, d)
        Of the functions there.
    target : tensor of shape (..., n, d)

    Returns
    -------
    start : tensor of shape (..., n, d)
        Where a line between the knots around a root takes the target, or the last knot.
    between : pair of tensors of shape (..., n, d)
        These knots, for :func:`increasing_root`; behind the last one its limit.
    """
    limit = torch.full_like(knots[..., :1, :], torch.finfo(knots.dtype).max / 4)
    edges = torch.cat([-limit, knots, limit], -2).mT.contiguous()
    columns = target.mT.contiguous()
    # values of roundings may fall, but not those that are searched
    sorted_values = values.mT.cummax(-1).values
    shape = (*columns.shape[:-1], -1)
    above = torch.searchsorted(sorted_values.expand(shape).contiguous(), columns)
    edges, sorted_values = edges.expand(shape), sorted_values.expand(shape)
    low, high = edges.gather(-1, above), edges.gather(-1, above + 1)
    last = sorted_values.shape[-1] - 1
    below, beyond = (above - 1).clamp(0, last), above.clamp(0, last)
    from_value, to_value = sorted_values.gather(-1, below), sorted_values.gather(-1, beyond)
    share = ((columns - from_value) / (to_value - from_value)).nan_to_num(0.5, 0.5, 0.5)
    from_knot, to_knot = edges.gather(-1, below + 1), edges.gather(-1, beyond + 1)
    start = torch.lerp(from_knot, to_knot, share.clamp(0, 1))
    return start.mT, (low.mT, high.mT)


@torch.no_grad()
def increasing_root(function, target, start, between=None):
    """Invert an increasing function of one number, elementwise.

    Newton's method inside a bracket: a step that leaves the bracket, or is more than half as
    long as the one before it, is replaced by a bisection, so that it converges whatever the
    curvature. The bracket is searched for outwards from ``start`` with growing steps: there is
    no box that roots must lie in. Every number stops on its own, so that its root does not
    depend on those beside it.

    An increasing function without a root ends at a quarter of the largest number of its dtype.

    Parameters
    ----------
    function : callable
        Maps x (...,) to ``(f(x), slope of f at x)``, both (...,). A slope may be 0 or infinite.
    target : tensor of shape (...,)
        The y to solve for, finite.
    start : tensor of shape (...,)
        First guess of x.
    between : pair of tensors of shape (...,), optional
        Numbers at or below each root, and at or above it, if such are known.

    Returns
    -------
    x : tensor of shape (...,)
        Without gradients. Either f(x) is y within ``2 eps |y|``, or the last step was at most
        ``4 eps max(|x|, 1)`` long, or the bracket is as narrow, or both f(x) and the step are
        within 64 eps, as roundings of f make them, and steps get no shorter.
        :func:`implicit_root` gives it gradients.
    """
    x = start.clone()
    value, slope = function(x)
    low, high = _bracket(function, target, x, value) if between is None else between
    tolerance = TOLERANCE_ULPS * torch.finfo(x.dtype).eps
    near = 0.5 * tolerance * target.abs()
    noise = NOISE_ULPS * torch.finfo(x.dtype).eps
    previous = high - low
    done = (value - target).abs() <= near
    for _ in range(MAX_STEPS):
        below = value < target
        low = torch.where(below, torch.maximum(low, x), low)
        high = torch.where(below, high, torch.minimum(high, x))
        step = (target - value) / slope
        proposal = x + step
        inside = (proposal > low) & (proposal < high) & (2 * step.abs() <= previous)
        # a bisection from the last digits would lead away, and find back in fifty steps
        ends = slope.isfinite() & ((value - target).abs() <= noise * target.abs().clamp(min=1))
        ends &= step.abs() <= noise * x.abs().clamp(min=1)
        last = ends & (2 * step.abs() > previous)
        # halves are added, since the sum of two large ends may overflow
        proposal = torch.where(inside | ends, proposal, 0.5 * low + 0.5 * high)
        step = (proposal - x).abs()
        x = torch.where(done, x, proposal)
        narrow = tolerance * x.abs().clamp(min=1)
        done = done | last | (step <= narrow) | (high - low <= narrow)
        if bool(done.all()):
            break
        previous = step
        value, slope = function(x)
        done = done | ((value - target).abs() <= near)
    return x


def implicit_root(function, target, root):
    """Give a root of ``function(x) = target`` the gradients of the implicit function theorem.

    One Newton step from the root, in which the slope counts as a constant: x hardly moves, and
    ``dx = (dy - df) / slope`` holds for whatever the target and the function depend on.

    Parameters
    ----------
    function : callable
        As for :func:`increasing_root`.
    target : tensor of shape (...,)
    root : tensor of shape (...,)
        What :func:`increasing_root` returned.

    Returns
    -------
    x : tensor of shape (...,)
        With gradients, if they are switched on and the function or the target has any.
    """
    if not torch.is_grad_enabled():
        return root
    value, slope = function(root)
    return root - (value - target) / slope.detach()


def _bracket(function, target, start, value):
    """Numbers below and above the root, found by steps from ``start`` that grow."""
    limit = torch.finfo(start.dtype).max / 4
    upwards = value < target
    sign = torch.where(upwards, 1.0, -1.0).to(start.dtype)
    step = start.abs().clamp(min=1)
    near, far = start, start
    found = value == target
    for _ in range(MAX_EXPANSIONS):
        if bool(found.all()):
            break
        near = torch.where(found, near, far)
        far = torch.where(found, far, (start + sign * step).clamp(-limit, limit))
        value, _ = function(far)
        passed = torch.where(upwards, value >= target, value <= target)
        found = found | passed | (far.abs() >= limit)
        step = (step * EXPANSION).clamp(max=limit)
    return torch.minimum(near, far), torch.maximum(near, far)
