"""Classifiers as ratios: how likely a row is of the numerator, in the odds of equal tables.

They keep the contract of class densities: ``log_density`` (n, 2) of which only the difference
means something, log p(z | numerator) less log p(z | denominator).
"""

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.preprocessing import PolynomialFeatures

from skflow.estimators.ratio._logistic import linear_log_odds

__all__ = ["BoostedOdds", "LinearOdds"]

PULL = 5.0  # rows that speak for slopes of 0
# products are made of so many columns at most, of more the squares
MAX_COLUMNS_OF_PRODUCTS = 40
FARTHEST = 8.0  # deviations beyond which a feature counts as if it were there


class _Features:
    """Columns, or columns and their products, each with mean 0 and deviation 1.

    Parameters
    ----------
    products : bool
    """

    def __init__(self, *, products):
        self.products = products

    def fit(self, z, weight):
        """Learn means and deviations of rows z (n, d); return their features (n, k)."""
        raw = self._raw(z)
        self.mean = np.average(raw, axis=0, weights=weight)
        variance = np.average((raw - self.mean) ** 2, axis=0, weights=weight)
        self.scale = np.sqrt(np.where(variance > 0, variance, 1.0))
        return self(z)

    def __call__(self, z):
        scaled = (self._raw(z) - self.mean) / self.scale
        return np.clip(scaled, -FARTHEST, FARTHEST)

    def _raw(self, z):
        if not self.products:
            return z
        if z.shape[1] > MAX_COLUMNS_OF_PRODUCTS:
            return np.column_stack([z, z**2])
        return PolynomialFeatures(2, include_bias=False).fit_transform(z)


class LinearOdds:
    """Logistic regression on columns, or on columns and their products.

    Parameters
    ----------
    products : bool
    """

    def __init__(self, *, products=False):
        self.products = products

    def fit(self, rows, rng=None):
        """Fit to LabelledRows."""
        self.features = _Features(products=self.products)
        seen = self.features.fit(rows.z, rows.weight)
        none = np.zeros(seen.shape[1])
        self.slopes, self.level = linear_log_odds(seen, rows.code, rows.weight, none, PULL)
        return self

    def log_density(self, z):
        """Log odds of rows z (n, d), as a pair (n, 2)."""
        return _as_pair(self.features(z) @ self.slopes + self.level)


class BoostedOdds:
    """Boosted trees on columns, shrunk as far as leaves of few rows need it."""

    def fit(self, rows, rng):
        """Fit to LabelledRows."""
        self.trees = HistGradientBoostingClassifier(
            max_iter=100,
            learning_rate=0.06,
            max_leaf_nodes=8,
            min_samples_leaf=20,
            l2_regularization=1.0,
            early_stopping=False,
            random_state=int(rng.integers(2**31)),
        )
        self.trees.fit(rows.z, rows.code, sample_weight=rows.weight)
        self.offset = np.log(rows.counts[1] / rows.counts[0])
        return self

    def log_density(self, z):
        """Log odds of rows z (n, d), as a pair (n, 2)."""
        return _as_pair(self.trees.decision_function(z) - self.offset)


def _as_pair(log_ratio):
    """Log ratio (n,) as log densities (n, 2) of denominator and numerator, up to a constant."""
    return np.column_stack([np.zeros(len(log_ratio)), log_ratio])
