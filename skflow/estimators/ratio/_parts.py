"""Log ratios of rows in their views: of one pair of densities, of mixtures, of trees on top."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from skflow.estimators.classifier._labelled import LabelledRows
from skflow.estimators.ratio._odds import BoostedOdds

__all__ = ["MixtureRatio", "OnTop", "PairRatio", "Tried", "cross_fitted_on_top"]

FARTHEST = 30.0  # nats, beyond which trees need not tell ratios apart
DIFFERENCE = np.array([-1.0, 1.0])  # numerator less denominator


@dataclass
class Tried:
    """A log ratio that was tried.

    Attributes
    ----------
    name : str
    part : object
        With ``log_ratio(views)``, fitted to all rows.
    held_out : ndarray of shape (n_held,)
        Log ratios of held-out rows by models that have not seen them.
    expected : float
        Its weight where held-out rows do not tell.
    seconds : float
    """

    name: str
    part: Any
    held_out: np.ndarray
    expected: float = 0.0
    seconds: float = 0.0


class PairRatio:
    """The log ratio of a pair of densities, or of the odds of a classifier, on one view."""

    def __init__(self, view, pair):
        self.view, self.pair = view, pair

    def log_ratio(self, views):
        """Log ratio (n,) of rows in their views."""
        return self.pair.log_density(views[self.view][0]) @ DIFFERENCE


class MixtureRatio:
    """The log ratio of two mixtures of densities with common weights, a ClassMixture."""

    def __init__(self, mixture):
        self.mixture = mixture

    def log_ratio(self, views):
        """Log ratio (n,) of rows in their views."""
        return self.mixture.log_density(views) @ DIFFERENCE


class OnTop:
    """Trees that see the columns and what a ratio says, for what that misses.

    Parameters
    ----------
    ratio : object
        With ``log_ratio(views)``.
    odds : BoostedOdds
        Of columns and the log ratio.
    """

    def __init__(self, ratio, odds):
        self.ratio, self.odds = ratio, odds

    def log_ratio(self, views):
        """Log ratio (n,) of rows in their views."""
        seen = _beside(views["standardize"][0], self.ratio.log_ratio(views))
        return self.odds.log_density(seen) @ DIFFERENCE


def cross_fitted_on_top(z, tried, code, fold, seed):
    """Learn trees on top of a ratio from rows that its models have not seen.

    Parameters
    ----------
    z : ndarray of shape (n_held, d)
    tried : Tried
        The ratio.
    code, fold : ndarray of shape (n_held,)
    seed : int

    Returns
    -------
    part : OnTop
    held_out : ndarray of shape (n_held,)
    """
    seen, held_out = _beside(z, tried.held_out), np.empty(len(z))
    rows = LabelledRows(seen, code, np.ones(len(z)), 2)

    def fitted(rows):
        return BoostedOdds().fit(rows, np.random.default_rng(seed))

    for k in np.unique(fold):
        own = fold == k
        held_out[own] = fitted(rows.some(~own)).log_density(seen[own]) @ DIFFERENCE
    return OnTop(tried.part, fitted(rows)), held_out


def _beside(z, log_ratio):
    return np.column_stack([z, np.clip(log_ratio, -FARTHEST, FARTHEST)])
