"""Pairs told from parted ones, where no maps of the halves make pairs normal."""

import numpy as np

from skflow.estimators._score_table import mean_and_error
from skflow.estimators.information._attempt import Attempt
from skflow.estimators.ratio._learning import logistic_losses
from skflow.estimators.ratio._ratio import DensityRatio

__all__ = ["parted_ratio"]

MAX_ROWS, N_FOLDS = 5_000, 5


def parted_ratio(X, Y, fold, best, rng, n_jobs=None):
    """Learn the ratio of pairs to parted pairs, if that tells more than normal halves do.

    Parameters
    ----------
    X, Y : ndarray of shape (n, d_x) and (n, d_y)
    fold : ndarray of shape (n,)
        -1 for pairs that are held out by none.
    best : Attempt
        The maps to beat.
    rng : numpy.random.Generator
    n_jobs : int or None

    Returns
    -------
    attempt : Attempt or None
        None where held-out pairs and parted pairs are told as well by the maps.
    """
    places = [np.flatnonzero(fold == k) for k in range(fold.max() + 1)]
    partner = [_shuffled(len(own), rng) for own in places]
    maps = [best.log_ratio([np.arange(len(p)) for p in partner]), best.log_ratio(partner)]
    first, second = (
        np.concatenate(part)
        for part in (places, [own[p] for own, p in zip(places, partner, strict=True)])
    )
    dealt = fold[first] if len(places) > 1 else rng.permutation(len(first)) % N_FOLDS
    kept = np.sort(rng.permutation(len(first))[:MAX_ROWS])
    pairs = np.hstack([X[first[kept]], Y[first[kept]]])
    parted = np.hstack([X[first[kept]], Y[second[kept]]])
    twice = np.tile(dealt[kept], 2)
    cv = [(np.flatnonzero(twice != k), np.flatnonzero(twice == k)) for k in range(N_FOLDS)]
    ratio = DensityRatio(cv=cv, n_jobs=n_jobs, random_state=int(rng.integers(2**31)))
    ratio.fit(pairs, parted)
    code = np.repeat([1, 0], len(kept))
    by_maps = logistic_losses(np.concatenate([part[kept] for part in maps]), code)
    by_ratio = logistic_losses(ratio.held_out_log_ratio_, code)
    gain, error = mean_and_error(by_maps - by_ratio)
    if not gain > error:
        return None
    found = ratio.divergence("kl")
    return Attempt("ratio", found.estimate, found.standard_error, np.full(1, np.nan))


def _shuffled(n, rng):
    """Partners (n,) of n rows at random, none its own; a single one is its own."""
    order = rng.permutation(n)
    partner = np.empty(n, dtype=int)
    partner[order] = np.roll(order, 1)
    return partner
