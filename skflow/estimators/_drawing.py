"""Draws from estimators of any make."""

import copy
import inspect

__all__ = ["draw_from"]


def draw_from(estimator, n_samples, seed):
    """Rows (n_samples, n_features) from a fitted estimator of skflow's or of another make.

    Raises
    ------
    TypeError
        If it has no ``sample``.
    """
    if not hasattr(estimator, "sample"):
        raise TypeError(
            f"{type(estimator).__name__} has no sample method. Leave it out of the `estimators` "
            "of a stack to sample."
        )
    if "random_state" in inspect.signature(estimator.sample).parameters:
        draws = estimator.sample(n_samples, random_state=seed)
    else:  # scikit-learn's GaussianMixture takes its state from its own parameter
        draws = copy.copy(estimator).set_params(random_state=seed).sample(n_samples)
    return draws[0] if isinstance(draws, tuple) else draws
