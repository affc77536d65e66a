"""Draws of a fitted approximation, and what the weights of the verdict make of them."""

# draws are resampled, and have no grid
# mypy: disable-error-code="override"

from typing import Any

import numpy as np

from skflow._containers import in_kind
from skflow._notices import warn
from skflow._random import draw_seed
from skflow._types import Context, Floats, Function, Names, RandomState
from skflow._validation import check_n_samples
from skflow.estimators._conditional import MaybeConditional
from skflow.estimators._output import framed

__all__ = ["WeighedDraws"]


class WeighedDraws(MaybeConditional):
    """Samples and expectations; ``fit`` leaves ``draws_`` and ``log_weights_`` too."""

    def sample(
        self,
        n_samples: int = 1,
        random_state: RandomState = None,
        *,
        resample: bool = False,
        context: Context = None,
    ) -> Floats:
        """Draw from the approximation.

        Parameters
        ----------
        n_samples : int, default=1
        random_state : int, RandomState instance or None, default=None
            None gives fresh draws at every call.
        resample : bool, default=False
            Draw from ``draws_``, those that the verdict weighed, by their weights, with
            replacement: corrected for what q gets wrong, at the price of repetitions.
        context : array-like of shape (n_rows, n_context), optional
            Required if the fit had one: ``n_samples`` are drawn for each row.

        Returns
        -------
        Z : ndarray of shape (n_samples, n_features), or (n_rows, n_samples, n_features)
            The first are a frame where ``set_output`` asks for one, with the names of the
            parameters.
        """
        given = self._context(context)
        if given is not None:
            if resample:
                raise ValueError("draws for a context are not weighed: use resample=False.")
            draws = self._draw(n_samples, random_state, context=given, dtype=self._dtype())
            return in_kind(context, draws)
        if not resample:
            return framed(self, self._draw(n_samples, random_state))
        rng = np.random.default_rng(draw_seed(random_state))
        share = np.exp(self.log_weights_)
        picked = rng.choice(len(share), check_n_samples(n_samples), p=share)
        return framed(self, self.draws_[picked])

    def expectation(self, f: Function) -> float | Floats:
        """Estimate the mean of f(z) under the density itself, by the Pareto-smoothed weights.

        Parameters
        ----------
        f : callable
            Of an array (n, n_features), to an array (n,) or (n, k).

        Returns
        -------
        mean : float or ndarray of shape (k,)
            Weighted mean over ``draws_``. Its error is about the standard deviation of f over
            the square root of ``ess_``, unless ``verdict_`` is "bad".
        """
        self._context(None)
        values = np.asarray(f(self.draws_), dtype=np.float64)
        if values.shape[:1] != self.log_weights_.shape or values.ndim > 2:
            raise ValueError(
                f"f must map rows {self.draws_.shape} to one value each, ({len(self.draws_)},), "
                f"or several, ({len(self.draws_)}, k); got shape {values.shape}."
            )
        used = self.log_weights_ > -np.inf  # f need not be finite where there is no density
        return np.exp(self.log_weights_[used]) @ values[used]

    def to_arviz(
        self, n_samples: int = 4000, random_state: RandomState = None, names: Names | None = None
    ) -> Any:
        """Resampled draws as arviz's data structure, for its plots and summaries.

        Parameters
        ----------
        n_samples : int, default=4000
        random_state : int, RandomState instance or None, default=None
        names : sequence of n_features str, optional
            Of the variables; ``feature_names`` by default, or else one variable "z".

        Returns
        -------
        data : xarray.DataTree, or arviz.InferenceData of older versions of arviz
            With one chain of draws in the group "posterior".

        Raises
        ------
        ImportError
            Without arviz or arviz-base.
        """
        from skflow.variational import to_arviz

        draws = np.asarray(self.sample(n_samples, random_state, resample=True))
        # files of earlier versions hold no names
        return to_arviz(draws, getattr(self, "feature_names_", None) if names is None else names)

    def _saved_attributes(self):
        attributes = dict(vars(self))
        if attributes.pop("log_joint_", None) is not None:
            warn(
                "log_joint_ is a module of your own and is not saved: keep the tensors of its "
                "state_dict() in a file beside this one.",
                UserWarning,
            )
        return attributes
