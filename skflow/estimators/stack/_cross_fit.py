"""Cross-fitting of one candidate: any density estimator, scored on rows that it has not seen."""

import time
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from sklearn.base import clone

from skflow._callbacks import subtask
from skflow._clock import noting, time_limit
from skflow._notices import speaking_for, warn
from skflow._threads import one_thread
from skflow.estimators._score_table import score_row
from skflow.estimators._trained import BaseFlowDensity
from skflow.exceptions import ConvergenceWarning

__all__ = [
    "CrossFit",
    "cross_fit",
    "score_rows",
    "was_interrupted",
    "without_failures",
]


@dataclass
class CrossFit:
    """A candidate fitted on all rows (or cross-fitted), and its held-out scores.

    Attributes
    ----------
    name : str
    estimator : estimator or None
        None if the fit failed.
    fold_estimators : list of estimator
        The models that did not see fold 0, 1, ...
    held_out : ndarray of shape (n_samples,) or None
        Log density of each row by a model that did not see it; NaN where no fold holds the row.
    seconds : float
    failure : str
        What went wrong; empty if nothing did.
    stopped_by : {"interrupt", "max_seconds"} or None
        What cut it short: Ctrl-C, after which nothing more is to be fitted, or the time.
    left_out : list of str
        What it did without for want of time.
    """

    name: str
    estimator: Any = None
    fold_estimators: list = field(default_factory=list)
    held_out: np.ndarray | None = None
    seconds: float = 0.0
    failure: str = ""
    stopped_by: str | None = None
    left_out: list = field(default_factory=list)


def cross_fit(name, estimator, rows, turn, task=None, number=0):
    """Fit clones of an estimator to FoldedRows as its Turn allows, as a part of a FitTask.

    What goes wrong is in the result. A flow that Ctrl-C stopped keeps its best weights and counts
    as fitted. Where more fits would have to follow, the interrupt is raised again.
    """
    result = CrossFit(name)
    start = time.perf_counter()
    try:
        with one_thread(), speaking_for(name), noting(result.left_out):
            _fit_into(result, estimator, rows, turn, partial(subtask, task, name, number))
    except TimeoutError as error:
        result.failure, result.stopped_by = str(error), "max_seconds"
    except Exception as error:  # noqa: BLE001, whatever a candidate does, the others go on
        result.failure = f"{type(error).__name__}: {error}"
    result.seconds = time.perf_counter() - start
    return result


def _fit_into(result, estimator, rows, turn, begun):
    trained = isinstance(estimator, BaseFlowDensity)
    ensemble = trained and estimator.n_members != 1 and rows.fold.max() >= 0
    fit = _fit_members if ensemble else _fit_by_folds
    result.estimator, result.fold_estimators, result.held_out = fit(estimator, rows, turn, begun)
    if was_interrupted(result.estimator):
        result.stopped_by = "interrupt"
    elif any(_ran_out_of_time(model) for model in (result.estimator, *result.fold_estimators)):
        result.stopped_by = "max_seconds"
    held = result.held_out[rows.fold >= 0]
    if not np.isfinite(held).all():
        bad = int((~np.isfinite(held)).sum())
        result.failure = f"{bad} of {len(held)} held-out log densities are not finite"


def _ran_out_of_time(estimator):
    return getattr(estimator, "stopped_by_", None) == "max_seconds"


def _fit_members(estimator, rows, turn, begun):
    """Fit an ensemble of flows once, each member without the fold that it holds out."""
    flow = clone(estimator)
    with time_limit(turn.seconds(1, 1)), begun(flow):
        flow._fit_to_folds(rows.X, rows.weight, rows.fold, rows.context)
    models, held = flow._members(), flow.held_out_scores_
    if np.isnan(held[rows.fold >= 0]).all():  # training took all the time there was
        if not turn.needed:
            raise TimeoutError("max_seconds was over before its held-out rows were scored")
        for k, model in enumerate(models):
            held[rows.fold == k] = rows.score(model, k)
    return flow, models, held


def _fit_by_folds(estimator, rows, turn, begun):
    """Fit once without each fold, and once again to all rows."""
    n_fits = rows.fold.max() + 2
    with begun(n_tasks=n_fits) as task:
        return _fit_each(estimator, rows, turn, n_fits, task)


def _fit_each(estimator, rows, turn, n_fits, task):
    held = np.full(len(rows.X), np.nan)
    models = []
    for k in range(n_fits):  # no row is in the last of these folds
        model = clone(estimator)
        with time_limit(turn.seconds(n_fits - k, n_fits)), subtask(task, "fold", k, model):
            model = rows.fit_without(model, k)
        models.append(model)
        if k + 1 < n_fits:
            if was_interrupted(model):
                raise KeyboardInterrupt
            held[rows.fold == k] = rows.score(model, k)
    return models.pop(), models, held


def was_interrupted(estimator):
    """Whether Ctrl-C ended the training of a fitted estimator, or of one within it."""
    parts = [estimator, *estimator.get_params().values()]
    return any(getattr(part, "stopped_by_", None) == "interrupt" for part in parts)


def without_failures(results):
    """Return the candidates that were fitted, and warn of the others."""
    failures = "; ".join(f"{r.name}: {r.failure}" for r in results if r.failure)
    fitted = [r for r in results if not r.failure]
    if not fitted:
        raise ValueError(f"No estimator could be fitted. {failures}.")
    if failures:
        warn(f"Left out of the stack: {failures}.", ConvergenceWarning)
    return fitted


def score_rows(results, scores, weights, sample_weight):
    """Return a row of a ScoreTable for each candidate.

    Parameters
    ----------
    results : list of CrossFit
    scores : ndarray of shape (n_held_out, n_candidates)
    weights : ndarray of shape (n_candidates,)
        Of the mixture.
    sample_weight : ndarray of shape (n_held_out,) or None
    """
    return [
        score_row(r.name, column, sample_weight, weight=float(w), seconds=r.seconds)
        for r, column, w in zip(results, scores.T, weights, strict=True)
    ]
