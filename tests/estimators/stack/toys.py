"""Tables and small estimators for the tests of the stack."""

import time
import warnings

import numpy as np
from sklearn.base import BaseEstimator

from skflow._clock import left_out, seconds_left
from skflow._notices import warn
from skflow.exceptions import ConvergenceWarning


def rng(seed=0):
    return np.random.RandomState(seed)  # noqa: NPY002, as the stack has it


def rows(n=60, d=2, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d))


class Recorder(BaseEstimator):
    """A Gaussian around the mean of its rows that remembers them."""

    def fit(self, X, y=None, sample_weight=None):
        self.rows_ = X
        self.weight_ = sample_weight
        self.mean_ = X.mean(axis=0)
        return self

    def score_samples(self, X):
        return -0.5 * ((X - self.mean_) ** 2).sum(axis=1) - X.shape[1] / 2 * np.log(2 * np.pi)


class GivenRecorder(BaseEstimator):
    """A Gaussian around the first column of its context, that remembers it."""

    def fit(self, X, y=None, context=None):
        self.given_ = context
        return self

    def score_samples(self, X, context):
        return -0.5 * ((X - context[:, :1]) ** 2).sum(axis=1) - X.shape[1] / 2 * np.log(2 * np.pi)

    def sample(self, n_samples, random_state=None, context=None):
        noise = rng(random_state).normal(size=(len(context), n_samples, 1))
        return context[:, None, :1] + 1e-3 * noise


class Failing(BaseEstimator):
    def fit(self, X, y=None):
        raise RuntimeError("no luck today")


class NotFinite(Recorder):
    def score_samples(self, X):
        return np.where(X[:, 0] > 0, np.nan, 0.0)


class Complaining(Recorder):
    """Warns twice, as skflow does and as others do."""

    def fit(self, X, y=None, sample_weight=None):
        warn("bad luck", ConvergenceWarning)
        warnings.warn("a foreign word", UserWarning, stacklevel=2)
        return super().fit(X, y, sample_weight)


class Slow(Recorder):
    """Cannot stop early, as most estimators cannot."""

    def fit(self, X, y=None, sample_weight=None):
        time.sleep(0.1)
        return super().fit(X, y, sample_weight)


class Patient(Recorder):
    """Trains for as long as the block around it allows."""

    def __init__(self, max_epochs=1):
        self.max_epochs = max_epochs

    def fit(self, X, y=None, sample_weight=None):
        self.seconds_ = seconds_left()
        time.sleep(min(self.seconds_, 10))
        return super().fit(X, y, sample_weight)


class Hasty(Recorder):
    def fit(self, X, y=None, sample_weight=None):
        left_out("half of the work")
        return super().fit(X, y, sample_weight)


class Interrupted(Recorder):
    """Meets Ctrl-C in its fit."""

    def fit(self, X, y=None, sample_weight=None):
        raise KeyboardInterrupt


class KeepsWhatItHas(Recorder):
    """Meets Ctrl-C in its fit and keeps what it has by then, as flows do."""

    def fit(self, X, y=None, sample_weight=None):
        self.stopped_by_ = "interrupt"
        return super().fit(X, y, sample_weight)


class Endless(Recorder):
    """Is not done within the time of a test."""

    def fit(self, X, y=None, sample_weight=None):
        time.sleep(100)
        return super().fit(X, y, sample_weight)
