"""The evidence by one half of the draws and a density of the other one: bridge, harmonic mean."""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logsumexp
from scipy.stats import rankdata

from skflow.evidence._agreement import count_of
from skflow.sampling import Bridged, bridge_evidence

__all__ = ["Half", "evidence_of_half"]

MOST = 100.0  # nats above the evidence that a point may weigh
LEFT_OUT = 0.5  # share of the draws that the harmonic mean leaves out


@dataclass(frozen=True)
class Half:
    """What one half of the draws says.

    Attributes
    ----------
    bridge : Bridged
        Log evidence by bridge sampling.
    harmonic, harmonic_error : float
        The same by the learnt harmonic mean, in nats, and its standard error; nan and inf where
        no proposal is near the draws.
    n_effective : float
        Draws that the half is worth for the bridge.
    overlap : float
        Of the density and the proposal, 1 where they are the same, 0 where they share nothing.
    beyond : tuple of ndarray
        Shares of the evidence where the density is further above that of the proposals than at
        any draw: of each proposal found there, and of each of some points scattered about. The
        sum of either should be about one over ``n_effective``.
    """

    bridge: Bridged
    harmonic: float
    harmonic_error: float
    n_effective: float
    overlap: float
    beyond: tuple


def evidence_of_half(at_draws, at_proposal, weight, at_points, log_weights):
    """Compute what a half says.

    Parameters
    ----------
    at_draws : ndarray of shape (n_chains, n)
        log p - log q at the draws of this half; q was fitted to the other one.
    at_proposal : ndarray of shape (m,)
        The same at draws of q, some of them finite.
    weight : ndarray of shape (n_chains * n,) or None
    at_points, log_weights : ndarray of shape (k,)
        log p - log q at further points, and log p minus the log density that these are from.

    Returns
    -------
    Half
    """
    flat, m = at_draws.ravel(), len(at_proposal)
    share = np.full(len(flat), 1 / len(flat)) if weight is None else weight / weight.sum()
    n_effective = count_of(_ranks(at_draws), weight)
    bridged = bridge_evidence(flat, at_proposal, weights=weight, n_effective=n_effective)
    log_z = bridged.log_evidence
    of_draws = expit(log_z - np.log(n_effective / m) - flat)
    harmonic, harmonic_error = _harmonic(at_draws, at_proposal, share, weight)
    seen = flat.max()
    looks = (at_proposal, at_proposal), (at_points, log_weights)
    return Half(
        bridge=bridged,
        harmonic=harmonic,
        harmonic_error=harmonic_error,
        n_effective=n_effective,
        overlap=float(share @ of_draws * (1 + n_effective / m)),
        beyond=tuple(np.exp(np.minimum(w[at > seen] - log_z, MOST)) / len(at) for at, w in looks),
    )


def _ranks(values):
    """Ranks between 0 and 1: effective numbers then hold for any rising function of values."""
    return rankdata(values).reshape(values.shape) / values.size


def _harmonic(at_draws, at_proposal, share, weight):
    r"""Log evidence and its error by :math:`1 / Z = \operatorname{E}_p[\phi / p]`.

    That holds for any normalised phi that is 0 where p is. Here phi is q, confined to where
    p / q is above its median over the draws: no term is large, and the share of q that lies there
    is known from the proposals. If the draws are of another density than p, or the proposals of
    another one than q, the halves of the draws do not tell the same constant.
    """
    flat = at_draws.ravel()
    order = np.argsort(flat)
    least = flat[order[np.searchsorted(share[order].cumsum(), LEFT_OUT)]]
    inside = (at_proposal >= least).mean()
    if inside == 0:
        return np.nan, np.inf
    terms = np.where(at_draws >= least, -at_draws, -np.inf)
    log_mean = logsumexp(terms.ravel(), b=share)
    relative = np.exp(terms - log_mean)
    variance = share @ (relative.ravel() - 1) ** 2 / count_of(relative, weight)
    variance += (1 - inside) / inside / len(at_proposal)
    return float(np.log(inside) - log_mean), float(variance**0.5)
