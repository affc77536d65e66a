"""An honest little density estimator in numpy, and copies of it with one fault each."""

import numpy as np
from scipy.special import logsumexp
from sklearn.base import BaseEstimator
from sklearn.cluster import KMeans


class Toy(BaseEstimator):
    """Standardised columns, k-means cells, one diagonal Gaussian for each cell."""

    def __init__(self, n_cells=12, random_state=None):
        self.n_cells = n_cells
        self.random_state = random_state

    def fit(self, X, y=None, sample_weight=None):
        weight = np.ones(len(X)) if sample_weight is None else np.asarray(sample_weight)
        self.mean_ = np.average(X, axis=0, weights=weight)
        self.scale_ = np.sqrt(np.average((X - self.mean_) ** 2, axis=0, weights=weight))
        Z = (X - self.mean_) / self.scale_
        cells = KMeans(self.n_cells, n_init=1, random_state=self.random_state)
        cell = cells.fit(Z, sample_weight=weight).labels_
        share = np.eye(self.n_cells)[cell] * weight[:, None]
        self.weights_ = share.sum(axis=0) / share.sum()
        self.means_ = share.T @ Z / share.sum(axis=0)[:, None]
        within = share.T @ (Z - self.means_[cell]) ** 2 / share.sum(axis=0)[:, None]
        self.spreads_ = np.sqrt(within + 0.03)
        return self

    def _latent_log_density(self, Z):
        distances = ((Z[:, None] - self.means_) / self.spreads_) ** 2
        log_norm = np.log(self.spreads_).sum(axis=1) + 0.5 * Z.shape[1] * np.log(2 * np.pi)
        joint = np.log(self.weights_) - log_norm - 0.5 * distances.sum(axis=2)
        return logsumexp(joint, axis=1)

    def _log_det(self):
        return -np.log(self.scale_).sum()

    def score_samples(self, X):
        return self._latent_log_density(self.transform(X)) + self._log_det()

    def sample(self, n_samples=1, random_state=None):
        rng = np.random.default_rng(random_state)
        cell = rng.choice(self.n_cells, n_samples, p=self.weights_)
        noise = rng.standard_normal((n_samples, len(self.mean_)))
        return self.inverse_transform(self.means_[cell] + noise * self.spreads_[cell])

    def transform(self, X):
        return (X - self.mean_) / self.scale_

    def inverse_transform(self, Z):
        return Z * self.scale_ + self.mean_


class WrongLogDetSign(Toy):
    def _log_det(self):
        return np.log(self.scale_).sum()


class NoPreprocessingJacobian(Toy):
    def _log_det(self):
        return 0.0


class NoJacobianAcrossUnits(Toy):
    """Right as long as the data are near unit scale, as in a test on standardised tables."""

    def _log_det(self):
        return super()._log_det() if np.all(np.abs(np.log(self.scale_)) < 3) else 0.0


class NotNormalised(Toy):
    def score_samples(self, X):
        return super().score_samples(X) + 0.05


class ConstantScore(Toy):
    def score_samples(self, X):
        return np.full(len(X), 123.0)


class FixedFloor(Toy):
    """A spread added in the units of the data, so that the units change the fit."""

    def fit(self, X, y=None, sample_weight=None):
        super().fit(X, y, sample_weight)
        self.spreads_ = self.spreads_ + 1e-3 / self.scale_
        return self


class BatchStandardised(Toy):
    def score_samples(self, X):
        return super().score_samples(X) + 0.01 * np.tanh(X.mean())


class WideSamples(Toy):
    def sample(self, n_samples=1, random_state=None):
        draws = super().sample(n_samples, random_state)
        return self.mean_ + 1.15 * (draws - self.mean_)


class FrozenSamples(Toy):
    def sample(self, n_samples=1, random_state=None):
        return super().sample(n_samples, 0 if random_state is None else random_state)


class TupleSamples(Toy):
    def sample(self, n_samples=1, random_state=None):
        return super().sample(n_samples, random_state), np.zeros(n_samples)


class WrongInverse(Toy):
    def sample(self, n_samples=1, random_state=None):
        return super().sample(n_samples, random_state) + self.mean_

    def inverse_transform(self, Z):
        return Z * self.scale_


class LossyPickle(Toy):
    def __getstate__(self):
        state = super().__getstate__()
        return {**state, "means_": state["means_"].astype(np.float32)}


class NoPickle(Toy):
    def fit(self, X, y=None, sample_weight=None):
        self.callback_ = lambda: None
        return super().fit(X, y, sample_weight)


class IgnoredWeights(Toy):
    def fit(self, X, y=None, sample_weight=None):
        return super().fit(X, y)


class Overfitted(Toy):
    def fit(self, X, y=None, sample_weight=None):
        super().fit(X, y, sample_weight)
        self.spreads_ = 0.5 * self.spreads_
        return self


class Float32Scores(Toy):
    def score_samples(self, X):
        return super().score_samples(X).astype(np.float32)


class NanFarOut(Toy):
    def score_samples(self, X):
        scores = super().score_samples(X)
        return np.where(scores < -1000, np.nan, scores)


class PlainGaussian(Toy):
    def __init__(self, n_cells=1, random_state=None):
        super().__init__(n_cells, random_state)
