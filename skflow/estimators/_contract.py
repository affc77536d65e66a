"""What every fitted flow can be asked, trained or classical: scores, samples, latents."""

from abc import ABCMeta, abstractmethod
from contextlib import contextmanager

import numpy as np
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    DensityMixin,
    TransformerMixin,
    _fit_context,
)
from sklearn.utils.validation import check_is_fitted

from skflow._persistence import SaveMixin
from skflow._random import draw_seed
from skflow._validation import check_data, check_latents, check_n_samples, check_sample_weight
from skflow.estimators._export import ExportMixin

__all__ = ["FittedFlow", "MeanScoreMixin", "TableFlow", "anew"]


@contextmanager
def anew(estimator, going_on=False):
    """Fit a draft in the block; what it then holds appears on the estimator, all at once.

    A fit that fails leaves the estimator as it was, and whoever asks it meanwhile gets the old
    fit whole. The draft starts with the parameters, and with the last fit if it goes on from it.
    """
    draft = object.__new__(type(estimator))
    vars(draft).update(vars(estimator))
    if not going_on:
        for name in [name for name in vars(draft) if name.endswith("_")]:
            del vars(draft)[name]
    yield draft
    estimator.__dict__ = vars(draft)


class MeanScoreMixin(DensityMixin):
    """``score`` as the mean of ``score_samples``."""

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


class FittedFlow(
    SaveMixin,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    MeanScoreMixin,
    BaseEstimator,
    metaclass=ABCMeta,
):
    """Methods of an estimator whose ``fit`` leaves ``flow_`` and ``observation_``."""

    n_jobs = None  # where it is no parameter

    def score_samples(self, X):
        """Natural-log density of each row, in nats and in the units of the X given to fit.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        log_density : ndarray of shape (n_samples,), float64
            -inf outside a declared support, finite everywhere else. Rounding apart, a row's
            density does not depend on the rows beside it.
        """
        from skflow.fitting._blocks import log_density

        rows = self._rows(X)
        return log_density(self.flow_, rows, observation=self.observation_, **self._workers)

    def sample(self, n_samples=1, random_state=None, on_grid=False):
        """Draw rows from the fitted density.

        Parameters
        ----------
        n_samples : int, default=1
        random_state : int, RandomState instance or None, default=None
            None gives fresh draws at every call.
        on_grid : bool, default=False
            Bring columns that were spread in training back to where their values were. On a
            grid, the nearest point of it inside the bounds. An atom takes the draws within two
            thirds of its width, and up to halfway to the nearest other value of the table if that
            is more; the continuous part that falls in there counts in. What lies beyond the lowest
            or highest value, if it occurred 5 times or more, becomes that value, and constant
            columns are constant. All else stays continuous.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features)
            Inside the declared support; without ``on_grid`` columns that were dequantized are
            continuous.
        """
        check_is_fitted(self)
        return self.observation_.draws(self._draw(n_samples, random_state), on_grid)

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
        from skflow.fitting._blocks import latents

        X = self._rows(X)
        rows, outside = self.observation_.place(X)
        if outside.any():
            raise ValueError(
                f"{int(outside.sum())} rows lie outside the declared support, the first is row "
                f"{int(outside.argmax())}; they have no latent. Drop them first."
            )
        return latents(self.flow_, rows, **self._workers)

    def inverse_transform(self, Z):
        """Rows that :meth:`transform` sends to Z.

        Parameters
        ----------
        Z : array-like of shape (n_samples, n_features)

        Returns
        -------
        X : ndarray of shape (n_samples, n_features)
        """
        from skflow.fitting._blocks import from_latents

        check_is_fitted(self, "flow_")
        rows = from_latents(self.flow_, check_latents(self, Z), **self._workers)
        return self.observation_.turn_back(rows)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.non_deterministic = False
        return tags

    def _draw(self, n_samples, random_state, **options):
        from skflow.fitting._blocks import draw

        check_is_fitted(self, "flow_")
        n_samples, seed = check_n_samples(n_samples), draw_seed(random_state)
        return draw(self.flow_, n_samples, seed, **self._workers, **options)

    def _rows(self, X):
        check_is_fitted(self, "flow_")
        rows = check_data(self, X, reset=False)
        self.observation_.check(rows, getattr(self, "feature_names_in_", None))
        return rows

    @property
    def _workers(self):
        """Threads that scores and draws get, of torch those of the fit where that is known."""
        plan = vars(self).get("plan_")
        return {"n_threads": 1 if plan is None else plan.n_threads, "n_jobs": self.n_jobs}

    def _show(self, observation):
        """Show what a fit knows of its table."""
        self.observation_ = observation
        self.support_bounds_ = observation.bounds
        self.dequantized_features_ = observation.dequantized
        self._n_features_out = self.n_features_in_


class TableFlow(ExportMixin, FittedFlow):
    """A flow that learns from the rows of a table, by its ``_fit``."""

    @abstractmethod
    def _fit(self, X, sample_weight=None):
        """Check and fit a draft; parameters are valid."""

    def _observe(self, X, weight, family):
        """Return the Observation of checked rows X (n_samples, n_features)."""
        from skflow.tables._observation import ContinuousRows

        last = vars(self).get("observation_")  # of a fit that goes on, whose bounds stay
        same = last is not None and last.n_features == X.shape[1]
        return ContinuousRows.read(
            X,
            weight,
            support=self.support,
            resolution=self.resolution,
            periodic=self.periodic,
            circles=last.circles if same else None,
            names=getattr(self, "feature_names_in_", None),
            spreads=family.spreads_ties,
        )

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
            declared support; the message names column, value and remedy. For a parameter that
            changed since the last fit where ``warm_start`` goes on with that fit's flow.
        TrainingDivergedError
            If it is trained, no training step was finite at any rate, and the start has no finite
            density either.
        """
        with anew(self, going_on=getattr(self, "warm_start", False)) as draft:
            draft._fit(X, sample_weight)
        return self
