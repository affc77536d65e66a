"""Whether it is the tails of a density that are wrong."""

import numpy as np
from scipy import stats

from skflow.diagnostics.report._cause import BEYOND_CHANCE, Cause

__all__ = ["tails_of_density", "too_near"]

# times that rows lie beyond the outer hundredths of draws more often than draws do
TIMES = 3.0
# shares of draws that count as rare
RARE = (0.005, 0.001)
# share of rows beyond draws that is more than a tail
MANY = 0.2


def tails_of_density(evidence):
    """Name tails that are too light or too heavy, or None."""
    tails = evidence.findings["tails"]
    near = too_near(tails)
    if near is not None:
        return near
    for share in RARE:
        found = _rare_rows(evidence, share)
        if found is not None:
            return found
    beyond, p_value = _least_beyond(tails)
    if beyond < tails.share / TIMES and p_value < BEYOND_CHANCE and tails.reach.max() > 2:
        return Cause("far draws", tails.reading)
    return None


def _rare_rows(evidence, share):
    """Whether many more rows than ``share`` score below that quantile of the draws."""
    draws = evidence.sample_scores
    scores = evidence.scores[~np.isneginf(evidence.scores)]  # the others are outside the support
    held = scores < np.quantile(draws, share)
    if len(held) == 0:
        return None
    # the quantile is known to within the spread of a count of draws
    expected = share + 2 * np.sqrt(share / len(draws))
    p_value = stats.binomtest(int(held.sum()), len(held), expected, alternative="greater").pvalue
    if not TIMES * share < held.mean() < MANY or p_value > BEYOND_CHANCE:
        return None
    return Cause(
        "tails",
        f"{100 * held.mean():.1f} % of the rows lie where the density expects {100 * share:g} %",
    )


def too_near(tails):
    """Name tails too light if clearly more rows than draws lie beyond some outer hundredth."""
    found, evidence = _most_beyond(tails)
    return Cause("tails", evidence) if found else None


def _most_beyond(tails):
    """Whether clearly more rows than draws lie beyond some outer hundredth, and where most do."""
    beyond = np.stack([tails.lower, tails.upper])
    # a fifth of the rows is no tail: it is a group of rows that the density misses
    suspect = (beyond > TIMES * tails.share) & (beyond < MANY)
    p_value = np.where(suspect, tails.p_values, 1.0)
    side, column = np.unravel_index(p_value.argmin(), p_value.shape)
    found = p_value.min() * beyond.size < BEYOND_CHANCE and beyond.max() < MANY
    where = ("below", "above")[side]
    return found, (
        f"draws stay too near: {100 * beyond[side, column]:.1f} % of the rows lie {where} the "
        f"outer {100 * tails.share:.0f} % of draws of column {tails.feature_names[column]}"
    )


def _least_beyond(tails):
    beyond = np.stack([tails.lower, tails.upper])
    return beyond.min(), tails.p_values.flat[beyond.argmin()] * beyond.size
