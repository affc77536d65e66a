"""Regressors that a conditional density has to beat: made into densities in the usual ways."""

from abc import ABCMeta, abstractmethod

import numpy as np
from scipy.linalg import solve_triangular
from scipy.stats import norm
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.model_selection import KFold, cross_val_predict

from skflow._containers import rows_at
from skflow._random import draw_seed
from skflow.diagnostics.report._piecewise import QuantileCalibration
from skflow.estimators._weights import weight_keyword

__all__ = ["GaussianResiduals", "QuantileBoosting", "QuantileForest", "weights_for"]

LEVELS = np.array([0.03, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.97])
N_FOLDS = 5
N_FOLDS_OF_QUANTILES = 3  # there are many fits in each
MIN_SAMPLES_LEAF = 10  # Meinshausen (2006), Quantile regression forests
LEAST = 1e-3  # of the spread of y: how far apart the outer quantiles of a row are at least
TINY = 1e-6  # of the spread of y: the least deviation of residuals


class GaussianResiduals(RegressorMixin, BaseEstimator):
    """A point regressor with normal residuals of one covariance, from out-of-fold residuals."""

    def __init__(self, regressor=None, random_state=None):
        self.regressor = regressor
        self.random_state = random_state

    def fit(self, X, y, sample_weight=None):
        """Predict each fold from the others for the residuals, and fit to all rows."""
        weights = weights_for(self.regressor, sample_weight)
        cv = KFold(min(N_FOLDS, len(y)), shuffle=True, random_state=draw_seed(self.random_state))
        guess = cross_val_predict(clone(self.regressor), X, y, cv=cv, params=weights)
        residuals = (y - guess.reshape(np.shape(y))).reshape(len(y), -1)
        share = np.ones(len(y)) if sample_weight is None else sample_weight
        covariance = (residuals.T * share) @ residuals / share.sum()
        spread = np.std(y, axis=0)
        floor = (TINY * np.where(spread > 0, spread, 1.0)) ** 2
        self.factor_ = np.linalg.cholesky(covariance + np.diag(np.atleast_1d(floor)))
        self.regressor_ = clone(self.regressor).fit(X, y, **weights)
        return self

    def predict(self, X):
        """Mean (n,) or (n, k)."""
        return self.regressor_.predict(X)

    def predict_std(self, X):
        """Return the standard deviation (n,) or (n, k), the same in every row."""
        mean = self.predict(X)
        std = np.linalg.norm(self.factor_, axis=1)
        return np.broadcast_to(std if mean.ndim == 2 else std[0], mean.shape)

    def predict_quantiles(self, X, quantiles=(0.05, 0.5, 0.95)):
        """Quantiles (n, q) or (n, k, q)."""
        mean, std = self.predict(X), self.predict_std(X)
        return mean[..., np.newaxis] + std[..., np.newaxis] * norm.ppf(quantiles)

    def predict_interval(self, X, coverage=0.9):
        """Central intervals (n, 2) or (n, k, 2)."""
        return self.predict_quantiles(X, [(1 - coverage) / 2, (1 + coverage) / 2])

    def cdf(self, X, y):
        """Probability below y (n,) or (n, k)."""
        return norm.cdf(y, self.predict(X), self.predict_std(X))

    def log_density(self, X, y):
        """Log density (n,)."""
        residuals = (y - self.predict(X)).reshape(len(y), -1)
        z = solve_triangular(self.factor_, residuals.T, lower=True)
        return norm.logpdf(z).sum(axis=0) - np.log(np.diag(self.factor_)).sum()

    def sample(self, X, n_samples=1, random_state=None):
        """Draws (n, n_samples) or (n, n_samples, k)."""
        mean = self.predict(X)
        rng = np.random.default_rng(draw_seed(random_state))
        noise = rng.normal(size=(len(mean), n_samples, len(self.factor_))) @ self.factor_.T
        return mean[:, np.newaxis] + (noise if mean.ndim == 2 else noise[..., 0])


