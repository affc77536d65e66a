"""Methods of tables asked of sources: block by block, into one array or one mean."""

from collections.abc import Callable
from contextlib import contextmanager
from functools import wraps
from inspect import signature
from typing import Any, ParamSpec, TypeVar

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skflow._containers import on_host
from skflow._validation import check_sample_weight
from skflow.estimators._kinds import answer
from skflow.metrics._mean import weighted_mean
from skflow.sources._find import is_dask, source_of
from skflow.sources._memory import whole_or_blocks
from skflow.sources._whole import refuse_context_beside

__all__ = ["mean_score", "takes_sources"]


P = ParamSpec("P")
Answer = TypeVar("Answer")


def takes_sources(
    *, wide: bool = False, dtype: Any = np.float64, tensors: bool = False
) -> Callable[[Callable[P, Answer]], Callable[P, Answer]]:
    """Let a method of a fitted estimator that answers each row of a table take sources, too.

    What fits in memory is asked as the table that it is, what does not block by block; of a Dask
    collection the answer is a Dask collection, and arrays are answered as by
    :func:`skflow.estimators._kinds.answer`.

    Parameters
    ----------
    wide : bool
        Whether a row's answer is a row of ``_n_features_out`` numbers, and not one number.
    dtype : dtype
        Of the answers.
    tensors : bool
        Whether the method takes torch tensors.
    """

    def of_method(method):
        names = list(signature(method).parameters)[2:]

        @wraps(method)
        def asked(self, X, *args, **options):
            source = source_of(X)
            if source is None:
                return answer(method, self, X, *args, wide=wide, tensors=tensors, **options)
            check_is_fitted(self)
            options = dict(zip(names, args, strict=False)) | options
            refuse_context_beside(source, options.get("context"))
            if is_dask(X):
                from skflow.estimators._lazy import lazy_answers

                return lazy_answers(self, method.__name__, X, options, wide, dtype)
            table, blocks = whole_or_blocks(source)
            if table is not None:
                return method(self, table, **options)
            answers = _each(lambda block: method(self, block, **options), blocks)
            return _together(answers, source.n_rows)

        return asked

    return of_method


def mean_score(estimator, X, sample_weight=None, context=None):
    """Weighted mean of ``score_samples``, as a float; of a source in the memory of a block."""
    given = {} if context is None else {"context": context}
    source = source_of(X)
    if source is None:
        return _mean(estimator.score_samples(X, **given), sample_weight)
    check_is_fitted(estimator)
    refuse_context_beside(source, context)
    if is_dask(X) and sample_weight is None:
        return float(estimator.score_samples(X).mean().compute())
    table, blocks = whole_or_blocks(source)
    if table is not None:
        return _mean(estimator.score_samples(table), sample_weight)
    return _running_mean(_each(estimator.score_samples, blocks), source, sample_weight)


def _mean(scores, sample_weight):
    return float(weighted_mean(on_host(scores), sample_weight))


def _running_mean(answers, source, sample_weight):
    """Weighted mean of the scores of a source that come block by block."""
    weight = sample_weight
    if sample_weight is not None:
        single = np.ndim(sample_weight) == 0
        n = len(sample_weight) if source.n_rows is None and not single else source.n_rows
        weight = check_sample_weight(sample_weight, range(n or 1))
        weight = None if single else weight
    total, mass, stop = 0.0, 0.0, 0
    for start, scores in answers:
        stop = start + len(scores)
        of_rows = np.ones(len(scores)) if weight is None else weight[start:stop]
        if len(of_rows) < len(scores):
            break
        used = of_rows > 0
        total, mass = total + of_rows[used] @ scores[used], mass + of_rows.sum()
    if weight is not None and stop != len(weight):
        raise ValueError(
            f"sample_weight must have one number for each row of X: it has {len(weight)}, and "
            f"{source.what} has {stop} rows or more."
        )
    return float(total / mass)


def _each(function, blocks):
    """Yield where each block begins, and the answers of its rows."""
    start = 0
    for block in blocks:
        with _rows_named(start, len(block)):
            answers = function(block)
        yield start, answers
        start += len(block)


def _together(answers, n_rows):
    """Put the answers of blocks into one array, which takes no second where n_rows is known."""
    if n_rows is None:
        return np.concatenate([values for _, values in answers])
    whole = None
    for start, values in answers:
        if whole is None:
            whole = np.empty((n_rows, *values.shape[1:]), values.dtype)
        whole[start : start + len(values)] = values
    return whole


@contextmanager
def _rows_named(start, n_rows):
    """Say in errors which rows they are about: messages count from the start of a block."""
    try:
        yield
    except (ValueError, TypeError) as error:
        if start == 0 or type(error) not in (ValueError, TypeError):
            raise
        raise type(error)(
            f"in the block of rows {start} to {start + n_rows - 1}, counted from its first: "
            f"{error}"
        ) from error
