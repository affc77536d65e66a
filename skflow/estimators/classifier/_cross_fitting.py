"""Class densities fitted to all rows and without each fold, which score what they held out."""

import copy
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from skflow._clock import left_out, time_is_up
from skflow._notices import warn
from skflow._side_by_side import side_by_side
from skflow._threads import one_thread
from skflow._watch import tell
from skflow.estimators.stack._folds import MAX_ROWS_HELD_OUT_ALL
from skflow.exceptions import ConvergenceWarning, TrainingDivergedError

__all__ = ["FittedDensities", "cross_fitted_classes", "fit_candidates", "folds_by_class"]

SHARE = 0.5  # of a limited time, after which nothing slow begins


@dataclass
class FittedDensities:
    """A candidate that was fitted.

    Attributes
    ----------
    name : str
    view : str
    model : object
        Fitted to all rows, or the ensemble of those below.
    fold_models : list
        Those that did not see fold 0, 1, ...
    held_out : ndarray of shape (n, n_classes)
        Log densities on the view of each row by the model that did not see it, NaN for rows of no
        fold.
    seconds : float
    """

    name: str
    view: str
    model: Any
    fold_models: list
    held_out: np.ndarray
    seconds: float


def folds_by_class(X, code, cv, rng, used):
    """Fold (n,) that holds each row out, -1 for none; each class is dealt out by itself.

    Rows of a class of which a fold would hold all are in none: every model knows every class.

    Parameters
    ----------
    X : ndarray of shape (n, d)
    code : ndarray of shape (n,)
    cv : int, splitter or list of (train, test)
        The last numbers the rows of the table.
    rng : numpy.random.Generator
    used : ndarray of shape (n_samples,)
        Which rows of the table these are, bool.
    """
    fold = np.full(len(X), -1)
    if isinstance(cv, list):
        whole = np.full(len(used), -1)
        for k, (_, test) in enumerate(cv):
            whole[test] = k
        fold = whole[used]
    elif hasattr(cv, "split"):
        for k, (_, test) in enumerate(cv.split(X, code)):
            fold[test] = k
    else:
        few = len(X) <= MAX_ROWS_HELD_OUT_ALL
        n_folds, n_held = (cv, cv) if few else (max(cv, 10), 2)
        order = rng.permutation(len(X))
        place = np.arange(len(X)) % n_folds
        fold[order[np.argsort(code[order], kind="stable")]] = np.where(place < n_held, place, -1)
    for c in range(code.max() + 1):
        own = fold[code == c]
        if own.min() == own.max():
            fold[code == c] = -1
    left = np.unique(fold[fold >= 0])
    return np.where(fold >= 0, np.searchsorted(left, fold), -1)


def cross_fitted_classes(candidate, rows, fold, seed, n_jobs=None):
    """Fit a Candidate to LabelledRows as FittedDensities."""
    start = time.perf_counter()
    n_folds = int(fold.max()) + 1
    held_out = np.full((len(rows), rows.n_classes), np.nan)
    kind = candidate.kind
    if n_folds and getattr(kind, "members", False):
        model = copy.copy(kind)
        fold_models = model.fit_members(rows, fold)
    else:
        # no row is in the last of these folds
        *fold_models, model = side_by_side(
            lambda k: _fitted(kind, rows.some(fold != k), seed), range(n_folds + 1), n_jobs
        )
    with one_thread():
        for k, fold_model in enumerate(fold_models):
            held_out[fold == k] = fold_model.log_density(rows.z[fold == k])
    spent = time.perf_counter() - start
    return FittedDensities(candidate.name, candidate.view, model, fold_models, held_out, spent)


def fit_candidates(fit, candidates, needed):
    """Fit candidates for as long as there is time; warn of those that diverge.

    ``needed`` says that there is nothing else, so that the error is raised.
    """
    fitted = []
    for candidate in candidates:
        if fitted and candidate.slow and time_is_up(SHARE):
            left_out(f"the density {candidate.name}")
            continue
        try:
            fitted.append(fit(candidate))
        except TrainingDivergedError as error:
            if needed:
                raise
            warn(f"Left out: the density {candidate.name}: {error}", ConvergenceWarning)
            continue
        tell(f"{candidate.name}: fitted in {fitted[-1].seconds:.1f} s")
    return fitted


def _fitted(kind, rows, seed):
    with one_thread():
        return copy.copy(kind).fit(rows, np.random.default_rng(seed))
