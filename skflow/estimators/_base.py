"""The template of every density estimator: what happens to X on its way to a density and back."""

from abc import ABCMeta, abstractmethod
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    DensityMixin,
    TransformerMixin,
    _fit_context,
)
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from skflow._random import draw_seed
from skflow._support import move_inside, outside_support
from skflow._validation import check_data, check_sample_weight
from skflow.estimators._prepare import prepare
from skflow.estimators._rules import resolve_settings

__all__ = ["BaseFlowDensity"]


@dataclass(kw_only=True, eq=False, repr=False)
class BaseFlowDensity(
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    DensityMixin,
    BaseEstimator,
    metaclass=ABCMeta,
):
    """Base of all flow density estimators; a subclass says which bijection to build.

    See :class:`skflow.NSFDensity` for the meaning of the shared parameters.
    """

    n_layers: int | str = "auto"
    hidden_features: tuple | str = "auto"
    mixing: str = "plu"
    preprocessing: str = "auto"
    base: str = "auto"
    support: Any = None
    n_members: int | str = "auto"
    max_epochs: int | str = "auto"
    batch_size: int | str = "auto"
    learning_rate: float | str = "auto"
    weight_decay: float = 0.01
    dropout: float | str = "auto"
    input_noise: float | str = "auto"
    validation_fraction: float | str = "auto"
    n_iter_no_change: int | str | None = "auto"
    max_seconds: float | None = None
    device: str = "cpu"
    dtype: str = "float32"
    random_state: Any = None
    verbose: int = 0
    warm_start: bool = False

    _parameter_constraints: ClassVar[dict] = {
        "n_layers": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "hidden_features": [StrOptions({"auto"}), "array-like"],
        "mixing": [StrOptions({"plu", "orthogonal", "permutation", "reverse", "none"})],
        "preprocessing": [StrOptions({"auto", "standardize", "whiten", "none"})],
        "base": [StrOptions({"auto", "normal", "student_t", "mixture"})],
        "support": [None, dict],
        "n_members": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "max_epochs": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "learning_rate": [StrOptions({"auto"}), Interval(Real, 0, None, closed="neither")],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "dropout": [StrOptions({"auto"}), Interval(Real, 0, 1, closed="left")],
        "input_noise": [StrOptions({"auto"}), Interval(Real, 0, None, closed="left")],
        "validation_fraction": [StrOptions({"auto"}), Interval(Real, 0, 1, closed="left")],
        "n_iter_no_change": [
            StrOptions({"auto"}),
            None,
            Interval(Integral, 1, None, closed="left"),
        ],
        "max_seconds": [None, Interval(Real, 0, None, closed="neither")],
        "device": [str],
        "dtype": [StrOptions({"float32", "float64"})],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
        "warm_start": ["boolean"],
    }

    @abstractmethod
    def _build_bijection(self, n_features, n_context, settings):
        """Return the bijection between preprocessing and base, built from resolved settings."""

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, sample_weight=None):
        """Learn the density of the rows of X.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Finite numbers, at least two rows.
        y : ignored
        sample_weight : array-like of shape (n_samples,), optional
            Non-negative; only ratios matter. Weight 0 leaves a row out.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            For NaN, infinities, text, fewer than two rows, bad weights, and values outside a
            declared support; the message names column, value and remedy.
        TrainingDivergedError
            If no training step was finite at any rate.
        """
        from skflow.estimators._fitting import fit_flow

        seed = draw_seed(self.random_state)
        previous = self.__dict__.get("flow_") if self.warm_start else None
        table = prepare(self, X, sample_weight, np.random.default_rng(seed))
        settings = resolve_settings(self, *table.rows.shape)
        self.support_bounds_ = table.bounds
        self.dequantized_features_ = table.dequantized
        self._n_features_out = self.n_features_in_
        flow, history, score = fit_flow(self, table, settings, seed, previous)
        self.flow_ = flow
        for name, value in settings.visible().items():
            setattr(self, f"{name}_", value)
        self.history_ = history.records
        self.n_iter_ = max(1, len(history.records))
        self.stopped_by_ = history.stopped_by
        self.validation_score_ = score
        return self

    def score_samples(self, X):
        """Natural-log density of each row, in nats and in the units of the X given to fit.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        log_density : ndarray of shape (n_samples,), float64
            -inf outside a declared support, finite everywhere else.
        """
        from skflow.estimators._scoring import log_density

        rows, outside = self._rows(X)
        if not outside.any():  # no copy of what may be a very long table
            return log_density(self.flow_, rows)
        scores = np.full(len(rows), -np.inf)
        scores[~outside] = log_density(self.flow_, rows[~outside])
        return scores

    def score(self, X, y=None, sample_weight=None):
        """Mean log density of the rows, in nats (as GaussianMixture; KernelDensity sums).

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : ignored
        sample_weight : array-like of shape (n_samples,), optional

        Returns
        -------
        score : float
        """
        scores = self.score_samples(X)
        return float(np.average(scores, weights=check_sample_weight(sample_weight, scores)))

    def sample(self, n_samples=1, random_state=None):
        """Draw rows from the fitted density.

        Parameters
        ----------
        n_samples : int, default=1
        random_state : int, RandomState instance or None, default=None
            None gives fresh draws at every call.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features)
            Inside the declared support; columns that were dequantized are continuous here.
        """
        from skflow.estimators._scoring import draw

        check_is_fitted(self, "flow_")
        if not isinstance(n_samples, Integral) or n_samples < 1:
            raise ValueError(f"n_samples must be an integer of at least 1, got {n_samples!r}.")
        return draw(self.flow_, int(n_samples), draw_seed(random_state))

    def transform(self, X):
        """Latents of the rows: where the flow sends them in the space of its base.

        With an ensemble, those of the member with the best validation score. With
        ``base="normal"`` they are standard normal if the fit is good; with a mixture base (the
        default) they follow that mixture.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows outside a declared support have no latent: a ValueError.

        Returns
        -------
        Z : ndarray of shape (n_samples, n_features)
        """
        from skflow.estimators._scoring import latents

        rows, outside = self._rows(X)
        if outside.any():
            raise ValueError(
                f"{int(outside.sum())} rows lie outside the declared support, the first is row "
                f"{int(outside.argmax())}; they have no latent. Drop them first."
            )
        return latents(self.flow_, rows)

    def inverse_transform(self, Z):
        """Rows that :meth:`transform` sends to Z.

        Parameters
        ----------
        Z : array-like of shape (n_samples, n_features)

        Returns
        -------
        X : ndarray of shape (n_samples, n_features)
        """
        from skflow.estimators._scoring import from_latents

        check_is_fitted(self, "flow_")
        return from_latents(self.flow_, check_data(self, Z, reset=False))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.non_deterministic = False
        return tags

    def _rows(self, X):
        check_is_fitted(self, "flow_")
        rows = check_data(self, X, reset=False)
        low, high, low_at, high_at = self.support_bounds_
        outside = outside_support(rows, low, high)
        return move_inside(rows, low, high, low_at, high_at), outside
