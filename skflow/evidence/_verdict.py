"""Both halves together, and whether what they say can be trusted, in words."""

from dataclasses import dataclass

import numpy as np

from skflow._validation import column_label

__all__ = ["Combined", "combine", "faults_of_draws", "faults_of_evidence", "widened"]

LEVEL = 1e-4  # of the comparison of parts
FAR = 0.1  # standard deviations between means of parts, below which they differ by nothing
MIXED = 1.1  # R-hat above which chains have not mixed
FEW = 100  # draws that all are worth
FEW_SHARED = 30  # draws that density and proposal share, where they do not share most
AMPLE = 0.5  # overlap
SURE = 3.3  # standard errors
NEAR = 0.05  # nats that are never held against an estimate
BEYOND = 0.02  # share of the evidence
SURPRISE = 100  # times what is expected: by Markov's inequality one case in a hundred
MOST_MOVED = 1 - 1e-6
LARGE = 0.5  # nats: an error that is larger is none to be believed


@dataclass(frozen=True)
class Combined:
    """Both halves together.

    Attributes
    ----------
    halves : tuple of float
        Log evidence by bridge sampling, nats.
    estimate, error : float
        Their mean and its standard error, or half their distance if that is larger.
    statistical : float
        The standard error that the halves give themselves.
    harmonic, harmonic_error : float
    overlap, n_shared : float
        The mean overlap, and the fewest draws in it.
    beyond, surprise : float
        The share of evidence beyond all draws, and how many times what is expected it is
        without the point that has most of it: one may be chance.
    """

    halves: tuple
    estimate: float
    error: float
    statistical: float
    harmonic: float
    harmonic_error: float
    overlap: float
    n_shared: float
    beyond: float
    surprise: float


def combine(halves):
    """Average what two halves say, each of which looked at a density of the other one.

    What the draws bring into the error is the same in both, and no average lessens it: where a
    density of A is log p plus some m_A' f, with moments m_A of the draws of A about their true
    ones, its mean at the draws of B is off by m_A' m_B, and that of a density of B at the draws
    of A is, too. Proposals of both are independent.
    """
    bridges = [half.bridge.log_evidence for half in halves]
    of_draws = np.mean([half.bridge.of_draws for half in halves])
    statistical = np.hypot(of_draws, np.hypot(*(h.bridge.of_proposals for h in halves)) / 2)
    looks = [np.concatenate(terms) / 2 for terms in zip(*(h.beyond for h in halves), strict=True)]
    found = max(looks, key=np.sum)
    n_effective = np.mean([half.n_effective for half in halves])
    return Combined(
        halves=tuple(bridges),
        estimate=float(np.mean(bridges)),
        error=float(max(statistical, abs(bridges[0] - bridges[1]) / 2)),
        statistical=float(statistical),
        harmonic=float(np.mean([half.harmonic for half in halves])),
        harmonic_error=float(np.mean([half.harmonic_error for half in halves])),
        overlap=float(np.mean([half.overlap for half in halves])),
        n_shared=float(min(half.overlap * half.n_effective for half in halves)),
        beyond=float(found.sum()),
        surprise=float(n_effective * (found.sum() - found.max(initial=0.0))),
    )


def widened(combined, agreement):
    """Return the error (nats) that is left where draws are not as they should be.

    Where parts of the draws disagree, as large a share of the evidence may be missing as lies
    elsewhere in one part than in another; where some was found beyond all draws, that much. Where
    the harmonic mean disagrees, either may be right.

    Parameters
    ----------
    combined : Combined
    agreement : Agreement

    Returns
    -------
    error : float
    """
    error = combined.error
    if _parts_differ(agreement):
        error = max(error, -np.log1p(-min(agreement.moved, MOST_MOVED)))
    if _lies_beyond(combined):
        error = max(error, np.log1p(combined.beyond))
    if _harmonic_differs(combined):
        error = max(error, abs(combined.harmonic - combined.estimate))
    return float(error)


