"""Fits of trained flows: to a table, and to a source that does not fit in memory."""

import copy

import numpy as np

from skflow._validation import check_rows
from skflow._watch import seen_through, tell
from skflow.estimators._numbered import NumberedBlocks
from skflow.fitting._settings import members_and_share
from skflow.sources._find import source_of
from skflow.sources._kinds import BlockSource
from skflow.tables._read import read_table

__all__ = ["fit_source", "fit_table", "rows_of_rank"]

# rows that each member holds out of a long table, which tell its mean log density within 0.02
MOST_HELD_OUT = 25_000


def fit_table(estimator, X, sample_weight, context, last, resumable):
    """Fit a draft of a trained flow to a table.

    Parameters
    ----------
    estimator : BaseFlowDensity
    X, sample_weight, context
        As users pass them.
    last : dict
        Attributes of the fit that a warm start goes on with, empty if none does.
    resumable : Resumable
    """
    from skflow.fitting._fit import fit_flow

    family, rng, fold = estimator._family(), resumable.rng, resumable.fold
    rows, given, table = read_table(
        estimator, family, X, sample_weight, rng, fold=fold, context=context
    )
    seed = resumable.seed
    plan = estimator._settle(family, table, seed, last)
    n_rows = int((table.source >= 0).sum())

    def shown(fit, estimator):
        estimator._show(table.observation)
        estimator._show_fit(fit, plan, n_rows)
        return vars(estimator)

    with seen_through(lambda fit: shown(fit, copy.copy(estimator))):
        fit = fit_flow(
            estimator, table, plan, family, seed, last.get("flow_"), resumable=resumable
        )
    shown(fit, estimator)
    _tell_of(fit)
    # after a warm start a member may have trained on what it held out now
    holder = np.full_like(fit.holder, -1) if last else fit.holder
    holder = np.append(holder, -1)[table.source]  # source is -1 where the weight is 0
    estimator._show_held_out(rows, given, holder, fit)


def _tell_of(fit):
    """Say how training went, and what comes next."""
    score, stopped_by = fit.validation_score, fit.history.stopped_by
    known = "" if np.isnan(score) else f"held-out log density {score:.4g} nats a row, "
    tell(f"{known}stopped by {stopped_by}")
    tell("scoring the rows held out")


def fit_source(estimator, source, sample_weight, last, resumable):
    """Fit a draft of a trained flow to a source of rows.

    The first pass counts rows and takes a uniform sample, which stands for the table wherever a
    fit starts from data; part of it is held out. The second one writes all other rows, behind the
    preprocessing, to a shuffled file, which training reads. Where a ``distributed.Client`` is in
    use, the workers of its cluster do both with a collection of Dask, and train.

    Parameters
    ----------
    estimator : BaseFlowDensity
    source : Source
    sample_weight : str or array-like of shape (n_samples,), optional
        The name of a column, or weights in memory.
    last, resumable
        As :func:`fit_table` takes them.
    """
    from skflow.fitting._fit import fit_flow
    from skflow.scale._place import place_of

    family, blocks = estimator._family(), NumberedBlocks(estimator, source, sample_weight)
    place = place_of(blocks)
    tell("counting the rows, and taking a sample of them")
    survey = place.survey(digests=estimator.checkpoint is not None)
    rng = place.begin(resumable, survey)
    seed = resumable.seed
    table, held = _sample(estimator, family, survey, rng)
    plan = estimator._settle(family, table, seed, last, n=survey.n_rows)
    encode = None if estimator.context_ is None else estimator.context_.encode
    stream = place.supply(survey, table.observation, survey.keys[:held], encode, rng)
    numbers = table.source[:held]  # of the rows that are held out
    given = None if table.context is None else table.context[numbers]
    settings = {"stream": stream, "resumable": resumable}
    fit = fit_flow(estimator, table, plan, family, seed, last.get("flow_"), **settings)
    estimator._show(table.observation)
    estimator._show_fit(fit, plan, n_rows=stream.n_rows_seen)
    _tell_of(fit)
    holder = fit.holder[numbers] if not last else np.full(held, -1)
    estimator._show_held_out(survey.rows[:held], given, holder, fit, survey.positions[:held])


def rows_of_rank(X, fold=None):
    """Return the source of what one of several processes is given: a source, or a table."""
    if fold is not None:
        raise TypeError(
            "a stack of densities is not fitted by several processes together: fit one of its "
            "flows in data_parallel(), or the stack outside of it."
        )
    source = source_of(X)
    if source is None:
        source = BlockSource([X])
        source.what = "X"
    return source


def _sample(estimator, family, survey, rng):
    """Observe the sample of a survey; return the table of it, and how many are held out.

    Those are the first: the sample is in a random order.
    """
    check_rows(survey.rows)
    rows, weight, names = survey.rows, survey.weight, getattr(estimator, "feature_names_in_", None)
    observation = estimator._observe(rows, weight, family)
    observation.check(rows, names)
    given = estimator._read_context(survey.context, len(rows), family.takes_context)
    n_members, held = _held_out(estimator, family, survey.n_rows, len(rows))
    fold = np.full(len(rows), -1)
    fold[:held] = np.arange(held) % n_members
    table = observation.prepare(rows, weight, rng, fold=fold if held else None, context=given)
    return table, held


def _held_out(estimator, family, n, n_head):
    """How many members there are, and how many rows they hold out together."""
    n_members, fraction = members_and_share(estimator, family, n)
    if not fraction:
        return 1, 0
    each = min(MOST_HELD_OUT, int(n * min(fraction, 1 / n_members)), n_head // (2 * n_members))
    return n_members, n_members * max(1, each)
