"""Figures of weighed draws: tail, size, halves, and how far off the draws themselves are."""

from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp

from skflow.numerics import khat_error, pareto_smoothed, unseen_share

__all__ = ["Figures", "figures_of"]

# Share of the weight on either side beyond which values count as at its edge: the variance of a
# heavy-tailed parameter is that of its last draws, and would say nothing of the others.
CLIPPED = 0.01
ROUNDING = 100 * np.finfo(np.float64).eps  # of the largest value: deviations below it are none


@dataclass(frozen=True)
class Figures:
    """What draws of q and their ratios p / q say of q.

    Attributes
    ----------
    n : int
        Draws.
    log_weights : ndarray of shape (n,)
        Pareto-smoothed log p - log q, normalised to sum to one; -inf where p is 0.
    elbo, elbo_se : float
        Mean of log p - log q and its standard error, in nats. Where some draws have no density,
        that of q confined to the draws that have, which is lower by the log of their share.
    khat, khat_se : float
        Shape of the generalised Pareto distribution of the largest weights, and its standard
        error; -inf where these are all equal, inf where too few count beside the largest.
    unseen : float
        Share of the evidence that ten times the draws may still add, by that distribution.
    ess : float
        Effective sample size of the smoothed weights.
    log_evidence, log_evidence_se : float
        Log of the mean of p / q, in nats, and its standard error (first order).
    evidence_gap : float
        Nats between the log evidences of the halves of the draws.
    halves : ndarray of shape (d,)
        Distance of the weighted means of the halves, in standard deviations.
    shift, shift_se : ndarray of shape (d,)
        Mean of the draws less their weighted mean, in weighted standard deviations, and its
        standard error; values are clipped to the middle 98 % of the weight.
    spread, spread_se : ndarray of shape (d,)
        Standard deviation of the draws over the weighted one, clipped likewise.
    """

    n: int
    log_weights: np.ndarray
    elbo: float
    elbo_se: float
    khat: float
    khat_se: float
    unseen: float
    ess: float
    log_evidence: float
    log_evidence_se: float
    evidence_gap: float
    halves: np.ndarray
    shift: np.ndarray
    shift_se: np.ndarray
    spread: np.ndarray
    spread_se: np.ndarray


def figures_of(draws, ratios):
    """Compute the figures of draws (n, d) whose log p - log q are ratios (n,), some finite.

    Cost: a sort of each column.

    Returns
    -------
    Figures
    """
    n, finite = len(draws), np.isfinite(ratios)
    log_weights, khat = pareto_smoothed(ratios)
    log_evidence = logsumexp(ratios) - np.log(n)
    relative = np.exp(ratios - log_evidence)
    gap, halves = _halves(draws, log_weights)
    shift, shift_se, spread, spread_se = _departures(draws, np.exp(log_weights))
    return Figures(
        n=n,
        log_weights=log_weights,
        elbo=float(ratios[finite].mean() + np.log(finite.mean())),
        elbo_se=float(ratios[finite].std() / finite.sum() ** 0.5),
        khat=khat,
        khat_se=khat_error(khat, int(finite.sum())),
        unseen=unseen_share(log_weights, khat),
        ess=float(np.exp(-logsumexp(2 * log_weights))),
        log_evidence=float(log_evidence),
        log_evidence_se=float(relative.std() / n**0.5),
        evidence_gap=gap,
        halves=halves,
        shift=shift,
        shift_se=shift_se,
        spread=spread,
        spread_se=spread_se,
    )


def _halves(draws, log_weights):
    """Return what the first and the second half of the draws make of evidence and means."""
    cut = len(draws) // 2
    sums = [logsumexp(part) for part in (log_weights[:cut], log_weights[cut:])]
    if not np.isfinite(sums).all():
        return np.inf, np.full(draws.shape[1], np.inf)
    clipped, mean, deviation = _clipped(draws, np.exp(log_weights))
    means = [
        np.exp(log_weights[half] - total) @ clipped[half]
        for half, total in zip((slice(cut), slice(cut, None)), sums, strict=True)
    ]
    sizes = np.log([cut, len(draws) - cut])
    return float(abs(np.diff(sums - sizes)[0])), np.abs(means[0] - means[1]) / deviation


def _departures(draws, weights):
    """Return shift and spread of the draws beside the weighted ones, and their standard errors."""
    used = weights > 0  # where p is 0 draws may be anything
    draws, weights = draws[used], weights[used]
    clipped, mean, deviation = _clipped(draws, weights)
    z = (clipped - mean) / deviation
    excess = 1 / len(weights) - weights  # of a draw's part in the plain mean
    shift, shift_se = excess @ z, np.sqrt(excess**2 @ z**2)
    square = (z - z.mean(axis=0)) ** 2
    spread = np.sqrt(square.mean(axis=0))
    # of the variance by the delta method, and half of that for its root
    spread_se = np.sqrt(excess**2 @ (z**2 - 1) ** 2) / (2 * np.maximum(spread, 1e-300))
    return shift, shift_se, spread, spread_se


def _clipped(draws, weights):
    """Clip columns to the middle of their weight; with weighted means and deviations."""
    clipped = np.empty(draws.shape)
    for j, column in enumerate(draws.T):
        order = np.argsort(column)
        below = np.cumsum(weights[order])
        low, high = np.searchsorted(below, [CLIPPED, 1 - CLIPPED]).clip(max=len(column) - 1)
        clipped[:, j] = np.clip(column, column[order[low]], column[order[high]])
    mean = weights @ clipped
    deviation = np.sqrt(weights @ (clipped - mean) ** 2)
    # what rounding alone makes of a column that saturates at a bound is no departure
    floor = ROUNDING * np.abs(clipped).max(axis=0) + np.finfo(np.float64).tiny
    return clipped, mean, np.maximum(deviation, floor)
