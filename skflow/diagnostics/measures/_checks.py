"""What goes into a diagnostic: a density, two tables of the same columns, names of these."""

import numpy as np
from sklearn.utils.validation import check_array, check_is_fitted

__all__ = ["check_names", "check_tables", "check_whole_density"]


def check_whole_density(estimator):
    """Raise an error for what is not fitted, and for a density that is given a context."""
    check_is_fitted(estimator)
    n_context = getattr(estimator, "n_context_", 0)
    if n_context:
        raise ValueError(
            f"{type(estimator).__name__} was fitted with a context of {n_context} columns, and "
            "this looks at densities of whole rows. Held-out scores of such a fit are its "
            "held_out_scores_; skflow.testing.check_conditional_density checks an estimator."
        )


def check_tables(samples, X, min_rows=1):
    """Return draws and rows as float64 arrays of the same columns."""
    samples, X = (
        check_array(table, dtype=np.float64, ensure_min_samples=min_rows, input_name=name)
        for table, name in ((samples, "samples"), (X, "X"))
    )
    if samples.shape[1] != X.shape[1]:
        raise ValueError(f"expected {X.shape[1]} columns of samples, got {samples.shape[1]}")
    return samples, X


def check_names(feature_names, n_features):
    """Return names of columns for a reading, as strings; by default their numbers."""
    names = [str(name) for name in (range(n_features) if feature_names is None else feature_names)]
    if len(names) != n_features:
        raise ValueError(f"expected {n_features} feature_names, got {len(names)}")
    return names
