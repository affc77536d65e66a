"""The normalising constant of a density by way of another one: bridge sampling."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit

__all__ = ["Bridged", "bridge_evidence"]

BEYOND = 50.0  # nats outside all ratios, where the root cannot be
TOLERANCE = 1e-10  # nats
MOST_STEPS = 10_000  # to the root, which may be the only one of many nats where anything changes


@dataclass(frozen=True)
class Bridged:
    """A log evidence by bridge sampling, in nats, and its standard error.

    Attributes
    ----------
    log_evidence, standard_error : float
    of_draws, of_proposals : float
        The parts of the standard error that draws and proposals each bring in.
    """

    log_evidence: float
    standard_error: float
    of_draws: float
    of_proposals: float


def bridge_evidence(at_draws, at_proposal, *, weights=None, n_effective=None):
    r"""Log normalising constant of p by draws of p and of a normalised q.

    The optimal bridge of [1]_, eq. 4.1, is the root of

    .. math::
        n_2 \operatorname{E}_q \sigma(l - \log Z + \log n_1 / n_2)
        = n_1 \operatorname{E}_p \sigma(-l + \log Z - \log n_1 / n_2), \qquad l = \log p - \log q,

    with the logistic function :math:`\sigma`: the intercept of a logistic regression that tells
    draws of p from those of q. It falls on the left and rises on the right, so there is one root.

    Parameters
    ----------
    at_draws : ndarray of shape (n_1,)
        log p - log q at draws of p.
    at_proposal : ndarray of shape (n_2,)
        The same at independent draws of q; -inf where p is zero.
    weights : ndarray of shape (n_1,), default=None
        Of the draws of p, any scale.
    n_effective : float, default=None
        Independent draws that those of p are worth; None takes the effective number by weights.

    Returns
    -------
    Bridged
        The error is that of [2]_, eq. 14; inf where p and q share nothing, and the estimate nan
        where no draw of q has a density p, or none of p a density q.

    References
    ----------
    .. [1] Meng & Wong (1996), Simulating ratios of normalizing constants via a simple identity,
       Statistica Sinica 6(4).
    .. [2] Fruehwirth-Schnatter (2004), Estimating marginal likelihoods for mixture and Markov
       switching models using bridge sampling techniques, Econometrics Journal 7(1).
    """
    if not (np.isfinite(at_proposal).any() and np.isfinite(at_draws).any()):
        return Bridged(np.nan, *[np.inf] * 3)
    share = np.ones(len(at_draws)) if weights is None else np.asarray(weights, dtype=np.float64)
    share = share / share.sum()
    n_draws = 1 / (share**2).sum() if n_effective is None else float(n_effective)
    n_proposal = len(at_proposal)
    tilt = np.log(n_draws / n_proposal)

    def excess(log_evidence):
        of_proposal = expit(at_proposal - log_evidence + tilt).sum()
        return of_proposal - n_draws * (share @ expit(log_evidence - tilt - at_draws))

    # below the lower end a proposal outweighs all draws, above the higher one a draw all proposals
    ends = np.sort([at_draws[np.isfinite(at_draws)].min(), at_proposal.max()]) + tilt
    log_evidence = brentq(
        excess, ends[0] - BEYOND, ends[1] + BEYOND, xtol=TOLERANCE, maxiter=MOST_STEPS
    )
    of_draws = expit(log_evidence - tilt - at_draws)
    of_proposal = expit(at_proposal - log_evidence + tilt)
    mean = share @ of_draws
    if mean == 0 or not of_proposal.any():  # they are too far apart for floats
        return Bridged(float(log_evidence), *[np.inf] * 3)
    first = (share @ (of_draws - mean) ** 2 / n_draws) ** 0.5 / mean
    second = (of_proposal.var() / n_proposal) ** 0.5 / of_proposal.mean()
    error = float(np.hypot(first, second))
    return Bridged(float(log_evidence), error, float(first), float(second))
