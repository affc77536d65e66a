"""What an outlier detector is made of: its stack of densities, its scores, a shy parameter."""

from numbers import Integral
from typing import Any

import numpy as np
from sklearn.base import clone

from skflow._callbacks import CallbackSupportMixin
from skflow._clock import left_out, seconds_left, time_is_up
from skflow._random import draw_seed
from skflow.estimators.flows._autoregressive import NSFDensity
from skflow.estimators.outlier._candidates import outlier_candidates
from skflow.estimators.outlier._conformal import RandomFolds
from skflow.estimators.stack._stack import StackedDensity

__all__ = ["NestedParameters", "NotAnAttribute", "measure", "scores_in_time", "stack_for"]

BLOCK = 1_000  # rows scored before the clock is asked again


class NotAnAttribute:
    """A constructor's parameter that ``get_params`` and ``set_params`` see, and nobody else.

    What an estimator has under the name ``score`` is, for scikit-learn, its method.
    """

    def __init__(self, default):
        self.default = default

    def __set_name__(self, owner, name):
        self.name = name

    def __get__(self, instance, owner=None):
        if instance is None:  # where dataclasses look for the default
            return self.default
        raise AttributeError(
            f"{type(instance).__name__} has no method {self.name}; the parameter of that name is "
            f"get_params()[{self.name!r}]."
        )

    def __set__(self, instance, value):
        vars(instance)[self.name] = value


class NestedParameters(CallbackSupportMixin):
    """What goes down to the estimator in one that hides a parameter from attribute access."""

    def get_params(self: Any, deep: bool = True) -> dict[str, Any]:
        """Parameters of the detector and, if ``deep``, of its estimator as ``estimator__...``."""
        params = {name: vars(self)[name] for name in self._get_param_names()}
        if deep and hasattr(self.estimator, "get_params"):
            nested = self.estimator.get_params(deep=True)
            params |= {f"estimator__{name}": value for name, value in nested.items()}
        return params


def measure(kind, model, rows, entropy, log_density=None):
    """Scores (n,) of rows by a DensityMixture; the larger, the more normal.

    Their log densities by the mixture may be passed, if they are known.
    """
    if kind == "latent":
        return _latent_score(model.estimators[0], rows)
    if log_density is None:
        log_density = model.score_samples(rows)
    return -np.abs(log_density + entropy) if kind == "typicality" else log_density


def _latent_score(model, rows):
    """Minus half the squared norm of the latents; -inf where the density is zero."""
    scores = np.full(len(rows), -np.inf)
    inside = np.isfinite(model.score_samples(rows))
    if inside.any():
        latents = np.asarray(model.transform(rows[inside]))
        scores[inside] = -0.5 * np.square(latents).sum(axis=1)
    return scores


def scores_in_time(score, rows):
    """Score the rows (n,), where time is limited as many as it allows; NaN for the others."""
    if seconds_left() == float("inf"):
        return score(rows)
    scores = np.full(len(rows), np.nan)
    order = np.random.default_rng(0).permutation(len(rows))
    for start in range(0, len(rows), BLOCK):
        block = order[start : start + BLOCK]
        scores[block] = score(rows[block])
        if time_is_up():
            break
    unknown = int(np.isnan(scores).sum())
    if unknown:
        left_out(f"{unknown} of {len(rows)} rows that offset_ should come from")
    return scores


def stack_for(detector, kind):
    """Return the stack of densities, not fitted, on which a detector's scores are to be based."""
    if isinstance(detector.estimator, StackedDensity):
        stack = clone(detector.estimator)
        if stack.context_columns is not None:
            raise ValueError(
                "a detector scores whole rows: leave context_columns=None of the StackedDensity, "
                "and set the context_columns of its estimators, which may take a context each."
            )
        if stack.random_state is None:
            stack.random_state = detector.random_state
    else:
        cv = detector.cv
        if isinstance(cv, Integral):
            cv = RandomFolds(cv, draw_seed(detector.random_state))
        stack = StackedDensity(
            _candidates(detector, kind),
            cv=cv,
            n_jobs=detector.n_jobs,
            random_state=detector.random_state,
            verbose=detector.verbose,
        )
    if kind == "latent":
        _check_latent(stack.estimators)
    return stack


def _candidates(detector, kind):
    estimator = detector.estimator
    if estimator is not None:
        return [(type(estimator).__name__.lower(), estimator)]
    if kind == "latent":
        return [("flow", NSFDensity(base="normal"))]
    return outlier_candidates(declared=detector.contamination != "auto")


def _check_latent(candidates):
    """Raise a ValueError unless a stack's candidates are a single one that has latents."""
    wanted = 'score="latent" needs a single estimator with a transform, such as a flow'
    if isinstance(candidates, str) or len(candidates) != 1:
        found = candidates if isinstance(candidates, str) else [name for name, _ in candidates]
        raise ValueError(
            f"{wanted}; the estimators of the StackedDensity are {found!r}. Pass one flow, or "
            'score="density".'
        )
    ((_, estimator),) = candidates
    if not hasattr(estimator, "transform"):
        raise ValueError(
            f"{wanted}; {type(estimator).__name__} has none. Pass a flow, for example "
            'NSFDensity(base="normal"), or score="density".'
        )
