"""Which log ratios are tried, by the method."""

import numpy as np
from sklearn.base import clone

from skflow.estimators.classifier._candidates import (
    Candidate,
    automatic_densities,
    view_for,
)
from skflow.estimators.ratio._odds import BoostedOdds, LinearOdds
from skflow.estimators.ratio._waymarks import Telescope
from skflow.estimators.stack._candidates import seeded_clones
from skflow.estimators.stack._stack import StackedDensity

__all__ = ["classifiers", "densities", "telescopes"]


def densities(ratio, rng):
    """Candidates that are a density of each table, the quick ones first."""
    given = {"numerator": ratio.numerator, "denominator": ratio.denominator}
    if all(isinstance(density, str) for density in given.values()):
        return automatic_densities(ratio.n_jobs, rng)
    pairs = [
        (name, StackedDensity(n_jobs=ratio.n_jobs) if isinstance(density, str) else density)
        for name, density in given.items()
    ]
    views = {view_for(density, "the ratio") for _, density in pairs}
    if len(views) > 1:
        raise ValueError(
            "numerator and denominator must be densities of the same rows: one declares levels "
            "of integers and the other does not."
        )
    numerator, denominator = (density for _, density in seeded_clones(pairs, rng))
    return [Candidate("densities", views.pop(), TwoDensities(denominator, numerator))]


def classifiers():
    """Candidates that tell the tables apart without densities."""
    return [
        Candidate("logistic", "standardize", LinearOdds()),
        Candidate("logistic_gaussianized", "gaussianize", LinearOdds()),
        Candidate("products", "standardize", LinearOdds(products=True)),
        Candidate("products_gaussianized", "gaussianize", LinearOdds(products=True)),
        Candidate("trees", "standardize", BoostedOdds()),
    ]


def telescopes():
    """Candidates that go by waymarks."""
    return [
        Candidate("telescope", "standardize", Telescope()),
        Candidate("telescope_gaussianized", "gaussianize", Telescope()),
    ]


class TwoDensities:
    """Two estimators of any make, each fitted to the rows of its own table.

    Parameters
    ----------
    denominator, numerator : estimator
    """

    def __init__(self, denominator, numerator):
        self.kinds = denominator, numerator

    def fit(self, rows, rng=None):
        """Fit to LabelledRows."""
        self.parts = [clone(kind).fit(rows.of_class(c)[0]) for c, kind in enumerate(self.kinds)]
        return self

    def log_density(self, z):
        """Log densities (n, 2) of rows z (n, d)."""
        return np.column_stack([part.score_samples(z) for part in self.parts])
