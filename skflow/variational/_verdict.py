"""How far to trust an approximation: what the importance weights of its own draws say."""

import time
from dataclasses import dataclass

import numpy as np
import torch
from scipy.special import logsumexp

from skflow._clock import left_out, seconds_left
from skflow.numerics import pareto_smoothed

__all__ = ["N_DRAWS", "Verdict", "judge"]

N_DRAWS = 10_000
BLOCK = 2_000  # draws at a time


@dataclass(frozen=True)
class Verdict:
    """Figures of an approximation q of an unnormalised density p, from draws of q.

    Attributes
    ----------
    draws : ndarray of shape (n, d)
    log_weights : ndarray of shape (n,)
        Pareto-smoothed log p - log q, normalised to sum to one; -inf where p is 0.
    elbo, elbo_se : float
        Mean of log p - log q and its standard error, in nats. Where some draws have no density,
        that of q confined to the draws that have, which is lower by the log of their share.
    khat : float
        Shape of the generalised Pareto distribution of the largest weights; -inf where these are
        all equal, inf where too few count beside the largest.
    ess : float
        Effective sample size of the smoothed weights.
    log_evidence, log_evidence_se : float
        Log of the mean of p / q, in nats, and its standard error (first order).
    empty_share : float
        Share of draws where p is 0 or not a number.
    """

    draws: np.ndarray
    log_weights: np.ndarray
    elbo: float
    elbo_se: float
    khat: float
    ess: float
    log_evidence: float
    log_evidence_se: float
    empty_share: float


@torch.no_grad()
def judge(flow, target, n=N_DRAWS):
    """Draw n rows from a flow and weigh them by a log density of rows.

    Where time is limited there may be fewer, 2,000 at least.

    Raises
    ------
    ValueError
        If the density is finite at none of the draws.
    """
    parts = list(_parts_in_time(flow, target, n))
    draws, ratios = (torch.cat(part).double().cpu().numpy() for part in zip(*parts, strict=True))
    n, finite = len(draws), np.isfinite(ratios)
    if not finite.any():
        raise ValueError(
            f"log_density is finite at none of {n} draws of the fitted flow. Declare bounds with "
            "support={index: (low, high)}."
        )
    share = finite.mean()
    log_weights, khat = pareto_smoothed(ratios)
    log_evidence = logsumexp(ratios) - np.log(n)
    relative = np.exp(ratios - log_evidence)
    return Verdict(
        draws=draws,
        log_weights=log_weights,
        elbo=float(ratios[finite].mean() + np.log(share)),
        elbo_se=float(ratios[finite].std() / finite.sum() ** 0.5),
        khat=khat,
        ess=float(np.exp(-logsumexp(2 * log_weights))),
        log_evidence=float(log_evidence),
        log_evidence_se=float(relative.std() / n**0.5),
        empty_share=float(1 - share),
    )


def _parts_in_time(flow, target, n):
    """Draws and ratios in parts, as many as the time is good for at the pace of the last one."""
    for start in range(0, n, BLOCK):
        began = time.perf_counter()
        yield _ratios(flow, target, min(BLOCK, n - start))
        if start + BLOCK < n and seconds_left() < time.perf_counter() - began:
            left_out(f"{n - start - BLOCK} of the {n} draws that are weighed")
            return


def _ratios(flow, target, n):
    x, log_q = flow.sample_and_log_prob(n)
    ratios = target(x) - log_q
    return x, torch.where(ratios.isfinite(), ratios, -torch.inf)
