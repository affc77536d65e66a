"""From draws of one density to draws of another, by way of those in between."""

from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp

from skflow._types import Function
from skflow.sampling._slices import slice_moves

__all__ = ["Ends", "Reached", "tempered"]

FEWEST = 0.2  # of the draws wanted, that must count after a step between densities
ENOUGH = 2.0  # of the draws wanted, beyond which few are chosen twice and none need move
MOST_STEPS = 100
SMALLEST = 1e-6  # step
BISECTIONS = 20
MOVES = 3  # of every draw after a step, and half a move more for each column


@dataclass(frozen=True)
class Ends:
    """Two densities: where draws come from, and where they are to go.

    Attributes
    ----------
    log_start, log_target : callable
        Of rows (k, d) and the group (k,) of each, to log densities (k,); the first normalised.
    """

    log_start: Function
    log_target: Function

    def between(self, share, groups):
        """Log density of groups (n_some,) at their shares (n_groups,) of the way."""

        def log_density(rows, k):
            group = groups[k]
            target = self.log_target(rows, group)
            share_of = share[group]
            start = np.zeros_like(target)
            short = share_of < 1  # the others need not ask where they came from
            if short.any():
                start[short] = self.log_start(rows[short], group[short])
            return _mix(share_of, start, target)

        return log_density


@dataclass(frozen=True)
class Reached:
    """Draws (n_groups, n, d) of the target, and its log normalising constant (n_groups,)."""

    theta: np.ndarray
    log_constant: np.ndarray


def tempered(ends, theta, n, rng, *, draws=True):
    r"""Sequential Monte Carlo from one density to another [1]_.

    Draws are weighed by :math:`(p_1 / p_0)^{\delta}` with the largest step that leaves a fifth as
    many as are wanted, resampled, and moved by slice sampling. Where the first density is near
    the second, one step does; where it is far, as the prior of parameters is from a sharp
    posterior, there are several. Groups each go at their own pace.

    Parameters
    ----------
    ends : Ends
    theta : ndarray of shape (n_groups, n_first, d)
        Draws of the first density, best some four times as many as are wanted.
    n : int
        Draws wanted of each group, at least 4.
    rng : RandomState
    draws : bool, default=True
        False leaves out the moves after the last step, which the constant does not need.

    Returns
    -------
    Reached

    References
    ----------
    .. [1] Del Moral, Doucet & Jasra (2006), Sequential Monte Carlo samplers, JRSS B 68(3),
       section 3.3.2.3; the constant is the product of mean weights, eq. 14.
    """
    now = np.arange(len(theta))  # groups on their way, which theta has the draws of
    share, constant = np.zeros(len(now)), np.zeros(len(now))
    reached = np.empty((len(now), n, theta.shape[-1]))
    for _ in range(MOST_STEPS):
        start, target = _both(ends, theta, now)
        ratio = np.where(np.isfinite(target), target - start, -np.inf)
        _check_met(ratio)
        step = _steps(ratio, 1 - share[now], FEWEST * n)
        weights = step[:, None] * ratio
        constant[now] += logsumexp(weights, axis=1) - np.log(theta.shape[1])
        share[now] += step
        done = share[now] >= 1 - SMALLEST
        share[now[done]] = 1.0
        chosen = _resampled(weights, n, rng)
        theta = np.take_along_axis(theta, chosen[..., None], axis=1)
        value = _mix(
            share[now, None], *(np.take_along_axis(v, chosen, 1) for v in (start, target))
        )
        moving = ~done | (draws & (_effective(weights) < ENOUGH * n))
        if moving.any():
            theta[moving], _ = slice_moves(
                ends.between(share, now[moving]),
                theta[moving],
                value[moving],
                rng,
                MOVES + theta.shape[-1] // 2,
            )
        reached[now[done]] = theta[done]
        now, theta = now[~done], theta[~done]
        if not len(now):
            return Reached(reached, constant)
    raise ArithmeticError(
        f"the density was not reached in {MOST_STEPS} steps from the first draws: too sharp."
    )


def _both(ends, theta, groups):
    """Log densities (n_groups, n) of the start and of the target."""
    rows = theta.reshape(-1, theta.shape[-1])
    group = np.repeat(groups, theta.shape[1])
    return (f(rows, group).reshape(theta.shape[:2]) for f in (ends.log_start, ends.log_target))


def _mix(share, start, target):
    """Log density at a share of the way; -inf where the target has none."""
    with np.errstate(invalid="ignore"):
        mixed = (1 - share) * start + share * target
    return np.where(np.isfinite(target), mixed, -np.inf)


def _check_met(ratio):
    if not np.isfinite(ratio).any(axis=1).all():
        raise ValueError(
            "no draw lies where prior and likelihood are above zero: theta or x_o contradict them."
        )


def _effective(log_weights):
    """Effective number of draws (n_groups,)."""
    return np.exp(2 * logsumexp(log_weights, axis=1) - logsumexp(2 * log_weights, axis=1))


def _steps(ratio, left, fewest):
    """Largest step (n_groups,), at most what is left, after which so many draws count."""
    low, high = np.zeros_like(left), left.copy()
    # where not even a small step leaves as many, since few lie inside, the smallest is taken
    fewest = np.minimum(fewest, 0.5 * np.isfinite(ratio).sum(axis=1))
    enough = _effective(high[:, None] * ratio) >= fewest
    low = np.where(enough, high, low)
    for _ in range(BISECTIONS):
        middle = 0.5 * (low + high)
        enough = _effective(middle[:, None] * ratio) >= fewest
        low, high = np.where(enough, middle, low), np.where(enough, high, middle)
    return np.maximum(low, SMALLEST)


def _resampled(log_weights, n, rng):
    """Draw indices (n_groups, n) by systematic resampling, in random order."""
    weights = np.exp(log_weights - log_weights.max(axis=1, keepdims=True))
    below = weights.cumsum(axis=1)
    below /= below[:, -1:]
    at = (np.arange(n) + rng.random_sample((len(weights), 1))) / n
    chosen = np.stack([b.searchsorted(a, side="right") for b, a in zip(below, at, strict=True)])
    chosen = np.minimum(chosen, log_weights.shape[1] - 1)
    return chosen[:, rng.permutation(n)]