class QuantileRegressor(RegressorMixin, BaseEstimator, metaclass=ABCMeta):
    """Quantiles of one column of y, calibrated on out-of-fold rows and made into a density."""

    def __init__(self, random_state=None):
        self.random_state = random_state

    def fit(self, X, y, sample_weight=None):
        """Predict each fold from the others for the calibration, and fit to all rows."""
        y, weight = np.asarray(y), sample_weight
        if y.ndim == 2 and y.shape[1] > 1:
            raise ValueError(f"expected one column of y, got {y.shape[1]}")
        y, values = np.ravel(y), np.empty((len(y), len(LEVELS)))
        n_folds = min(N_FOLDS_OF_QUANTILES, len(y))
        cv = KFold(n_folds, shuffle=True, random_state=draw_seed(self.random_state))
        for rows, held in cv.split(y):
            part = None if weight is None else weight[rows]
            self._fit_quantiles(rows_at(X, rows), y[rows], part)
            values[held] = self._quantiles(rows_at(X, held))
        spread = np.std(y)
        least = LEAST * (spread if spread > 0 else 1.0)
        self.calibration_ = QuantileCalibration.of(LEVELS, values, y, weight, least)
        self._fit_quantiles(X, y, weight)
        return self

    @abstractmethod
    def _fit_quantiles(self, X, y, weight):
        """Fit to y (n,)."""

    @abstractmethod
    def _quantiles(self, X):
        """Quantiles (n, q) at LEVELS."""

    def _law(self, X):
        return self.calibration_.law(self._quantiles(X))

    def predict(self, X):
        """Mean (n,)."""
        return self._law(X).moments()[0]

    def predict_std(self, X):
        """Return the standard deviation (n,)."""
        return self._law(X).moments()[1]

    def predict_quantiles(self, X, quantiles=(0.05, 0.5, 0.95)):
        """Quantiles (n, q)."""
        return self._law(X).quantile(np.asarray(quantiles))

    def predict_interval(self, X, coverage=0.9):
        """Central intervals (n, 2)."""
        return self.predict_quantiles(X, [(1 - coverage) / 2, (1 + coverage) / 2])

    def cdf(self, X, y):
        """Probability below y (n,)."""
        return self._law(X).cdf(np.reshape(y, (-1, 1)))[:, 0]

    def log_density(self, X, y):
        """Log density (n,)."""
        return self._law(X).log_density(np.reshape(y, (-1, 1)))[:, 0]

    def sample(self, X, n_samples=1, random_state=None):
        """Draws (n, n_samples)."""
        law, rng = self._law(X), np.random.default_rng(draw_seed(random_state))
        return law.quantile(1 - rng.random(size=(len(law.values), n_samples)))  # never 0


class QuantileBoosting(QuantileRegressor):
    """scikit-learn's HistGradientBoostingRegressor at each of the quantiles."""

    def _fit_quantiles(self, X, y, weight):
        self.models_ = [
            HistGradientBoostingRegressor(
                loss="quantile", quantile=level, random_state=self.random_state
            ).fit(X, y, sample_weight=weight)
            for level in LEVELS
        ]

    def _quantiles(self, X):
        return np.column_stack([model.predict(X) for model in self.models_])


class QuantileForest(QuantileRegressor):
    """The quantile regression forest of the package quantile_forest."""

    def _fit_quantiles(self, X, y, weight):
        from quantile_forest import RandomForestQuantileRegressor

        model = RandomForestQuantileRegressor(
            min_samples_leaf=MIN_SAMPLES_LEAF, random_state=self.random_state
        )
        self.model_ = model.fit(X, y, sample_weight=weight)

    def _quantiles(self, X):
        return np.asarray(self.model_.predict(X, quantiles=list(LEVELS)))


def weights_for(estimator, sample_weight):
    """Arguments that hand weights to the fit of an estimator, or of a pipeline's last step."""
    if sample_weight is None:
        return {}
    keyword = weight_keyword(estimator)
    if keyword is None:
        raise TypeError("its fit takes no sample_weight")
    return {keyword: sample_weight}
