"""Integration of ``dy/dt = f(t, y)`` for many rows side by side, none of which sees another.

Written here because torchode, whose rows have steps of their own too, evaluates the finished rows
until the slowest is done, has no leading axes, and requires sympy and the retired torchtyping;
torchdiffeq shares one step among all rows.

States are ``(*members, k, n)``: one row a column, as nets take them.
"""

import torch

from skflow.exceptions import StepLimitError

__all__ = ["integrate_adaptively", "integrate_in_steps"]

MAX_STEPS = 10_000
LANES = 32  # rows are dropped to multiples of this, which matrix products treat alike
SAFETY, SHRINK, GROW = 0.9, 0.2, 10.0
FINEST_ULPS = 8  # of the dtype: no tolerance is taken to be finer

# Dormand and Prince's pair of orders 5 and 4: nodes, rows of the tableau, and the difference of
# the two results. The last row is the fifth-order result, where the next step begins.
NODES = (0.2, 0.3, 0.8, 8 / 9, 1.0, 1.0)
TABLEAU = (
    (1 / 5,),
    (3 / 40, 9 / 40),
    (44 / 45, -56 / 15, 32 / 9),
    (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
    (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
    (35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84),
)
DIFFERENCE = (71 / 57600, 0.0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40)


def integrate_in_steps(f, y, start, stop, n_steps, *constants):
    """Integrate with the classical Runge-Kutta method in equal steps; error O(1 / n_steps^4).

    Costs 4 n_steps evaluations whatever f is, and gradients flow through all of them.

    Parameters
    ----------
    f : callable
        ``f(t, y, *constants)`` is dy/dt, with t (1,).
    y : tensor of shape (*members, k, n)
    start, stop : float
        Backwards if ``stop < start``.
    n_steps : int
    *constants : tensors
        Passed on to f.

    Returns
    -------
    y : tensor of shape (*members, k, n)
        At ``stop``.
    """
    h = (stop - start) / n_steps
    for i in range(n_steps):
        begin, middle, end = (y.new_full((1,), start + (i + c) * h) for c in (0, 0.5, 1))
        k1 = f(begin, y, *constants)
        k2 = f(middle, torch.add(y, k1, alpha=h / 2), *constants)
        k3 = f(middle, torch.add(y, k2, alpha=h / 2), *constants)
        k4 = f(end, torch.add(y, k3, alpha=h), *constants)
        y = torch.add(y, torch.add(k1 + k4, k2 + k3, alpha=2), alpha=h / 6)
    return y


def integrate_adaptively(
    f, y, start, stop, *constants, tolerance, max_steps=MAX_STEPS, measure=torch.abs
):
    r"""Integrate with Dormand and Prince's method 5(4), each row in steps of its own.

    A step of a row is accepted if the estimated error of each component is at most
    :math:`\epsilon\,(1 + |y|)` with the tolerance :math:`\epsilon`. The estimate is for the
    result of fourth order, and the one of fifth order goes on, so that the error at the end is
    proportional to the tolerance, and of its size if the equation does not amplify it. Rows that
    have arrived stand still, and are dropped once they are half of all: a row's result does not
    depend on those beside it, but for rounding, and few wait for the slowest.

    With gradients on, the accepted steps are taken once more: gradients flow through them, and
    step sizes count as constants.

    Parameters
    ----------
    f : callable
        ``f(t, y, *constants)`` is dy/dt, with t (*members, n): each row has its own time.
    y : tensor of shape (*members, k, n)
    start, stop : float
        Backwards if ``stop < start``.
    *constants : tensors of shape (..., n)
        Of each row, passed on to f.
    tolerance : float
        Taken to be 8 roundings of the dtype, if it is less.
    max_steps : int
        Accepted or not.
    measure : callable
        Sizes (*members, m, n), not negative, of states or errors (*members, k, n), in the place
        of those of each component: with lengths, the steps are the same whichever way the axes
        point.

    Returns
    -------
    y : tensor of shape (*members, k, n)
        At ``stop``.

    Raises
    ------
    StepLimitError
        If the steps do not suffice.

    References
    ----------
    Dormand & Prince (1980), A family of embedded Runge-Kutta formulae, J. Comput. Appl. Math. 6.
    """
    replay = torch.is_grad_enabled() and f(y.new_tensor([start]), y, *constants).requires_grad
    with torch.no_grad():
        journey = _Journey(f, y, start, stop, constants, tolerance, replay, measure)
        for _ in range(max_steps):
            if journey.arrived():
                break
            journey.step()
        else:
            if not journey.arrived():
                raise StepLimitError(journey.complaint(max_steps))
        result, steps = journey.result(), journey.accepted_steps()
    return _retrace(f, y, start, steps, constants) if replay else result


def _attempt(f, t, y, slope, h, constants):
    """One step h (*members, 1, n): the new state, its slope, and the error of the step over h."""
    slopes = [slope]
    for node, row in zip(NODES, TABLEAU, strict=True):
        new = y + h * _combine(slopes, row)
        slopes.append(f((t + node * h).squeeze(-2), new, *constants))
    return new, slopes[-1], _combine(slopes, DIFFERENCE)


def _combine(slopes, weights):
    total = slopes[0] * weights[0]
    for slope, weight in zip(slopes[1:], weights[1:], strict=True):
        if weight:
            total = torch.add(total, slope, alpha=weight)
    return total


def _retrace(f, y, start, steps, constants):
    """Take the accepted steps again; rows that have fewer than others end with steps of 0."""
    t = y.new_full((*y.shape[:-2], 1, y.shape[-1]), start)
    slope = f(t.squeeze(-2), y, *constants)
    for h in steps:
        y, slope, _ = _attempt(f, t, y, slope, h, constants)
        t = t + h
    return y


class _Journey:
    """Rows on their way, without gradients: time to go, next step, state and slope of each."""

    def __init__(self, f, y, start, stop, constants, tolerance, record, measure):
        self.f, self.y, self.constants, self.measure = f, y, constants, measure
        self.stop, self.span = stop, abs(stop - start)
        self.sign = 1.0 if stop >= start else -1.0
        self.tolerance = max(tolerance, FINEST_ULPS * torch.finfo(y.dtype).eps)
        self.left = y.new_full((*y.shape[:-2], 1, y.shape[-1]), self.span)
        # a smooth problem of unit scale needs about this many steps
        self.h = self.left * min(1.0, self.tolerance**0.2)
        self.slope = f(self._time().squeeze(-2), y, *constants)
        self.rows = torch.arange(y.shape[-1], device=y.device)
        self.out = y.clone()
        self.record, self.log, self.left_out = record, [], torch.zeros_like(self.left)

    def _time(self):
        return self.stop - self.sign * self.left

    def arrived(self):
        """Whether all rows have; drops them where they are many."""
        moving = (self.left > 0).flatten(0, -2).any(dim=0)
        count = int(moving.sum())
        width = -(-count // LANES) * LANES
        if count and 2 * width <= len(self.rows):
            self._keep((~moving).to(torch.uint8).argsort(stable=True)[:width])
        return count == 0

    def _keep(self, places):
        self.out[..., self.rows] = self.y
        self.rows = self.rows[places]
        self.constants = tuple(c[..., places] for c in self.constants)
        self.y, self.slope, self.left, self.h = (
            t[..., places] for t in (self.y, self.slope, self.left, self.h)
        )

    def step(self):
        h = torch.minimum(self.h, self.left)
        new, slope, error = _attempt(
            self.f, self._time(), self.y, self.slope, self.sign * h, self.constants
        )
        size = torch.maximum(self.measure(self.y), self.measure(new))
        ratio = (self.measure(error) / (1 + size)).amax(dim=-2, keepdim=True) * (
            h / self.tolerance
        )
        ratio = ratio.nan_to_num(nan=torch.inf)  # a step into infinity was too long
        accepted = ratio <= 1
        self.y = torch.where(accepted, new, self.y)
        self.slope = torch.where(accepted, slope, self.slope)
        taken = h * accepted
        self.left = self.left - taken
        self.h = h * (SAFETY * ratio**-0.2).clamp(SHRINK, GROW)
        if self.record:
            everywhere = torch.zeros_like(self.left_out)
            everywhere[..., self.rows] = self.sign * taken
            self.log.append(everywhere)

    def result(self):
        self.out[..., self.rows] = self.y
        return self.out

    def accepted_steps(self):
        """Return the steps of each row, one behind the other, without those that failed."""
        if not self.log:
            return ()
        steps = torch.stack(self.log)
        steps = steps.gather(0, (steps == 0).to(torch.uint8).argsort(dim=0, stable=True))
        return steps[: int((steps != 0).sum(dim=0).max())]

    def complaint(self, max_steps):
        slow = int((self.left > 0).sum())
        return (
            f"{max_steps} steps did not bring {slow} of {self.left_out.numel()} rows from one end "
            f"of the time span to the other at the tolerance {self.tolerance:.1e}: the equation "
            "is stiff or not smooth there. Allow more steps or a larger tolerance."
        )
