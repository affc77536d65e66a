"""Numbers of a model card: of rows that the fit held out, and of those that are passed."""

from functools import singledispatch

import numpy as np

from skflow._model_card import CardScore
from skflow.diagnostics.card._facts import n_context_of
from skflow.diagnostics.report._diagnose import diagnose
from skflow.diagnostics.report._evidence import MIN_ROWS
from skflow.diagnostics.report._posterior import check_posterior
from skflow.estimators import (
    FlowClassifier,
    FlowOutlierDetector,
    FlowRegressor,
    FlowSampler,
    FlowVariationalApproximator,
    SimulationPosterior,
    TableDensity,
)
from skflow.metrics._losses import check_targets

__all__ = ["held_out_scores_of", "measured"]

NATS = "log density, nats a row"
OF_HELD_OUT: dict[type, str] = {
    FlowRegressor: "log density of y, nats a row",
    FlowClassifier: "log density in the own class, nats a row",
    FlowOutlierDetector: "score of a row",
    SimulationPosterior: "log density of the parameters, nats",
}
OF_FUNCTIONS = FlowVariationalApproximator, FlowSampler
COVERAGE = 0.9
TOO_FEW = f"{{}} rows are too few for checks: pass {MIN_ROWS} or more to model_card."
UNSEEN = "Nothing was checked on rows that the fit has not seen: pass some to model_card."


def held_out_scores_of(estimator):
    """Return the scores that a fit leaves: of held-out rows, and of evidence."""
    held = vars(estimator)
    scores, name = held.get("held_out_scores_"), OF_HELD_OUT.get(type(estimator), NATS)
    if isinstance(scores, dict):
        where = "held-out simulations"
        return [CardScore(f"{name} ({k})", v, np.nan, where) for k, v in scores.items()]
    if scores is not None:
        known = np.asarray(scores)[~np.isnan(scores)]
        return [_mean(name, known, "held out in the fit")] if len(known) else []
    if "log_evidence_" in held:
        value, error = held["log_evidence_"], held["log_evidence_se_"]
        return [CardScore("log evidence", float(value), float(error), "the draws of the fit")]
    return []


def measured(estimator, X, y, context):
    """Return scores of rows, what checks say of them, and what to say where none were made."""
    if X is None:
        if y is not None or context is not None:
            raise ValueError("y and context are of rows X: pass X, too.")
        return [], None, "" if isinstance(estimator, OF_FUNCTIONS) else UNSEEN
    return _measured(estimator, X, y, context)


def _mean(name, values, rows):
    error = values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
    where = f"{len(values):,} rows {rows}"
    return CardScore(name, float(values.mean()), float(error), where)


def _given(name, values, error=np.nan):
    """Return the score of rows that were passed: a mean of values, or a number with its error."""
    if isinstance(values, np.ndarray):
        return _mean(name, values, "that were passed")
    return CardScore(name, float(values), float(error), "the rows that were passed")


def _without(estimator, **others):
    for name, value in others.items():
        if value is not None:
            what = type(estimator).__name__
            raise ValueError(f"a card of a {what} takes no {name}: leave it out.")


def _with_y(estimator, y):
    if y is None:
        raise ValueError(
            f"a card of a {type(estimator).__name__} measures X with y: model_card(X, y)."
        )


@singledispatch
def _measured(estimator, X, y, context):
    _without(estimator, y=y)
    told = () if context is None else (context,)
    scores = [_given(NATS, estimator.score_samples(X, *told))]
    if n_context_of(estimator):
        return scores, None, "The checks of diagnose are of densities that are given nothing."
    if len(X) < MIN_ROWS:
        return scores, None, TOO_FEW.format(len(X))
    return scores, diagnose(estimator, X, try_remedies=False, verbose=False), ""


@_measured.register(FlowVariationalApproximator)
@_measured.register(FlowSampler)
def _(estimator, X, y, context):
    raise ValueError(
        f"a {type(estimator).__name__} is fitted to a log density, and its verdict_ is of that: "
        "model_card takes no rows of it."
    )


@_measured.register(TableDensity)
def _(estimator, X, y, context):
    _without(estimator, y=y, context=context)
    scores = [_given(NATS, estimator.score_samples(X))]
    return scores, None, "The checks of diagnose are of rows of numbers, not of frames."


@_measured.register(FlowOutlierDetector)
def _(estimator, X, y, context):
    _without(estimator, y=y, context=context)
    flagged = estimator.predict(X) == -1
    scores = [
        _given(OF_HELD_OUT[FlowOutlierDetector], estimator.score_samples(X)),
        _given("share that is flagged", flagged.astype(float)),
    ]
    return scores, None, "Which of the rows are outliers is not known to the card."


@_measured.register(FlowRegressor)
def _(estimator, X, y, context):
    _without(estimator, context=context)
    _with_y(estimator, y)
    log_density, target = estimator.log_density(X, y), check_targets(y, "y")
    ends = estimator.predict_interval(X, COVERAGE).reshape(*target.shape, 2)
    inside = (ends[..., 0] <= target) & (target <= ends[..., 1])
    error = estimator.predict(X).reshape(target.shape) - target
    scores = [
        _given(OF_HELD_OUT[FlowRegressor], log_density),
        _given("root mean squared error", np.sqrt((error**2).mean())),
        _given(f"share in intervals of {COVERAGE:.0%}", inside.mean(axis=1)),
    ]
    return scores, None, ""


@_measured.register(FlowClassifier)
def _(estimator, X, y, context):
    _without(estimator, context=context)
    _with_y(estimator, y)
    labels, probabilities = np.ravel(y), estimator.predict_proba(X)
    own = probabilities[labels[:, None] == estimator.classes_]
    if len(own) < len(labels):
        raise ValueError("y holds classes that the fit has not seen: leave these rows out.")
    right = estimator.predict(X) == labels
    with np.errstate(divide="ignore"):
        surprise = np.log(own)
    scores = [
        _given("share that is classified right", right.astype(float)),
        _given("log probability of the right class, nats", surprise),
        _given("log density of a row, nats", estimator.score_samples(X)),
    ]
    return scores, None, ""


@_measured.register(SimulationPosterior)
def _(estimator, X, y, context):
    _without(estimator, context=context)
    _with_y(estimator, y)
    scores = [_given(OF_HELD_OUT[SimulationPosterior], estimator.score_samples(X, y))]
    if len(X) < MIN_ROWS:
        return scores, None, TOO_FEW.format(len(X))
    return scores, check_posterior(estimator, X, y, verbose=False), ""
