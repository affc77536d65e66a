"""Predictions of regressors as columns: out of fold for the rows of a fit, so that none leak."""

from dataclasses import dataclass
from itertools import product

import numpy as np
from sklearn.base import clone
from sklearn.ensemble import (
    ExtraTreesRegressor,
    GradientBoostingRegressor,
    HistGradientBoostingRegressor,
)
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skflow._containers import rows_at
from skflow._persistence import stored
from skflow._side_by_side import side_by_side
from skflow.estimators._weights import weight_keyword

__all__ = ["RegressorFeature", "cross_fitted", "default_regressors"]

LONG = 3_000  # rows from which on histograms boost faster, and fewer trees do
N_LANDMARKS = 500
PENALTIES = np.logspace(-10, 2, 13)


def default_regressors(n_rows, n_columns):
    """Boosted trees, extra trees and kernel ridge regression, by name, for numbers."""
    if n_rows < LONG:
        boosted = GradientBoostingRegressor(
            n_estimators=600, learning_rate=0.05, max_depth=4, subsample=0.5, max_features=0.5
        )
    else:
        boosted = HistGradientBoostingRegressor(
            max_iter=400, learning_rate=0.05, min_samples_leaf=5, early_stopping=False
        )
    smooth = make_pipeline(
        StandardScaler(),
        Nystroem(gamma=0.2 / n_columns, n_components=min(N_LANDMARKS, n_rows // 2)),
        RidgeCV(PENALTIES),
    )
    trees = ExtraTreesRegressor(300 if n_rows < LONG else 100)
    return [("boosted trees", boosted), ("extra trees", trees), ("kernel ridge", smooth)]


@stored
@dataclass
class RegressorFeature:
    """What one regressor adds to the columns of X.

    Attributes
    ----------
    name : str
    models : list of lists
        Of each column of y, the regressors that were fitted without one fold or another.
    out_of_fold : ndarray of shape (n_samples, k)
        Of the rows of the fit.
    """

    name: str
    models: list
    out_of_fold: np.ndarray

    def predict(self, X):
        """Means of the models' predictions, (n, k), for rows that none has seen."""
        each = [[_column(model.predict(X)) for model in models] for models in self.models]
        return np.mean(each, axis=1).T


def cross_fitted(name, regressor, X, y, weight, deals, *, n_jobs=None, kept=None):
    """Fit clones of a regressor without one fold each.

    Rows that are new get the mean of many models, which errs less than any. So that those of the
    fit are not much worse off, folds are dealt several times, and each row has a mean of as many.

    Parameters
    ----------
    name : str
    regressor : estimator
    X : ndarray or data frame of n rows
    y : ndarray of shape (n, k)
    weight : ndarray of shape (n,) or None
        Passed on to regressors that take weights.
    deals : list of ndarray of shape (n,)
        The fold of each row, from 0, as they were dealt each time.
    n_jobs : int or None
    kept : callable, optional
        From a fitted regressor to what is kept of it, with a ``predict``.

    Returns
    -------
    feature : RegressorFeature
    """
    held_out = [np.flatnonzero(fold == k) for fold in deals for k in range(int(fold.max()) + 1)]
    columns = range(y.shape[1])
    keyword = None if weight is None else weight_keyword(regressor)
    tasks = list(product(held_out, columns))

    def fit(task):
        held, j = task
        rows = np.delete(np.arange(len(y)), held)
        given = {} if keyword is None else {keyword: weight[rows]}
        model = clone(regressor).fit(rows_at(X, rows), y[rows, j], **given)
        model = model if kept is None else kept(model)
        return model, _column(model.predict(rows_at(X, held)))

    fitted = side_by_side(fit, tasks, n_jobs)
    out_of_fold = np.zeros(y.shape)
    for (held, j), (_, predictions) in zip(tasks, fitted, strict=True):
        out_of_fold[held, j] += predictions / len(deals)
    models = [model for model, _ in fitted]
    return RegressorFeature(name, [models[j :: len(columns)] for j in columns], out_of_fold)


def _column(predictions):
    return np.asarray(predictions, dtype=np.float64).reshape(len(predictions))
