"""A regressor whose answers are known in closed form."""

import numpy as np
from scipy.stats import norm
from sklearn.base import BaseEstimator, RegressorMixin


class Normal(RegressorMixin, BaseEstimator):
    """Columns of y are normal around the first columns of X, whatever was fitted."""

    def __init__(self, sd=1.0, shift=0.0):
        self.sd = sd
        self.shift = shift

    def fit(self, X, y, sample_weight=None):
        self.n_targets_ = None if np.ndim(y) == 1 else np.shape(y)[1]
        return self

    def predict(self, X):
        X = np.asarray(X)
        return self.shift + (X[:, 0] if self.n_targets_ is None else X[:, : self.n_targets_])

    def predict_std(self, X):
        return np.full_like(self.predict(X), self.sd)

    def predict_quantiles(self, X, quantiles=(0.05, 0.5, 0.95)):
        return self.predict(X)[..., np.newaxis] + self.sd * norm.ppf(quantiles)

    def predict_interval(self, X, coverage=0.9):
        return self.predict_quantiles(X, [(1 - coverage) / 2, (1 + coverage) / 2])

    def cdf(self, X, y):
        return norm.cdf(y, self.predict(X), self.sd)

    def log_density(self, X, y):
        found = norm.logpdf(y, self.predict(X), self.sd)
        return found if found.ndim == 1 else found.sum(axis=1)

    def sample(self, X, n_samples=1, random_state=None):
        mean = self.predict(X)[:, np.newaxis]
        shape = (len(mean), n_samples, *mean.shape[2:])
        return mean + self.sd * np.random.default_rng(random_state).normal(size=shape)


def rows(n=400, n_targets=None, seed=0):
    """Rows X (n, 2), and y around its first column, or around both."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 2))
    noise = rng.normal(size=(n, 2))
    return (X, X + noise) if n_targets == 2 else (X, X[:, 0] + noise[:, 0])
