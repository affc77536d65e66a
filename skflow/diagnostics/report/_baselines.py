"""The classical estimators that a flow has to beat, tuned and in the units of the table."""

from abc import ABCMeta, abstractmethod

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import KernelDensity

from skflow._random import draw_seed
from skflow._validation import check_data
from skflow.tables._observation import ContinuousRows
from skflow.tables._read import checked_rows

__all__ = ["KernelBaseline", "MixtureBaseline"]


class Baseline(BaseEstimator, metaclass=ABCMeta):
    """A density of scikit-learn on standardised columns, scored in the units of X.

    It learns from the rows that flows learn from, with repeated values spread, since otherwise
    a spike on each such value would win.
    """

    def fit(self, X, y=None, sample_weight=None):
        """Standardise the columns, choose the settings on folds of the rows, and fit."""
        rng = np.random.default_rng(draw_seed(self.random_state))
        rows, weight, _ = checked_rows(self, X, sample_weight)
        table = ContinuousRows.read(rows, weight).prepare(rows, weight, rng)
        rows, weight = table.rows(), table.weight
        self.mean_ = np.average(rows, axis=0, weights=weight)
        spread = np.sqrt(np.average((rows - self.mean_) ** 2, axis=0, weights=weight))
        self.scale_ = np.where(spread > 0, spread, 1.0)
        self.model_ = self._fit_model((rows - self.mean_) / self.scale_, weight)
        return self

    @abstractmethod
    def _fit_model(self, z, weight):
        """Return scikit-learn's estimator, fitted to standardised rows."""

    def score_samples(self, X):
        """Log density of each row (n_samples,), in the units of X."""
        X = check_data(self, X, reset=False)
        log_density = self.model_.score_samples((X - self.mean_) / self.scale_)
        return log_density - np.log(self.scale_).sum()


class KernelBaseline(Baseline):
    """KernelDensity with the bandwidth of the largest leave-one-out likelihood."""

    def __init__(self, random_state=None):
        self.random_state = random_state

    def _fit_model(self, z, weight):
        import torch

        from skflow.bases import KernelDensity as KernelBase

        base = KernelBase(z.shape[1], "scalar", n_neighbors=None).double()
        base.initialize(*(None if t is None else torch.from_numpy(t) for t in (z, weight)))
        width = float(base.factor[0, 0])
        return KernelDensity(bandwidth=width, rtol=1e-4).fit(z, sample_weight=weight)


class MixtureBaseline(Baseline):
    """GaussianMixture with cross-validated size, shape and regularisation, or of one component."""

    def __init__(self, n_components=None, random_state=None):
        self.n_components = n_components
        self.random_state = random_state

    def _fit_model(self, z, weight):
        from skflow.bases import choose_mixture
        from skflow.bases._em import fit_mixture

        settings = {"n_components": self.n_components, "reg_covar": 1e-4}
        if self.n_components is None:
            choice = choose_mixture(z, weight)
            settings = {"n_components": choice.n_components, "reg_covar": choice.reg_covar}
            settings["covariance_type"] = choice.covariance_type
        found = fit_mixture(z, weight, **settings)
        model = GaussianMixture(settings["n_components"])
        model.weights_, model.means_, model.precisions_cholesky_ = found
        return model
