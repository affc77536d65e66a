"""Importance weights whose tail is smoothed by a Pareto distribution, and what lies beyond it."""

import numpy as np
from scipy.special import logsumexp

__all__ = ["khat_error", "pareto_smoothed", "unseen_share"]

MIN_TAIL = 5  # weights that a Pareto distribution can be fitted to
LOWEST = np.log(np.finfo(np.float64).tiny)
EQUAL = 1e-10  # nats within which the largest weights are all the same
STEEPEST = 1.0  # shape of a tail whose mean is finite; a steeper one cannot go on as it is
APART = 1e-4  # of the shape from 0 and 1, where the integrals of the Pareto are logarithms


def pareto_smoothed(log_ratios):
    """Smooth the tail of importance weights [1]_.

    Parameters
    ----------
    log_ratios : ndarray of shape (n,)
        Log of target over proposal, up to a constant; -inf where the target is zero.

    Returns
    -------
    log_weights : ndarray of shape (n,)
        Normalised to sum to one.
    khat : float
        Shape of the generalised Pareto distribution of the largest weights; -inf where these are
        all equal, inf where too few count beside the largest.

    References
    ----------
    .. [1] Vehtari, Simpson, Gelman, Yao & Gabry (2024), Pareto smoothed importance sampling,
       JMLR 25(72).
    """
    from arviz_stats.base import array_stats  # it takes more than a second to import

    finite = np.isfinite(log_ratios)
    log_weights = np.full(len(log_ratios), -np.inf)
    values = log_ratios[finite]
    tail = np.sort(values)[-_tail_size(len(values)) :]
    countable = (tail - tail[-1] > LOWEST).sum()  # others vanish beside the largest
    smoothed, khat = values, np.inf
    if np.ptp(tail) < EQUAL:
        khat = -np.inf
    elif len(values) >= 5 * MIN_TAIL and countable >= MIN_TAIL:
        with np.errstate(all="ignore"):
            found, shape = array_stats.psislw(-values)  # it wants log q - log p
        if np.isfinite(shape) and not np.isnan(found).any():
            smoothed, khat = found, shape
    log_weights[finite] = smoothed - logsumexp(smoothed)
    return log_weights, float(khat)


def khat_error(khat, n):
    """Return the standard error of a k-hat from n weights: (1 + k) / root of the tail's size.

    That is the large-sample error of the maximum-likelihood shape of a generalised Pareto
    distribution above -1/2 [1]_; 0 for weights that are all equal, inf where no shape was found.

    Parameters
    ----------
    khat : float
    n : int
        Weights that are not 0.

    Returns
    -------
    error : float

    References
    ----------
    .. [1] Hosking & Wallis (1987), Parameter and quantile estimation for the generalized Pareto
       distribution, Technometrics 29(3); their shape is minus this one.
    """
    if khat == -np.inf:
        return 0.0
    return float((1 + max(khat, -0.5)) / _tail_size(n) ** 0.5)


def unseen_share(log_weights, khat, more=10.0):
    """Return the share of the sum of weights that ``more`` times the draws may still add.

    The m largest of n smoothed weights exceed the next one by a generalised Pareto
    distribution of shape k and some scale. Its quantile function at u is
    proportional to (u^-k - 1) / k; the draws have seen it down to about u = 1 / m. What
    lies between 1 / (``more`` m) and 1 / m, over what lies above 1 / m, is free of the scale:
    a tail of a large k that holds next to nothing is harmless, which k alone does not say.
    The mean of the weights being finite, no tail goes on with a k above 1, which counts as 1.

    Parameters
    ----------
    log_weights : ndarray of shape (n,)
        Smoothed and normalised; -inf where the target is zero.
    khat : float
    more : float, default=10

    Returns
    -------
    share : float
        0 for weights that are all equal, inf where no shape was found.
    """
    if khat == -np.inf:
        return 0.0
    if not khat < np.inf:
        return np.inf
    weights = np.sort(np.exp(log_weights[log_weights > -np.inf]))
    m = _tail_size(len(weights))
    beyond = max(len(weights) - m - 1, 0)
    excess = (weights[-m:] - weights[beyond]).sum()
    k = min(khat, STEEPEST)
    k = k if min(abs(k), abs(k - 1)) > APART else k + 2 * APART
    seen = (1 - m ** (k - 1)) / (1 - k) - (1 - 1 / m)
    unseen = (m ** (k - 1) - (more * m) ** (k - 1)) / (1 - k) - (1 - 1 / more) / m
    return float(excess * unseen / seen)


def _tail_size(n):
    """Weights that count as the tail of n."""
    return max(MIN_TAIL, int(min(0.2 * n, 3 * n**0.5)))
