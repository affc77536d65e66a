"""Draws from estimators of any make."""

import copy
import inspect

__all__ = ["draw_from"]

ADVICE = ": there are no draws of it. Leave it out of the `estimators` of a stack to sample that."


def draw_from(estimator, n_samples, seed):
    """Rows (n_samples, n_features) from a fitted estimator of skflow's or of another make.

    Raises
    ------
    TypeError
        If it has no ``sample``, or none for its settings.
    """
    name = type(estimator).__name__
    if not hasattr(estimator, "sample"):
        raise TypeError(f"{name} has no sample method{ADVICE}")
    try:
        draws = _draw(estimator, n_samples, seed)
    except NotImplementedError:  # KernelDensity draws from two of its six kernels
        raise TypeError(f"{name} cannot draw samples with these settings{ADVICE}") from None
    return draws[0] if isinstance(draws, tuple) else draws


def _draw(estimator, n_samples, seed):
    if "random_state" in inspect.signature(estimator.sample).parameters:
        return estimator.sample(n_samples, random_state=seed)
    # scikit-learn's GaussianMixture takes its state from its own parameter
    return copy.copy(estimator).set_params(random_state=seed).sample(n_samples)
