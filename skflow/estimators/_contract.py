"""What every fitted flow can be asked, trained or classical: scores, samples, latents."""

from abc import ABCMeta
from contextlib import contextmanager
from functools import partial
from typing import Any

from numpy.typing import ArrayLike
from sklearn import config_context
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    DensityMixin,
    TransformerMixin,
)

from skflow._callbacks import CallbackSupportMixin
from skflow._containers import in_kind, on_host
from skflow._model_card import CardMixin
from skflow._persistence import SaveMixin
from skflow._random import draw_seed
from skflow._types import Cells, Context, Floats, RandomState, Rows, Weights
from skflow._validation import check_data, check_latents, check_n_samples
from skflow.estimators._from_sources import mean_score, takes_sources
from skflow.estimators._given import MaybeGiven, check_has_flow
from skflow.estimators._kinds import answers_in_kind, checked
from skflow.estimators._output import framed

__all__ = ["FittedFlow", "MeanScoreMixin", "anew"]


@contextmanager
def anew(estimator, going_on=False):
    """Fit a draft in the block; what it then holds appears on the estimator, all at once.

    A fit that fails leaves the estimator as it was, and whoever asks it meanwhile gets the old
    fit whole. The draft starts with the parameters, and with the last fit if it goes on from it.
    It is fitted in numpy, whatever scikit-learn is told to dispatch to.
    """
    draft = object.__new__(type(estimator))
    vars(draft).update(vars(estimator))
    if not going_on:
        for name in [name for name in vars(draft) if name.endswith("_")]:
            del vars(draft)[name]
    with config_context(array_api_dispatch=False):
        yield draft
    estimator.__dict__ = vars(draft)


class MeanScoreMixin(DensityMixin):
    """``score`` as the mean of ``score_samples``."""

    def score(
        self,
        X: Rows,
        y: Any = None,
        sample_weight: Weights = None,
        context: Context = None,
    ) -> float:
        """Mean log density of the rows, in nats (as GaussianMixture; KernelDensity sums).

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Or what holds it, as in ``fit``, of any number of rows: read block by block.
        y : ignored
        sample_weight : array-like of shape (n_samples,), optional
        context : array-like of shape (n_samples, n_context), optional
            What each row is given, if the fit had a context.

        Returns
        -------
        score : float
        """
        return mean_score(self, X, sample_weight, context)


