"""What figures of weighed draws come to: good, to be mended by weights, or bad, and why."""

from dataclasses import dataclass

import numpy as np

__all__ = ["Fault", "enough", "findings_of", "in_doubt", "undecided", "word_of"]

# Above it Pareto-smoothed weights converge too slowly to be of use (Vehtari et al. 2024, JMLR
# 25(72), section 3.2), if there is something in the tail to converge.
GOOD_KHAT = 0.7
# Share of the evidence that ten times the draws may add, below which a tail of whatever shape is
# too small to matter.
UNSEEN = 0.005
FEW = 100  # effective draws: means are off by a tenth of a deviation
DOUBTFULLY_FEW = 1_000
# Distances of means in standard deviations, nats between evidences, and how far deviations may
# be from the right ones as a logarithm: what is too much, and what is next to nothing.
TOO_FAR = 0.15
APART = 0.25
NEAR = 0.05
SURE = 2.0  # standard errors


@dataclass(frozen=True)
class Fault:
    """A fault that the figures show.

    Attributes
    ----------
    kind : str
        "tail", "few", "halves": weights are of no use. "shift", "narrow", "wide": draws are off,
        and weights know by how much.
    value : float
        The figure at fault.
    column : int or None
        The parameter at fault, the worst one.
    """

    kind: str
    value: float
    column: int | None = None


def findings_of(figures):
    """Return the faults that figures show, those that weights cannot mend first.

    A k-hat above 0.7 alone is none: it is the shape of the tail, whatever its size. It counts
    where tenfold draws may add half a percent to the evidence, and then also if it is within
    one standard error of 0.7. Weights are of no use either where
    fewer than 100 draws count, or where the halves of the draws do not agree. Where weights are
    of use, they say how far off the draws themselves are: more than 0.15 standard deviations
    or 15 % of them, beyond two standard errors.

    Returns
    -------
    list of Fault
    """
    found = []
    if not figures.khat + figures.khat_se <= GOOD_KHAT and figures.unseen > UNSEEN:
        found.append(Fault("tail", figures.khat))
    if figures.ess < FEW:
        found.append(Fault("few", figures.ess))
    column = int(figures.halves.argmax())
    if figures.halves[column] > APART:
        found.append(Fault("halves", float(figures.halves[column]), column))
    elif figures.evidence_gap > APART:
        found.append(Fault("halves", figures.evidence_gap))
    return found or _departures(figures, TOO_FAR)


def _departures(figures, far):
    """Return how the draws are off where weights know better."""
    found = []
    shift = np.abs(figures.shift) - SURE * figures.shift_se
    column = int(shift.argmax())
    if shift[column] > far:
        found.append(Fault("shift", float(figures.shift[column]), column))
    ratio = np.log(np.maximum(figures.spread, 1e-300))
    error = SURE * figures.spread_se / np.maximum(figures.spread, 1e-300)
    for kind, side in (("narrow", -ratio), ("wide", ratio)):
        column = int((side - error).argmax())
        if (side - error)[column] > far:
            found.append(Fault(kind, float(figures.spread[column]), column))
    return found


def word_of(findings):
    """Return "good", "weigh" (the draws are off, their weights mend them) or "bad"."""
    if not findings:
        return "good"
    beyond_weights = {"tail", "few", "halves"} & {finding.kind for finding in findings}
    return "bad" if beyond_weights else "weigh"


def in_doubt(figures):
    """Whether more draws may change what is found: near a border, or beyond one."""
    return bool(
        not figures.khat + figures.khat_se <= GOOD_KHAT
        or figures.ess < DOUBTFULLY_FEW
        or max(figures.evidence_gap, figures.halves.max()) > APART / 2
        or findings_of(figures)
    )


def enough(figures, share):
    """Whether all is well, with this share of the draws effective: training may end."""
    return (
        _nearly_enough(figures, share)
        and figures.khat + SURE * figures.khat_se <= GOOD_KHAT
        and not findings_of(figures)
    )


def undecided(figures, share):
    """Whether all is well but for k-hat, of which more draws would tell more."""
    return _nearly_enough(figures, share) and not enough(figures, share)


def _nearly_enough(figures, share):
    return figures.ess > share * figures.n and not _departures(figures, NEAR)
