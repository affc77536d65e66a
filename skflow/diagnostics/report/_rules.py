"""From what was measured to what is likely wrong.

A finding becomes a cause only if it is both beyond chance (p below 0.001, the tests of a family
taken together) and large enough to matter: with enough rows every density is wrong.
"""

from dataclasses import replace

import numpy as np
from scipy import stats

from skflow.diagnostics.measures._coverage import hdr_coverage
from skflow.diagnostics.measures._modes import bridge
from skflow.diagnostics.report._cause import BEYOND_CHANCE, Cause
from skflow.diagnostics.report._tail_rules import tails_of_density, too_near

__all__ = ["likely_causes"]

# mean gap between claimed and held probability of regions that matters: small tables are
# fitted best by densities somewhat too wide
OVERCONFIDENT, CLEARLY, TOO_WIDE = 0.04, 0.12, 0.12
# area under the curve of a classifier of draws and rows that matters, alone and beside tails
AUC, AUC_BESIDE_TAILS = 0.6, 0.65
# rows between the tails from which something can be learnt
MIN_INSIDE = 20
# share of the fall of a loss in the second half of a training that was too slow
SLOW = 0.3
# mean gap, in nats, between the scores of draws and of rows that matters
GAP = 0.15


def likely_causes(evidence):
    """List the causes that the evidence speaks for, those that distort others first."""
    first = [rule(evidence) for rule in (_ties, _unconverged, _support, _integral, _sampler)]
    first.append(_far_draws(evidence))
    *_, sampler, far = first
    if sampler is not None:  # draws are wrong: they tell nothing of the density
        return _named(evidence, [*first, _tails_of_sampler(evidence)])
    overfit = _overfit(evidence)
    if overfit is not None:  # a loss on training rows falls for ever
        first[1] = None
        return _named(evidence, [*first, overfit, too_near(evidence.findings["tails"])])
    tails = tails_of_density(evidence) if far is None else too_near(evidence.findings["tails"])
    modes = _far_modes(evidence)
    explained = modes is not None or first[1] is not None or far is not None
    underfit = None if explained else _underfit(evidence, beside_tails=tails is not None)
    return _named(evidence, [*first, tails, modes, underfit])


def _named(evidence, causes):
    """Those that are any, in the words for what the rows are."""
    words = evidence.view.words
    return [replace(cause, evidence=words(cause.evidence)) for cause in causes if cause]


def _ties(evidence):
    found = evidence.findings.get("repeated values")
    # what the fit spread is no fault, and the finding says it
    return None if found is None or found.handled else Cause("ties", found.reading)


def _unconverged(evidence):
    estimator = evidence.estimator
    if getattr(estimator, "converged_", True) is False:
        return Cause("unconverged", "the fit says that it did not converge")
    curves = evidence.findings.get("training")
    if curves is None or getattr(estimator, "stopped_by_", "") == "n_iter_no_change":
        return None
    slow = curves.late_share > SLOW and _told_apart(evidence)
    if curves.settled and not slow:
        return None
    return Cause("unconverged", curves.reading)


def _support(evidence):
    outside = int(np.isneginf(evidence.scores).sum())
    if outside == 0:
        return None
    return Cause("support", f"{outside} of {len(evidence.scores)} rows have density zero")


def _integral(evidence):
    finding = evidence.findings.get("integral")
    if finding is None or not finding.reliable:
        return None
    if abs(finding.integral - 1) < max(5 * finding.standard_error, 0.05):
        return None
    return Cause("integral", finding.reading)


def _sampler(evidence):
    finding = evidence.findings.get("draws against scores")
    if finding is None or finding.p_value > BEYOND_CHANCE:
        return None
    return Cause("sampler", finding.reading)


def _tails_of_sampler(evidence):
    tails = evidence.findings["tails"]
    shifted = abs(evidence.findings["margins"].shifts).max() > 0.05
    return None if shifted else too_near(tails)


def _far_draws(evidence):
    finding = evidence.findings["far draws"]
    if not finding.far.any() and not finding.n_not_finite:
        return None
    return Cause("far draws", finding.reading)


def _overfit(evidence):
    coverage = _coverage_inside(evidence)
    gap = _training_gap(evidence)
    if not gap and not _overconfident(coverage, evidence):
        return None
    return Cause("overfit", gap or f"away from the tails, {coverage.reading}")


def _coverage_inside(evidence):
    """Coverage among rows that lie within the draws' outer quantiles in all columns.

    If only the tails of a density are wrong, what is left is right up to a factor.
    """
    share = 2 * evidence.findings["tails"].share / evidence.X.shape[1]
    low, high = np.quantile(evidence.samples, [share / 2, 1 - share / 2], axis=0)
    inside = [
        scores[((rows >= low) & (rows <= high)).all(axis=1)]
        for rows, scores in (
            (evidence.samples, evidence.sample_scores),
            (evidence.X, evidence.scores),
        )
    ]
    if min(map(len, inside)) < MIN_INSIDE:
        return evidence.findings["coverage"]
    return hdr_coverage(*inside)


def _overconfident(coverage, evidence):
    middle = coverage.observed[np.abs(coverage.nominal - 0.5).argmin()]
    narrow = coverage.bias > OVERCONFIDENT and middle < 0.5 - OVERCONFIDENT
    if coverage.bias < CLEARLY and _told_apart(evidence, AUC_BESIDE_TAILS):
        return False  # mass in the wrong places, such as unequal shares of two modes
    # a density that is only too simple has the right mean score, as a Gaussian with the right
    # covariance has
    return narrow and coverage.p_value < BEYOND_CHANCE and _promises_too_much(evidence)


def _promises_too_much(evidence):
    """Whether draws score higher than rows on average, the farthest hundredth apart."""
    ours, theirs = evidence.sample_scores, evidence.scores[np.isfinite(evidence.scores)]
    if len(theirs) < MIN_INSIDE:
        return False
    lowest = np.quantile(theirs, 0.01)
    ours, theirs = np.maximum(ours, lowest), np.maximum(theirs, lowest)
    gap = ours.mean() - theirs.mean()
    error = np.hypot(ours.std() / len(ours) ** 0.5, theirs.std() / len(theirs) ** 0.5)
    return gap > GAP and gap > 4 * error


def _training_gap(evidence):
    """In words, if training rows were given and score much higher; else an empty string."""
    training, held_out = evidence.training_scores, evidence.scores
    if training is None:
        return ""
    test = stats.ks_2samp(training, held_out)
    gap = np.median(training) - np.median(held_out)
    large = gap > max(0.1, 0.25 * stats.iqr(training))
    if test.pvalue > BEYOND_CHANCE or not large:
        return ""
    return f"training rows score {gap:.2g} nats more than held-out ones (medians)"


def _far_modes(evidence):
    found = bridge(evidence.X, evidence.samples)
    if found is None or found.p_value > BEYOND_CHANCE:
        return None
    return Cause("far modes", found.reading)


def _told_apart(evidence, auc=AUC):
    test = evidence.findings["draws against rows"]
    return test.p_value < BEYOND_CHANCE and test.auc > auc


def _underfit(evidence, beside_tails):
    test, coverage = evidence.findings["draws against rows"], evidence.findings["coverage"]
    told = _told_apart(evidence, AUC_BESIDE_TAILS if beside_tails else AUC)
    wide = coverage.p_value < BEYOND_CHANCE and coverage.bias < -TOO_WIDE
    if not told and not wide:
        return None
    return Cause("underfit", test.reading if told else coverage.reading)
