"""Is a conditional density worth it? Held-out scores against what is usually done."""

import time
from importlib.util import find_spec
from typing import Any

import numpy as np
from joblib import delayed
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_consistent_length

from skflow._containers import as_table, rows_at
from skflow._input import names_of
from skflow._notices import speaking_for
from skflow._random import draw_seed
from skflow._threads import one_thread
from skflow._types import RandomState, Table, Weights
from skflow._validation import check_rows, check_sample_weight
from skflow._watch import watched
from skflow.diagnostics.report._gains import named_pairs, rows_with_gains, verdict
from skflow.diagnostics.report._peers import (
    GaussianResiduals,
    QuantileBoosting,
    QuantileForest,
    weights_for,
)
from skflow.diagnostics.report._scoring import scored
from skflow.estimators._score_table import ScoreTable
from skflow.estimators.stack._candidates import seeded_clones
from skflow.estimators.stack._cross_fit import was_interrupted
from skflow.estimators.stack._folds import assign_folds
from skflow.metrics._asking import ask
from skflow.metrics._losses import check_targets, crps_of_rows

__all__ = ["compare_regressors"]

COVERAGE = 0.9
N_DRAWS = 200  # of a row, for its CRPS


def compare_regressors(
    X: Table,
    y: Table,
    estimators: Any,
    *,
    point_regressors: Any = None,
    cv: Any = 5,
    n_jobs: int | None = None,
    random_state: RandomState = 0,
    sample_weight: Weights = None,
    verbose: int = 0,
) -> ScoreTable:
    """Compare regressors that predict densities with the usual ones, on held-out rows.

    Every estimator is fitted anew for each fold, on the other folds, and scored on the rows of the
    fold. The table says how far the log density of each is ahead of the best peer's, with the
    standard error of the paired difference over rows, and its ``note`` reads it in a sentence.
    Print it.

    The peers are what is usually done: each of the ``point_regressors`` with normal residuals of
    one standard deviation, that of its out-of-fold residuals (a covariance for several columns of
    y); "quantile_boosting", scikit-learn's HistGradientBoostingRegressor at nine quantiles from
    3 % to 97 %; and "quantile_forest", if the package quantile_forest is installed. Quantiles make
    a density that is constant between neighbours and falls exponentially beyond the outer ones.
    At their word they would be far too sure of themselves, so that the share of rows below each,
    the scale of the tails and the least width of a piece are what fits out-of-fold rows of the
    training rows best. They take one column of y.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Whatever the estimators take; an estimator that does not take it fails alone.
    y : array-like of shape (n_samples,) or (n_samples, n_targets)
        Finite numbers.
    estimators : estimator or list of (str, estimator)
        With ``fit``, ``predict``, ``log_density``, ``predict_interval`` and ``sample``; pipelines,
        searches and ``TransformedTargetRegressor`` around such a one as well.
    point_regressors : list of (str, regressor), default=None
        None takes "ridge", scikit-learn's RidgeCV of standardised columns, and "boosting", its
        HistGradientBoostingRegressor.
    cv : int or splitter, default=5
        Folds. Up to 5,000 distinct rows each row is held out once; above, two folds of a tenth
        are. Rows equal in X and y share a fold.
    n_jobs : int, default=None
        Fits side by side, each in a process with one thread of torch.
    random_state : int, RandomState instance or None, default=0
        Of the folds, of draws, and of every estimator whose own is None.
    sample_weight : array-like of shape (n_samples,), optional
        For fitting and for the means. Rows of weight 0 are not used.
    verbose : int, default=0
        From 1 a line for each fit that was scored, as they come.

    Returns
    -------
    table : ScoreTable
        One row an estimator, the best first, with the keys ``name``; ``score``, the mean held-out
        log density in nats a row, and its standard ``error``; ``gain``, the difference to the best
        peer, whose own is NaN, and its standard error ``gain_error``; ``crps`` of 200 draws a row;
        ``rmse`` of ``predict``; ``coverage``, the share of the rows in central intervals of 90 %
        (these three are means over columns of y); and ``seconds``. An estimator that fails has
        the score NaN, and the note says why. ``table.held_out_scores[name]`` has the log density
        of each row.

    Raises
    ------
    TypeError
        For a list of estimators without names.
    ValueError
        For tables of different lengths, bad y or weights, and names that are repeated or those of
        peers.

    See Also
    --------
    FlowRegressor : A regressor that predicts a density.
    compare_densities : The same for densities of whole rows.
    skflow.metrics.get_scorer : The same scores for searches.

    Notes
    -----
    The standard errors are those of a mean over rows for the models that were fitted. Folds share
    training rows, so that another table of the same kind may differ by somewhat more.

    Quantile boosting takes most of the time of the peers: 36 fits for each fold.

    Examples
    --------
    A density that learns how the noise grows, and peers that do not:

    >>> import numpy as np
    >>> from skflow import FlowRegressor, MixtureFlowDensity, compare_regressors
    >>> rng = np.random.default_rng(0)
    >>> X = rng.uniform(0.1, 2, size=(200, 1))
    >>> y = 3 * X[:, 0] + X[:, 0] * rng.normal(size=200)
    >>> density = MixtureFlowDensity(n_components=4)  # quick, unlike the default
    >>> model = FlowRegressor(features=[], density=density)
    >>> table = compare_regressors(X, y, model, cv=2)
    >>> [row["name"] for row in table][0]
    'FlowRegressor'
    >>> bool(table["FlowRegressor"]["gain"] > 0)
    True
    """
    X = as_table(X)
    check_consistent_length(X, y)
    values = check_targets(y, "y")
    weight = check_sample_weight(sample_weight, values)
    check_rows(values, sample_weight=weight)
    y = values[:, 0] if values.shape[1] == 1 else values
    peers, missing = _peers(point_regressors, values.shape[1])
    pairs = named_pairs(estimators, [name for name, _ in peers])
    rng = check_random_state(draw_seed(random_state))
    fold = assign_folds(np.column_stack([_numbers(X), values]), weight, cv, rng)
    pairs, seed = seeded_clones([*pairs, *peers], rng), draw_seed(rng)
    jobs = [(name, estimator, k) for name, estimator in pairs for k in range(fold.max() + 1)]
    tasks = (
        delayed(_score_fold)(name, estimator, X, y, weight, fold, k, seed)
        for name, estimator, k in jobs
    )
    told = [f"{name}, fold {k + 1} of {fold.max() + 1}" for name, _, k in jobs]
    with watched("compare_regressors", verbose):
        found = scored(tasks, told, n_jobs)
    results = {name: HeldOut(values.shape) for name, _ in pairs}
    for (name, _, k), scores in zip(jobs, found, strict=True):
        results[name].take(fold == k, *scores)
    return _table(results, [name for name, _ in peers], fold >= 0, weight, missing)


