"""What chains say of themselves: R-hat, effective draws, evidence, and a verdict."""

from dataclasses import dataclass

import numpy as np

from skflow._notices import warn
from skflow.estimators.posterior._names import label_of
from skflow.exceptions import ConvergenceWarning
from skflow.sampling import bridge_evidence, chain_figures

__all__ = ["ChainVerdict", "judge_chains"]

HIGHEST_RHAT = 1.1
FEWEST = 100  # effective draws
APART = 0.25  # nats between the evidences of halves
LEAST_ACCEPTED = 0.02


@dataclass(frozen=True)
class ChainVerdict:
    """Figures of chains, and what they come to."""

    rhat: np.ndarray
    ess: np.ndarray
    log_evidence: float
    log_evidence_se: float
    word: str
    reasons: list


def judge_chains(chains, explored, names):
    """Return figures and verdict of chains, and warn where it is bad.

    The evidence is that of the bridge between the draws of the chains and those of the proposal,
    which were asked for anyway; draws count for the fewest that any column's effective number
    gives.
    """
    rhat, ess = chain_figures(chains.draws)
    bridged = bridge_evidence(
        chains.at_draws.ravel(), chains.at_proposals.ravel(), n_effective=max(ess.min(), 2.0)
    )
    gap = _gap_of_halves(chains)
    reasons = list(_reasons(rhat, ess, gap, chains.accepted, explored, names))
    if reasons:
        warn(
            f"the draws are not to be trusted: {'; '.join(reasons)}. Say where the density lies "
            "with start= or support=, raise n_draws, write the model in parameters that depend "
            "less on each other, and compare several random_state.",
            ConvergenceWarning,
        )
    return ChainVerdict(
        rhat,
        ess,
        bridged.log_evidence,
        bridged.standard_error,
        "bad" if reasons else "good",
        reasons,
    )


def _gap_of_halves(chains):
    """Nats between the evidences of the first and of the second half of all chains."""
    cut = len(chains.draws) // 2
    halves = [
        bridge_evidence(chains.at_draws[part].ravel(), chains.at_proposals[part].ravel())
        for part in (slice(cut), slice(cut, None))
    ]
    gap = abs(halves[0].log_evidence - halves[1].log_evidence)
    return gap if np.isfinite(gap) else np.inf


def _reasons(rhat, ess, gap, accepted, explored, names):
    if explored.power < 1:
        yield f"exploration ended at a power of {explored.power:.2g} of the density"
    # not <=: NaN, of chains that never moved, is no sign of agreement
    if not rhat.max() <= HIGHEST_RHAT:
        yield f"chains disagree on {label_of(rhat.argmax(), names)} (R-hat {rhat.max():.2f})"
    if not ess.min() >= FEWEST:
        yield f"only {ess.min():.0f} draws of {label_of(ess.argmin(), names)} count effectively"
    if gap > APART:
        yield f"halves of the chains disagree by {gap:.2f} nats on the evidence"
    if accepted < LEAST_ACCEPTED:
        yield f"{accepted:.1%} of the proposals were accepted"
