"""A fitted flow that may be one of many distributions, each given a row of a context."""

# rows of parameters are in memory
# mypy: disable-error-code="override"

from functools import partial
from typing import Any

from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from skflow._random import draw_seed
from skflow._types import Context, Floats, Function, RandomState, Weights
from skflow._validation import check_latents, check_n_samples
from skflow.estimators._contract import FittedFlow
from skflow.estimators._from_sources import mean_score
from skflow.estimators._kinds import answers_in_kind, checked
from skflow.estimators._output import framed

__all__ = ["MaybeConditional"]


class MaybeConditional(FittedFlow):
    """Scores and latents of a flow whose ``fit`` leaves ``n_context_``, 0 without a context."""

    @answers_in_kind(tensors=True)
    def score_samples(self, Z: ArrayLike, context: Context = None) -> Floats:
        """Log density of the approximation at each row.

        Parameters
        ----------
        Z : array-like of shape (n_samples, n_features)
        context : array-like of shape (n_samples, n_context), optional
            One row of it for each of Z, if the fit had one.

        Returns
        -------
        log_density : ndarray of shape (n_samples,), float64
            log q in nats; -inf outside the declared support, which is open.
        """
        context = self._context(context)
        if context is None:
            return super().score_samples(Z)
        from skflow.fitting._blocks import log_density

        return log_density(
            self.flow_,
            self._rows(Z),
            self._for_each(context, Z),
            observation=self.observation_,
            dtype=self._dtype(),
        )

    def score(
        self,
        Z: ArrayLike,
        y: Any = None,
        sample_weight: Weights = None,
        context: Context = None,
    ) -> float:
        """Mean log density of the approximation at the rows, in nats.

        Parameters
        ----------
        Z : array-like of shape (n_samples, n_features)
        y : ignored
        sample_weight : array-like of shape (n_samples,), optional
        context : array-like of shape (n_samples, n_context), optional
            One row of it for each of Z, if the fit had one.

        Returns
        -------
        score : float
        """
        return mean_score(self, Z, sample_weight, context)

    @answers_in_kind(wide=True, tensors=True)
    def transform(self, Z: ArrayLike, context: Context = None) -> Floats:
        """Latents of the rows, in the space of the flow's base.

        Parameters
        ----------
        Z : array-like of shape (n_samples, n_features)
        context : array-like of shape (n_samples, n_context), optional
            One row of it for each of Z, if the fit had one.

        Returns
        -------
        U : ndarray of shape (n_samples, n_features)
        """
        context = self._context(context)
        if context is None:
            return super().transform(Z)
        from skflow.fitting._blocks import latents

        rows, context = self._rows(Z), self._for_each(context, Z)
        return latents(self.flow_, rows, context, dtype=self._dtype())

    @answers_in_kind(wide=True, tensors=True)
    def inverse_transform(self, U: ArrayLike, context: Context = None) -> Floats:
        """Rows that :meth:`transform` sends to U.

        Parameters
        ----------
        U : array-like of shape (n_samples, n_features)
        context : array-like of shape (n_samples, n_context), optional
            One row of it for each of U, if the fit had one.

        Returns
        -------
        Z : ndarray of shape (n_samples, n_features)
        """
        context = self._context(context)
        if context is None:
            return super().inverse_transform(U)
        from skflow.fitting._blocks import from_latents

        rows = checked(U, partial(check_latents, self))
        context = self._for_each(context, U)
        return framed(self, from_latents(self.flow_, rows, context, dtype=self._dtype()), U)

    def elbo(
        self,
        context: ArrayLike,
        log_joint: Function | None = None,
        n_samples: int = 100,
        random_state: RandomState = None,
    ) -> Floats:
        """Bound the log evidence of each row of a context from below, in nats.

        Parameters
        ----------
        context : array-like of shape (n_rows, n_context)
        log_joint : callable, optional
            As in ``fit``; the trained module ``log_joint_`` by default.
        n_samples : int, default=100
            Draws for each row.
        random_state : int, RandomState instance or None, default=None

        Returns
        -------
        elbo : ndarray of shape (n_rows,)
        """
        from skflow.variational import row_elbos

        context = self._context(context)
        if context is None:
            raise ValueError("elbo is of a fit with a context; this one has elbo_.")
        log_joint = getattr(self, "log_joint_", None) if log_joint is None else log_joint
        if log_joint is None:
            raise ValueError("log_joint was no torch module, so that it is not kept: pass it.")
        n_samples, seed = check_n_samples(n_samples), draw_seed(random_state)
        return row_elbos(self.flow_, log_joint, context, n_samples, seed)

    def _context(self, context):
        """Check a context, and that there is one just if the fit had one."""
        check_is_fitted(self, "flow_")
        expected = self.n_context_
        if context is None:
            if expected:
                raise ValueError(
                    f"the fit had a context of {expected} columns: pass context, one row for each "
                    "distribution to draw from or to score."
                )
            return None
        if not expected:
            raise ValueError("the fit had no context, so that none can be passed now.")
        from skflow.variational import check_context

        return check_context(context, expected)

    def _for_each(self, context, rows):
        """Return the context, if it has a row for each of the rows."""
        if len(context) != len(rows):
            raise ValueError(
                f"context must have one row for each of the {len(rows)} rows, got {len(context)}."
            )
        return context

    def _dtype(self):
        """Dtype in which the flow takes rows and context."""
        from skflow.variational import input_dtype

        return input_dtype(self.flow_)
