"""Weights on their way to estimators of any make."""

from sklearn.pipeline import Pipeline
from sklearn.utils.validation import has_fit_parameter

__all__ = ["weight_keyword"]


def weight_keyword(estimator):
    """Name of the argument that hands weights to a fit, of a pipeline to that of its last step.

    None if they are not taken.
    """
    prefix = ""
    while isinstance(estimator, Pipeline):
        name, estimator = estimator.steps[-1]
        prefix += f"{name}__"
    return f"{prefix}sample_weight" if has_fit_parameter(estimator, "sample_weight") else None