def faults_of_draws(agreement, names):
    """Say in sentences what is wrong with draws; an empty list if nothing is.

    Parameters
    ----------
    agreement : Agreement
    names : list of str or None
        Of the columns.
    """
    checks = _of_parts(agreement, names), _of_chains(agreement), _of_number(agreement)
    return [reason for reason in checks if reason is not None]


def faults_of_evidence(combined, error):
    """Say in sentences what is wrong with an evidence; an empty list if nothing is."""
    checks = (
        _of_overlap(combined),
        _of_halves(combined),
        _of_harmonic(combined),
        _of_beyond(combined),
        _of_error(error),
    )
    return [reason for reason in checks if reason is not None]


def _parts_differ(agreement):
    return agreement.p_value <= LEVEL and agreement.distance >= FAR


def _lies_beyond(combined):
    return combined.beyond >= BEYOND and combined.surprise >= SURPRISE


def _harmonic_differs(combined):
    """Whether it does, beyond chance; not where there is none, since proposals are far off."""
    error = np.hypot(combined.harmonic_error, combined.statistical)
    return abs(combined.harmonic - combined.estimate) > max(SURE * error, NEAR)


def _of_parts(agreement, names):
    if not _parts_differ(agreement):
        return None
    what = (
        "how many draws lie in a region"
        if agreement.column is None
        else f"the distribution of {column_label(agreement.column, names)}"
    )
    return (
        f"parts of the draws do not agree on {what}: they differ by {agreement.distance:.2f} "
        f"standard deviations (p = {agreement.p_value:.1e}). A mode may be missing from some of "
        "them. Run the chains longer, from several starting points, or sample anew."
    )


def _of_chains(agreement):
    if not agreement.rhat > MIXED:
        return None
    return (
        f"the chains have not mixed: R-hat is {agreement.rhat:.2f}, above {MIXED}. Run them "
        "longer, and leave out their beginnings."
    )


def _of_number(agreement):
    if agreement.n_effective >= FEW:
        return None
    return f"the draws are worth {agreement.n_effective:.0f} independent ones only: draw more."


def _of_overlap(combined):
    if combined.n_shared >= FEW_SHARED or combined.overlap >= AMPLE:
        return None
    return (
        f"draws and proposals share {combined.n_shared:.0f} effective draws only, an overlap of "
        f"{combined.overlap:.4f}. Declare bounds with support={{index: (low, high)}}, draw more, "
        "or pass another density, such as skflow.NSFDensity()."
    )


def _of_halves(combined):
    distance = abs(combined.halves[0] - combined.halves[1])
    if distance <= max(SURE * 2 * combined.statistical, NEAR):
        return None
    return (
        f"the halves of the draws disagree: their log evidences are {combined.halves[0]:.3f} and "
        f"{combined.halves[1]:.3f}, {distance / (2 * combined.statistical):.1f} standard errors "
        "apart."
    )


def _of_harmonic(combined):
    if not _harmonic_differs(combined):
        return None
    return (
        f"the harmonic mean disagrees: it says {combined.harmonic:.3f} +- "
        f"{combined.harmonic_error:.3f}, and bridge sampling {combined.estimate:.3f}. The draws "
        "seem to be of another density than log_density: has it all priors and Jacobians, and "
        "were the beginnings of the chains left out?"
    )


def _of_beyond(combined):
    if not _lies_beyond(combined):
        return None
    return (
        f"a part of the evidence, {combined.beyond:.0%} of what the draws give, lies where none "
        f"of them is, {combined.surprise:.0f} times what is to be expected: a mode may be missing "
        "from all of them. Sample anew, from several starting points."
    )


def _of_error(error):
    if error <= LARGE:
        return None
    return (
        f"the standard error, {error:.2f} nats, is too large to be believed itself: draw more, or "
        "pass another density, such as skflow.NSFDensity()."
    )
