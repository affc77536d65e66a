"""Importance weights whose tail is smoothed by a Pareto distribution."""

import numpy as np
from scipy.special import logsumexp

__all__ = ["pareto_smoothed"]

MIN_TAIL = 5  # weights that a Pareto distribution can be fitted to
LOWEST = np.log(np.finfo(np.float64).tiny)
EQUAL = 1e-10  # nats within which the largest weights are all the same


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
    tail = np.sort(values)[-max(MIN_TAIL, int(min(0.2 * len(values), 3 * len(values) ** 0.5))) :]
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
