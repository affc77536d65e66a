"""Bayes' rule over class densities, with the manners of scikit-learn's classifiers."""

from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, _fit_context
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length, column_or_1d

from skflow._clock import time_limit
from skflow._input import refuse_lazy, refuse_masked
from skflow._persistence import SaveMixin
from skflow._random import draw_seed
from skflow._validation import check_data, check_rows, check_sample_weight
from skflow.estimators._contract import anew
from skflow.estimators.classifier._answers import PredictsClasses
from skflow.estimators.classifier._learning import learn
from skflow.sources._whole import whole_table

__all__ = ["FlowClassifier"]


@dataclass(kw_only=True, eq=False, repr=False)
class FlowClassifier(SaveMixin, PredictsClasses, ClassifierMixin, BaseEstimator):
    r"""TODO."""

    density: Any = "auto"
    priors: Any = None
    calibrate: bool = True
    support: Any = None
    resolution: Any = None
    cv: Any = 5
    max_seconds: float | None = None
    n_jobs: int | None = None
    random_state: Any = None
    verbose: int = 0

    _parameter_constraints: ClassVar[dict] = {
        "density": [StrOptions({"auto"}), HasMethods(["fit", "score_samples"])],
        "priors": [None, "array-like"],
        "calibrate": ["boolean"],
        "support": [None, dict],
        "resolution": [None, dict],
        "cv": [Interval(Integral, 2, None, closed="left"), HasMethods("split"), list],
        "max_seconds": [None, Interval(Real, 0, None, closed="neither")],
        "n_jobs": [None, Integral],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, sample_weight=None):
        """Learn the density of each class, and how much to trust it.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Finite numbers, at least two rows. Files, queries and blocks are read as by
            :meth:`NSFDensity.fit`, if they fit in memory.
        y : array-like of shape (n_samples,)
            Labels, of one class or several; a class may have a single row.
        sample_weight : array-like of shape (n_samples,), optional
            Non-negative; only ratios matter. Weight 0 leaves a row out, and a class of which no
            row is left.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            For bad input; for priors that are no probabilities, one for each class; for a density
            that declares what the classifier prepares; the message says how.
        """
        with anew(self) as draft, time_limit(self.max_seconds):
            draft._learn(X, y, sample_weight)
        return self

    def _learn(self, X, y, sample_weight):
        if y is None:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is None."
            )
        rows = check_data(self, whole_table(X, self), reset=True)
        y = _labels(whole_table(y, self, "y"), rows)
        weight = check_sample_weight(sample_weight, rows)
        check_rows(rows, sample_weight=weight)
        used = np.ones(len(rows), dtype=bool) if weight is None else weight > 0
        self.classes_, code = np.unique(y[used], return_inverse=True)
        weight = np.ones(len(code)) if weight is None else weight[used] / weight[used].mean()
        self.shares_ = np.bincount(code, weight) / weight.sum()
        self.priors_ = _priors(self.priors, self.classes_, self.shares_)
        rng = check_random_state(draw_seed(self.random_state))
        learn(self, rows[used], code, weight, rng)
        for name in ("fold_", "held_out_scores_", "held_out_proba_"):
            setattr(self, name, _for_all(getattr(self, name), used))


def _labels(y, rows):
    """Labels (n,) of the rows, checked."""
    refuse_lazy(y, "y")
    y = refuse_masked(y, "y", "A classifier learns from known labels: leave these rows out.")
    y = column_or_1d(y, warn=True)
    check_consistent_length(rows, y)
    check_classification_targets(y)
    return y


def _priors(priors, classes, shares):
    """Probabilities (n_classes,) of the classes before a row is seen."""
    if priors is None:
        return shares
    given = np.asarray(priors, dtype=np.float64)
    if given.shape != classes.shape or not (given >= 0).all() or not np.isclose(given.sum(), 1):
        raise ValueError(
            f"priors must be {len(classes)} probabilities with sum 1, in the order of the sorted "
            f"classes {classes.tolist()}; got {priors!r}."
        )
    return given / given.sum()


def _for_all(values, used):
    """Values of the rows that were used, with -1 or NaN for those of weight 0."""
    if used.all():
        return values
    whole = np.full((len(used), *values.shape[1:]), -1 if values.dtype.kind == "i" else np.nan)
    whole = whole.astype(values.dtype)
    whole[used] = values
    return whole