class FittedFlow(
    CallbackSupportMixin,
    CardMixin,
    SaveMixin,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    MeanScoreMixin,
    MaybeGiven,
    BaseEstimator,
    metaclass=ABCMeta,
):
    """Methods of an estimator whose ``fit`` leaves ``flow_`` and ``observation_``."""

    n_jobs: int | None = None  # where it is no parameter

    @takes_sources(tensors=True)
    def score_samples(self, X: Rows, context: Context = None) -> Floats:
        """Natural-log density of each row, in nats and in the units of the X given to fit.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Or what holds it, as in ``fit``, of any number of rows: read block by block.
        context : array-like of shape (n_samples, n_context), optional
            What each row is given, if the fit had a context.

        Returns
        -------
        log_density : ndarray of shape (n_samples,), float64
            -inf outside a declared support, finite everywhere else. Rounding apart, a row's
            density does not depend on the rows beside it. Of a Dask array it is a Dask array with
            the same chunks of rows, of a Dask DataFrame a Dask Series: computed when they are.
            Where ``sklearn.config_context(array_api_dispatch=True)`` holds, a torch tensor is
            answered by one on its device, here and below, and other arrays by arrays like them.
        """
        from skflow.fitting._blocks import log_density

        rows, context = self._rows_given(X, context)
        return log_density(
            self.flow_, rows, context, observation=self.observation_, **self._workers
        )

    def sample(
        self,
        n_samples: int = 1,
        random_state: RandomState = None,
        on_grid: bool = False,
        context: Context = None,
    ) -> Cells:
        """Draw rows from the fitted density.

        Parameters
        ----------
        n_samples : int, default=1
            For each row of a context, if there is one.
        random_state : int, RandomState instance or None, default=None
            None gives fresh draws at every call.
        on_grid : bool, default=False
            Bring columns that were spread in training back to where their values were. On a
            grid, the nearest point of it inside the bounds. An atom takes the draws within two
            thirds of its width, and up to halfway to the nearest other value of the table if that
            is more; the continuous part that falls in there counts in. What lies beyond the lowest
            or highest value, if it occurred 5 times or more, becomes that value, and constant
            columns are constant. All else stays continuous.
        context : array-like of shape (n_rows, n_context), optional
            What to draw rows for, if the fit had a context.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features) or (n_rows, n_samples, n_features)
            The second with a context. Inside the declared support; without ``on_grid`` columns
            that were dequantized are continuous. The first are a frame with the names of the fit's
            columns where ``set_output`` asks for one.
        """
        return self._draws(n_samples, random_state, on_grid, context)

    @takes_sources(wide=True, tensors=True)
    def transform(self, X: Rows, context: Context = None) -> Floats:
        """Latents of the rows: where the flow sends them in the space of its base.

        With an ensemble, those of the member with the best validation score. With
        ``base="normal"`` they are standard normal if the fit is good; with a mixture base (the
        default) they follow that mixture.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows outside a declared support have no latent: a ValueError. Or what holds it, as in
            :meth:`score_samples`.
        context : array-like of shape (n_samples, n_context), optional
            What each row is given, if the fit had a context.

        Returns
        -------
        Z : ndarray of shape (n_samples, n_features)
            Of a Dask array or DataFrame another one, computed when it is.
        """
        from skflow.fitting._blocks import latents, place

        rows, context = self._rows_given(X, context)
        rows, outside = place(self.observation_, rows)
        if outside.any():
            outside = on_host(outside)
            raise ValueError(
                f"{int(outside.sum())} rows lie outside the declared support, the first is row "
                f"{int(outside.argmax())}; they have no latent. Drop them first."
            )
        return latents(self.flow_, rows, context, **self._workers)

    @answers_in_kind(wide=True, tensors=True)
    def inverse_transform(self, Z: ArrayLike, context: Context = None) -> Floats:
        """Rows that :meth:`transform` sends to Z.

        Parameters
        ----------
        Z : array-like of shape (n_samples, n_features)
        context : array-like of shape (n_samples, n_context), optional
            What each row is given, if the fit had a context.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features)
            A frame where ``set_output`` asks for one.
        """
        from skflow.fitting._blocks import from_latents, turn_back

        check_has_flow(self)
        latents = checked(Z, partial(check_latents, self))
        context = self._given(context, len(latents), what="row of Z")
        rows = from_latents(self.flow_, latents, context, **self._workers)
        return framed(self, turn_back(self.observation_, rows), Z)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.non_deterministic = False
        return tags

    def _draws(self, n_samples, random_state, on_grid, context, **options):
        check_has_flow(self)
        given = self._given(context, what="distribution to draw from")
        draws = self._draw(n_samples, random_state, context=given, **options)
        rows = draws.reshape(-1, draws.shape[-1])
        rows = self.observation_.draws(rows, on_grid).reshape(draws.shape)
        return in_kind(context, framed(self, rows))

    def _draw(self, n_samples, random_state, **options):
        from skflow.fitting._blocks import draw

        check_has_flow(self)
        n_samples, seed = check_n_samples(n_samples), draw_seed(random_state)
        return draw(self.flow_, n_samples, seed, **self._workers, **options)

    def _rows_given(self, X, context):
        """Check rows; return those of the density, and the numbers of their context or None."""
        X, context = self._split(X, context)
        rows = self._rows(X)
        return rows, self._given(context, len(rows))

    def _rows(self, X):
        check_has_flow(self)
        rows = checked(X, partial(check_data, self, reset=False))
        self.observation_.check(rows, getattr(self, "feature_names_in_", None), like=X)
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
