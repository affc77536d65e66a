"""A parameter among draws given the same observation: if these are right, any of them may be it.

Given x, a parameter and draws from the true posterior are alike: exchangeable. So whatever is
asked of the whole set, its distribution under a true posterior is had by taking another one of the
set for the parameter, at random in each simulation. Such p-values are exact for any number of
simulations and draws, and hold for the largest of many statistics as well.
"""

from dataclasses import dataclass

import numpy as np
from scipy import stats

__all__ = ["N_NULL", "RankTest", "choices", "rank_test", "ranks_among", "smallest_p"]

N_NULL = 4_999  # random choices: p-values reach down to 1 / 5,000
BAND = 0.95
BLOCK = 2**22  # numbers looked up at a time


@dataclass(frozen=True)
class RankTest:
    """Whether ranks are even.

    Attributes
    ----------
    ranks : ndarray of shape (n_simulations, n_quantities)
        Of the parameter among its set, from 0 to the number of draws.
    bias, width : ndarray of shape (n_quantities,)
        Mean of the ranks and of their squared distance from the middle, standardised: standard
        normal under a true posterior. Width is positive where the ends are too frequent.
    p_values : ndarray of shape (3, n_quantities)
        Of bias, width and shape (the distribution function of the ranks) of each quantity.
    p_value : float
        Of all together.
    band : tuple of two ndarray of shape (n_draws + 1,)
        Within which the whole distribution function of one quantity's ranks lies with a
        probability of 95 %.
    """

    ranks: np.ndarray
    bias: np.ndarray
    width: np.ndarray
    p_values: np.ndarray
    p_value: float
    band: tuple


def ranks_among(values, rng):
    """Ranks (m, M, q) from 0 of values (m, M, q) along the second axis, ties at random."""
    ties = rng.random(values.shape)
    order = np.lexsort((ties, values), axis=1)
    ranks = np.empty_like(order)
    places = np.arange(values.shape[1]).reshape(1, -1, 1)
    np.put_along_axis(ranks, order, np.broadcast_to(places, order.shape), axis=1)
    return ranks


def choices(m, n_candidates, rng, n_null=N_NULL):
    """Which of each set is taken for the parameter (m,): the first of all, then at random."""
    yield np.zeros(m, dtype=int)
    for _ in range(n_null):
        yield rng.integers(n_candidates, size=m)


def smallest_p(statistics):
    """P-value of each of several statistics, and of the smallest p-value.

    Parameters
    ----------
    statistics : ndarray of shape (n_null + 1, t)
        Larger is more extreme. The first row was observed, the others belong to random choices.

    Returns
    -------
    p_values : ndarray of shape (t,)
    p_value : float
        Of the smallest, exact however the statistics depend on each other (Westfall and Young
        1993, Resampling-based multiple testing).
    """
    n = len(statistics)
    p = np.empty(statistics.shape)
    for column, values in enumerate(statistics.T):
        p[:, column] = (n - np.searchsorted(np.sort(values), values)) / n
    smallest = p.min(axis=1)
    return p[0], float((smallest <= smallest[0]).mean())


def rank_test(values, rng, groups=(), n_null=N_NULL):
    """Test whether the first of each set has even ranks in all quantities.

    Parameters
    ----------
    values : ndarray of shape (m, M, q)
        Quantities of the parameter (first) and of its draws.
    rng : Generator
        Of ties and of random choices.
    groups : sequence of ndarray of shape (m, M, e)
        Further features, whose mean over each set is zero. The squared norm of their sum over
        parameters is a statistic besides.
    n_null : int
        Random choices.

    Returns
    -------
    RankTest

    Notes
    -----
    Cost: about a second for 1,000 simulations and fifteen quantities.
    """
    m, n_candidates, n_quantities = values.shape
    ranks = ranks_among(values, rng)
    counts, norms = _count(ranks, groups, rng, n_null)
    moments = counts @ _moments(n_candidates) / np.sqrt(m)
    evenness = _evenness(counts, m)
    single = np.stack([*np.abs(np.moveaxis(moments, -1, 0)), -evenness], axis=1)
    p_values, _ = smallest_p(single.reshape(n_null + 1, -1))
    whole = [np.abs(moments).max(axis=(1, 2)), -evenness.min(axis=1), *norms]
    _, p_value = smallest_p(np.stack(whole, axis=1))
    level = float(np.quantile(evenness[1:], 1 - BAND))
    bias, width = moments[0].T
    band = _band(m, n_candidates, level)
    return RankTest(ranks[:, 0], bias, width, p_values.reshape(3, -1), p_value, band)


def _count(ranks, groups, rng, n_null):
    """How often each rank was chosen (n_null + 1, q, M), and squared norms of sums of groups."""
    m, n_candidates, q = ranks.shape
    places = ranks + n_candidates * np.arange(q)
    rows = np.arange(m)
    groups = [group.astype(np.float32) for group in groups]  # gathered in half the time
    counts = np.empty((n_null + 1, q, n_candidates), dtype=np.int32)
    norms = np.empty((len(groups), n_null + 1))
    for each, choice in enumerate(choices(m, n_candidates, rng, n_null)):
        found = np.bincount(places[rows, choice].ravel(), minlength=q * n_candidates)
        counts[each] = found.reshape(q, n_candidates)
        for group, norm in zip(groups, norms, strict=True):
            norm[each] = np.square(group[rows, choice].sum(axis=0)).sum()
    return counts, norms


def _moments(n_candidates):
    """First and second moment of a rank (M, 2), with mean zero and variance one."""
    middle = np.arange(n_candidates) - (n_candidates - 1) / 2
    moments = np.column_stack([middle, np.square(middle)])
    moments -= moments.mean(axis=0)
    return moments / np.maximum(moments.std(axis=0), 1e-12)


def _evenness(counts, m):
    """Smallest two-sided binomial p-value along each distribution function (n_null + 1, q).

    After Säilynoja, Bürkner and Vehtari (2022), section 2.
    """
    n_candidates = counts.shape[2]
    shares = np.arange(1, n_candidates)[:, np.newaxis] / n_candidates
    number = np.arange(m + 1)
    below, above = stats.binom.cdf(number, m, shares), stats.binom.sf(number - 1, m, shares)
    table = np.minimum(1.0, 2 * np.minimum(below, above))
    places = np.arange(n_candidates - 1)
    step = max(1, BLOCK // counts[0].size)
    parts = []
    for start in range(0, len(counts), step):
        functions = counts[start : start + step, :, :-1].cumsum(axis=2)
        parts.append(table[places, functions].min(axis=2))
    return np.concatenate(parts)


def _band(m, n_candidates, level):
    """Shares between which the distribution function stays, at the end of each rank."""
    shares = np.arange(1, n_candidates + 1) / n_candidates
    low = stats.binom.ppf(level / 2, m, shares) / m
    high = stats.binom.ppf(1 - level / 2, m, shares) / m
    return low, high
