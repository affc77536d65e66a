"""Is a flow worth it on this table? Held-out scores against the classical estimators."""

import time
from typing import Any

import numpy as np
from joblib import delayed
from sklearn.base import BaseEstimator, clone
from sklearn.utils import check_random_state

from skflow._notices import speaking_for
from skflow._random import draw_seed
from skflow._threads import one_thread
from skflow._types import RandomState, Table, Weights
from skflow._validation import check_data, check_rows, check_sample_weight
from skflow._watch import watched
from skflow.diagnostics.report._baselines import KernelBaseline, MixtureBaseline
from skflow.diagnostics.report._gains import named_pairs, rows_with_gains, verdict
from skflow.diagnostics.report._scoring import scored
from skflow.estimators import KernelFlowDensity, NSFDensity
from skflow.estimators._score_table import ScoreTable, mean_and_error
from skflow.estimators.stack._candidates import refuse_different_spaces, seeded_clones
from skflow.estimators.stack._cross_fit import was_interrupted
from skflow.estimators.stack._folds import FoldedRows, assign_folds

__all__ = ["compare_densities"]

BASELINES = ("kde", "gmm", "gaussian")


def compare_densities(
    X: Table,
    estimators: Any = None,
    *,
    cv: Any = 5,
    n_jobs: int | None = None,
    random_state: RandomState = 0,
    sample_weight: Weights = None,
    verbose: int = 0,
) -> ScoreTable:
    """Compare densities with the classical ones by their log densities of held-out rows.

    Every estimator is fitted anew for each fold, on the other folds, and scores the rows of the
    fold; ensembles too. The table says how far each is ahead of the best classical
    estimator, with the standard error of the paired difference over rows, and its ``note``
    reads it in a sentence. Print it.

    The classical ones learn, like every estimator of skflow, from standardised columns with
    repeated values spread: "kde", scikit-learn's KernelDensity with the bandwidth of the largest
    leave-one-out likelihood; "gmm", its GaussianMixture with cross-validated size, shape and
    regularisation; "gaussian", a single Gaussian with a variance of 1e-4 added to its
    standardised columns.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Finite numbers.
    estimators : None, estimator or list of (str, estimator), default=None
        Any with ``fit`` and ``score_samples``. None takes :class:`skflow.NSFDensity` and
        :class:`skflow.KernelFlowDensity`.
    cv : int or splitter, default=5
        Folds. Up to 5,000 distinct rows each row is held out once; above, two folds of a tenth
        are. Equal rows share a fold.
    n_jobs : int, default=None
        Fits side by side, each in a process with one thread.
    random_state : int, RandomState instance or None, default=0
        Of the folds, and of every estimator whose own is None.
    sample_weight : array-like of shape (n_samples,), optional
        For fitting and for the means. Rows of weight 0 are not used.
    verbose : int, default=0
        From 1 a line for each fit that was scored, as they come.

    Returns
    -------
    table : ScoreTable
        One row an estimator, the best first, with the keys ``name``; ``score``, the mean held-out
        log density in nats a row, and its standard ``error``; ``gain``, the difference to the best
        classical estimator, whose own is NaN, and its standard error ``gain_error``; and
        ``seconds``. ``table.held_out_scores[name]`` has the log density of each row. An estimator
        that fails has the score NaN, and the note says why.

    Raises
    ------
    TypeError
        For a list of estimators without names.
    ValueError
        For bad rows or weights, names that are repeated or those of the classical ones, and
        densities of different spaces.

    See Also
    --------
    skflow.plots.DensityComparisonDisplay : Draws the table.
    skflow.StackedDensity : Mixes estimators by such scores.

    Notes
    -----
    The standard errors are those of a mean over rows for the models that were fitted. Folds share
    training rows, so that another table of the same kind may differ by somewhat more.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skflow import KernelFlowDensity, compare_densities
    >>> kernels = KernelFlowDensity(preprocessing="standardize")
    >>> table = compare_densities(load_iris().data, kernels, cv=2)
    >>> sorted(row["name"] for row in table)
    ['KernelFlowDensity', 'gaussian', 'gmm', 'kde']
    >>> table["gaussian"]["gain"] < 0
    True
    """
    table = check_data(BaseEstimator(), X, reset=True)
    weight = check_sample_weight(sample_weight, table)
    check_rows(table, sample_weight=weight)
    rng = check_random_state(draw_seed(random_state))
    fold = assign_folds(table, weight, cv, rng)
    rows = FoldedRows(table, weight, fold)
    pairs = seeded_clones([*_named(estimators), *_classical()], rng)
    refuse_different_spaces(pairs)
    jobs = [(i, k) for i in range(len(pairs)) for k in range(fold.max() + 1)]
    tasks = (delayed(_score_fold)(*pairs[i], rows, k) for i, k in jobs)
    told = [f"{pairs[i][0]}, fold {k + 1} of {fold.max() + 1}" for i, k in jobs]
    with watched("compare_densities", verbose):
        found = scored(tasks, told, n_jobs)
    scores = {name: np.full(len(table), np.nan) for name, _ in pairs}
    seconds = dict.fromkeys(scores, 0.0)
    failures: dict = {}
    for (i, k), (held_out, spent, failure) in zip(jobs, found, strict=True):
        name = pairs[i][0]
        scores[name][fold == k] = held_out
        seconds[name] += spent
        if failure:
            failures.setdefault(name, failure)
    return _table(scores, seconds, failures, fold >= 0, weight)


def _named(estimators):
    if estimators is None:
        estimators = [("flow", NSFDensity()), ("kernel_flow", KernelFlowDensity())]
    return named_pairs(estimators, BASELINES)


def _classical():
    baselines = (KernelBaseline(), MixtureBaseline(), MixtureBaseline(n_components=1))
    return list(zip(BASELINES, baselines, strict=True))


def _score_fold(name, estimator, rows, k):
    """Scores of the fold's rows by a fit to the others, seconds, and what went wrong."""
    start, failure = time.perf_counter(), ""
    try:
        with one_thread(), speaking_for(name):
            model = rows.fit_without(clone(estimator), k)
            if was_interrupted(model):
                raise KeyboardInterrupt
            scores = rows.score(model, k)
    except Exception as error:  # noqa: BLE001, whatever one estimator does, the others go on
        scores, failure = np.nan, f"{type(error).__name__}: {error}"
    return scores, time.perf_counter() - start, failure


def _table(scores, seconds, failures, held, weight):
    share = None if weight is None else weight[held]
    of_held = {name: values[held] for name, values in scores.items()}
    others = {name: {"seconds": seconds[name]} for name in scores}
    rows, best = rows_with_gains(of_held, BASELINES, share, others)
    against_gaussian = {
        name: mean_and_error(values - of_held["gaussian"], share)
        for name, values in of_held.items()
        if name != "gaussian"
    }
    return ScoreTable(rows, _reading(rows, best, against_gaussian, failures), scores)


def _reading(rows, best, against_gaussian, failures):
    """Say in plain words what the table shows."""
    first = next(row for row in rows if row["name"] not in BASELINES)
    text = verdict(first, f"the best classical estimator ({best})")
    clear = any(gain > 2 * error for gain, error in against_gaussian.values())
    if np.isfinite(first["gain"]) and not clear:
        text = "Nothing is clearly better than a single Gaussian on this table."
    told = (f"{name} failed: {failure}." for name, failure in failures.items())
    return " ".join([text, *told])
