"""Honest little density estimators in numpy, and copies of them with one fault each."""

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


class ForgottenCopies(Toy):
    """Merges equal rows, and forgets how many they were: weights and copies count alike."""

    def fit(self, X, y=None, sample_weight=None):
        return super().fit(np.unique(X, axis=0))


class BlockDependent(Toy):
    """Wrong in the last of more rows than the first block takes."""

    def score_samples(self, X):
        scores = super().score_samples(X)
        return scores + 1e-2 * (len(X) > 2048)


class FirstOfTwins(Toy):
    """Scores equal rows once, and the copies with what was left in the buffer."""

    def score_samples(self, X):
        scores = super().score_samples(X)
        first = np.unique(X, axis=0, return_index=True)[1]
        return np.where(np.isin(np.arange(len(X)), first), scores, scores[0])


class Float32Rows(Toy):
    def fit(self, X, y=None, sample_weight=None):
        return super().fit(np.float32(X), y, sample_weight)

    def score_samples(self, X):
        return super().score_samples(np.float32(X)).astype(np.float64)


class StaleScale(Toy):
    """What a first fit found out stays, whatever is fitted later."""

    def fit(self, X, y=None, sample_weight=None):
        first = vars(self).get("scale_")
        super().fit(X, y, sample_weight)
        self.scale_ = self.scale_ if first is None else first
        return self


class ReseededBlocks(Toy):
    """Each block of draws starts from the same seed."""

    def sample(self, n_samples=1, random_state=None):
        block = super().sample(min(n_samples, 2048), random_state)
        return np.resize(block, (n_samples, block.shape[1]))


class FarDraws(Toy):
    """One draw in a hundred lies a hundred deviations out."""

    def sample(self, n_samples=1, random_state=None):
        draws = super().sample(n_samples, random_state)
        draws[99::100] += 100 * self.scale_
        return draws


class ThirdColumnAlone(Toy):
    """From the third column on, draws do not depend on the columns before."""

    def sample(self, n_samples=1, random_state=None):
        draws = super().sample(n_samples, random_state)
        draws[:, 2:] = draws[::-1, 2:]
        return draws


class CooledThirdColumn(Toy):
    """A fifth less deviation from the third column on."""

    def sample(self, n_samples=1, random_state=None):
        draws = super().sample(n_samples, random_state)
        draws[:, 2:] = self.mean_[2:] + 0.8 * (draws[:, 2:] - self.mean_[2:])
        return draws


class SpikesOnValues(Toy):
    """Waves upon the density, with crests on the values of a column that repeats them."""

    def fit(self, X, y=None, sample_weight=None):
        values = [np.unique(column) for column in np.transpose(X)]
        self.steps_ = np.array([np.diff(v).min() if len(v) < len(X) / 4 else 0.0 for v in values])
        return super().fit(X, y, sample_weight)

    def score_samples(self, X):
        scores = super().score_samples(X)
        for j in np.flatnonzero(self.steps_):
            scores += np.log1p(0.9 * np.cos(2 * np.pi * np.asarray(X)[:, j] / self.steps_[j]))
        return scores


class GlobalJitter(Toy):
    """Spreads repeated values by the global random state."""

    def fit(self, X, y=None, sample_weight=None):
        noise = np.random.uniform(-0.5, 0.5, np.shape(X))  # noqa: NPY002
        return super().fit(X + 1e-9 * noise, y, sample_weight)


class Bounded(Toy):
    """Honest: the logarithm of a first column that is declared to be positive."""

    def __init__(self, n_cells=12, random_state=None, support=None):
        super().__init__(n_cells, random_state)
        self.support = support

    def transform(self, X):
        return super().transform(self._logged(X))

    def inverse_transform(self, Z):
        X = super().inverse_transform(Z)
        return X if self.support is None else np.column_stack([np.exp(X[:, 0]), X[:, 1:]])

    def _logged(self, X):
        X = np.asarray(X, dtype=np.float64)
        if self.support is None:
            return X
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.column_stack([np.log(X[:, 0]), X[:, 1:]])

    def fit(self, X, y=None, sample_weight=None):
        return super().fit(self._logged(X), y, sample_weight)

    def score_samples(self, X):
        scores = super().score_samples(X)
        if self.support is None:
            return scores
        first = np.asarray(X)[:, 0]
        inside = first > 0
        return np.where(inside, scores - np.log(np.where(inside, first, 1.0)), -np.inf)


class SupportWithoutJacobian(Bounded):
    def score_samples(self, X):
        scores = super().score_samples(X)
        first = np.asarray(X)[:, 0]
        return scores if self.support is None else scores + np.log(np.maximum(first, 1e-300))


class UndeclaredOutside(Bounded):
    """A finite floor outside."""

    def score_samples(self, X):
        return np.maximum(super().score_samples(X), -1e4)


class DrawsOutside(Bounded):
    def sample(self, n_samples=1, random_state=None):
        return super().sample(n_samples, random_state) - 1.0 * (self.support is not None)


class Given(Toy):
    """Honest: a linear regression on the context, and a toy for what it leaves."""

    def fit(self, X, y=None, sample_weight=None, context=None):
        self.slopes_ = None
        if context is not None:
            design = np.column_stack([np.ones(len(X)), context])
            self.slopes_ = np.linalg.lstsq(design, X, rcond=None)[0][1:]
        return super().fit(X - self._moved(context), y, sample_weight)

    def _moved(self, context):
        if (context is None) != (self.slopes_ is None):
            raise ValueError("a context belongs to both or to neither, fit and scores")
        return 0.0 if context is None else context @ self.slopes_

    def score_samples(self, X, context=None):
        return super().score_samples(X - self._moved(context))

    def sample(self, n_samples=1, random_state=None, context=None):
        if context is None:
            self._moved(None)
            return super().sample(n_samples, random_state)
        draws = super().sample(n_samples * len(context), random_state)
        return draws.reshape(len(context), n_samples, -1) + self._moved(context)[:, None]


class ForgottenContext(Given):
    """Takes a missing context for zeros."""

    def _moved(self, context):
        if context is None and self.slopes_ is not None:
            context = np.zeros((1, len(self.slopes_)))
        return super()._moved(context)


class NeedlessContext(Given):
    """Takes a context that the fit did not have, and does nothing with it."""

    def _moved(self, context):
        return super()._moved(context if self.slopes_ is not None else None)


class IgnoredContext(Given):
    def _moved(self, context):
        return 0.0 * super()._moved(context)


class DrawsWithoutContext(Given):
    def sample(self, n_samples=1, random_state=None, context=None):
        zeros = None if context is None else np.zeros_like(context)
        return super().sample(n_samples, random_state, zeros)
