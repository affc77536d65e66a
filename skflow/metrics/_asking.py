"""Ask a regressor for a distribution through what wraps it: pipelines, searches, transformers."""

from sklearn.compose import TransformedTargetRegressor
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from skflow.metrics._undoing import TargetTransform

__all__ = ["ask"]


def ask(estimator, question, X, **given):
    """Call a method of the regressor within, with X as its own steps before would pass it.

    Parameters
    ----------
    estimator : fitted regressor
        With the method; or a pipeline that ends in one, a fitted search, or scikit-learn's
        TransformedTargetRegressor or FrozenEstimator around one, in any order.
    question : {"cdf", "log_density", "predict_interval", "predict_quantiles", "sample"}
    X : array-like of shape (n_samples, n_features)
    **given : dict
        The other arguments of the method.

    Returns
    -------
    answer : ndarray
        In the units of y.

    Raises
    ------
    TypeError
        If what is innermost has no such method.
    ValueError
        If a transformer of y cannot be undone.
    """
    check_is_fitted(estimator)
    if hasattr(estimator, question):
        return getattr(estimator, question)(X, **given)
    if isinstance(estimator, FrozenEstimator):
        return ask(estimator.estimator, question, X, **given)
    if hasattr(estimator, "best_estimator_"):
        return ask(estimator.best_estimator_, question, X, **given)
    if isinstance(estimator, Pipeline):
        *steps, last = [step for _, step in estimator.steps if step not in (None, "passthrough")]
        for step in steps:
            X = step.transform(X)
        return ask(last, question, X, **given)
    if isinstance(estimator, TransformedTargetRegressor):
        return _ask_transformed(estimator, question, X, **given)
    raise TypeError(
        f"a regressor with `{question}` is needed; {type(estimator).__name__} has none. Take one "
        "that predicts a density, such as FlowRegressor, alone or as the last step of a pipeline."
    )


def _ask_transformed(estimator, question, X, **given):
    """Answer in the units of y what the regressor within answers in those of t = T(y)."""
    transform = TargetTransform(estimator.transformer_)
    inner = estimator.regressor_
    if question == "log_density":
        t = transform.forward(given["y"])
        found = ask(inner, question, X, y=_as_trained(t))
        return found - transform.log_volume(given["y"], t)
    if question == "cdf":
        t = transform.forward(given["y"])
        found = ask(inner, question, X, y=_as_trained(t)).reshape(t.shape)
        return _as_trained(transform.flip_where_falling(found, t))
    if question == "sample":
        return transform.undo_draws(ask(inner, question, X, **given))
    if question == "predict_interval":
        return transform.undo_intervals(ask(inner, question, X, **given))
    return transform.undo_quantiles(
        lambda levels: ask(inner, question, X, quantiles=levels), **given
    )


def _as_trained(values):
    """Drop the axis of a single column, as TransformedTargetRegressor does."""
    return values[:, 0] if values.shape[1] == 1 else values
