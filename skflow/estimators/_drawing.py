"""Draws from estimators of any make."""

import copy
import inspect

import numpy as np

from skflow.estimators._given import as_keyword
from skflow.estimators._output import container_asked

__all__ = ["draw_from"]

ADVICE = ": there are no draws of it. Leave it out of the `estimators` of a stack to sample that."


def draw_from(estimator, n_samples, seed, on_grid=False, context=None):
    """Rows (n_samples, n_features) from a fitted estimator of skflow's or of another make.

    Given a context (n_rows, n_context), they are (n_rows, n_samples, n_features).

    Raises
    ------
    TypeError
        If it has no ``sample``, or none for its settings, or none on a grid or given a context
        where that is asked.
    """
    name = type(estimator).__name__
    if not hasattr(estimator, "sample"):
        raise TypeError(f"{name} has no sample method{ADVICE}")
    given = as_keyword(context)
    known = inspect.signature(estimator.sample).parameters
    if given and "context" not in known:
        raise TypeError(f"the method sample of {name} takes no context{ADVICE}")
    if on_grid:
        if "on_grid" not in known:
            raise TypeError(f"{name} knows of no grid: draw with on_grid=False, or leave it out.")
        given["on_grid"] = True
    try:
        draws = _draw(estimator, n_samples, seed, **given)
    except NotImplementedError:  # KernelDensity draws from two of its six kernels
        raise TypeError(f"{name} cannot draw samples with these settings{ADVICE}") from None
    draws = draws[0] if isinstance(draws, tuple) else draws
    as_frame = hasattr(estimator, "set_output") and container_asked(estimator) != "default"
    return np.asarray(draws) if as_frame else draws


def _draw(estimator, n_samples, seed, **given):
    if "random_state" in inspect.signature(estimator.sample).parameters:
        return estimator.sample(n_samples, random_state=seed, **given)
    # scikit-learn's GaussianMixture takes its state from its own parameter
    return copy.copy(estimator).set_params(random_state=seed).sample(n_samples, **given)