class HeldOut:
    """What is known of the held-out rows of one estimator: one fold after the other."""

    def __init__(self, shape):
        self.log_density = np.full(shape[0], np.nan)
        self.measures = np.full((3, *shape), np.nan)  # CRPS, squared error, in the interval
        self.seconds, self.failure = 0.0, ""

    def take(self, rows, log_density, measures, seconds, failure):
        """Add the rows of a fold."""
        self.log_density[rows], self.measures[:, rows] = log_density, measures
        self.seconds += seconds
        self.failure = self.failure or failure

    def summary(self, held, weight):
        """Return the columns of a table that follow the gains: means over rows, then columns."""
        crps, square, inside = np.average(self.measures[:, held], axis=1, weights=weight)
        means = {"crps": crps, "rmse": np.sqrt(square), "coverage": inside}
        return {name: float(m.mean()) for name, m in means.items()} | {"seconds": self.seconds}


def _peers(point_regressors, n_targets):
    """Pairs (name, peer), and what is to be said of those that are not there."""
    if point_regressors is None:
        ridge = make_pipeline(StandardScaler(), RidgeCV(alphas=np.logspace(-3, 3, 13)))
        point_regressors = [("ridge", ridge)]
        if n_targets == 1:  # boosting predicts one column
            point_regressors.append(("boosting", HistGradientBoostingRegressor()))
    peers = [(name, GaussianResiduals(regressor)) for name, regressor in point_regressors]
    if n_targets > 1:
        return peers, "Quantile peers take one column of y and were left out."
    peers.append(("quantile_boosting", QuantileBoosting()))
    if find_spec("quantile_forest") is None:
        return peers, "No quantile forest: the package quantile_forest is not installed."
    return [*peers, ("quantile_forest", QuantileForest())], ""


def _numbers(X):
    """Columns of X as numbers (n, d), equal where values are equal."""
    names = names_of(X)
    columns = np.asarray(X).T if names is None else [X[name] for name in names]
    if names is None and np.ndim(columns) != 2:
        raise ValueError(f"X must be a table of rows and columns, got shape {np.shape(X)}.")
    numbers = []
    for column in map(np.asarray, columns):
        try:
            numbers.append(column.astype(np.float64))
        except (TypeError, ValueError):
            numbers.append(np.unique(column.astype(str), return_inverse=True)[1])
    return np.column_stack(numbers)


def _score_fold(name, estimator, X, y, weight, fold, k, seed):
    """Scores of the fold's rows by a fit to the others, seconds, and what went wrong."""
    start, failure = time.perf_counter(), ""
    seen = fold != k if weight is None else (fold != k) & (weight > 0)
    try:
        with one_thread(), speaking_for(name):
            model = clone(estimator)
            given = weights_for(model, None if weight is None else weight[seen])
            model.fit(rows_at(X, np.flatnonzero(seen)), y[seen], **given)
            if was_interrupted(model):
                raise KeyboardInterrupt
            held = np.flatnonzero(fold == k)
            scores = _score_rows(model, rows_at(X, held), y[held], seed)
    except Exception as error:  # noqa: BLE001, whatever one estimator does, the others go on
        scores, failure = (np.nan, np.nan), f"{type(error).__name__}: {error}"
    return *scores, time.perf_counter() - start, failure


def _score_rows(model, X, y, seed):
    """Log densities (n,), and CRPS, squared errors and whether intervals hold (3, n, k)."""
    columns = y.reshape(len(y), -1)
    log_density = np.asarray(ask(model, "log_density", X, y=y))
    draws = np.asarray(ask(model, "sample", X, n_samples=N_DRAWS, random_state=seed))
    crps = crps_of_rows(columns, draws.reshape(len(y), N_DRAWS, -1))
    square = (model.predict(X).reshape(columns.shape) - columns) ** 2
    ends = np.asarray(ask(model, "predict_interval", X, coverage=COVERAGE))
    low, high = np.moveaxis(ends.reshape(*columns.shape, 2), -1, 0)
    return log_density, np.stack([crps, square, (low <= columns) & (columns <= high)])


def _table(results, peers, held, weight, missing):
    share = None if weight is None else weight[held]
    scores = {name: result.log_density for name, result in results.items()}
    others = {name: result.summary(held, share) for name, result in results.items()}
    of_held = {name: values[held] for name, values in scores.items()}
    rows, best = rows_with_gains(of_held, peers, share, others)
    first = next(row for row in rows if row["name"] not in peers)
    told = [f"{name} failed: {r.failure}." for name, r in results.items() if r.failure]
    note = " ".join([verdict(first, f"the best peer ({best})"), *told, missing]).strip()
    return ScoreTable(rows, note, scores)
