"""Answers for Dask collections: Dask collections, of which nothing is computed yet."""

import copy
from dataclasses import dataclass

import numpy as np
from sklearn.utils._set_output import _get_output_config

from skflow.sources._dask import whole_rows

__all__ = ["lazy_answers"]


def lazy_answers(estimator, method, X, options, wide, dtype):
    """Ask a fitted estimator of each partition of a Dask collection, when that is computed.

    Parameters
    ----------
    estimator : estimator
        As it is now: a later fit changes nothing.
    method : str
    X : dask.array.Array of shape (n, d) or dask.dataframe.DataFrame
    options : dict
        Of the method, the same for each partition.
    wide : bool
        Whether a row's answer is a row.
    dtype : dtype

    Returns
    -------
    answers : dask.array.Array or dask.dataframe.Series or DataFrame
        Of an array with its chunks of rows, of a frame with its divisions and index.
    """
    import dask

    names = None
    if wide:
        _refuse_containers(estimator, method)
        names = [str(name) for name in estimator.get_feature_names_out()]
    # one key of the graph, which goes to a worker once
    model = dask.delayed(copy.copy(estimator), traverse=False, pure=False)
    question = Question(method, options, np.dtype(dtype), names)
    if hasattr(X, "divisions"):
        return X.map_partitions(
            question.of_frame, model, meta=question.of_frame(X._meta[:0], None)
        )
    return _of_array(whole_rows(X), model, question)


def _of_array(X, model, question):
    import dask.array as da

    shape = question.shape
    return da.map_blocks(
        question.of_block,
        X,
        model,
        dtype=question.dtype,
        meta=np.empty((0,) * (1 + len(shape)), question.dtype),
        **({"chunks": (X.chunks[0], shape)} if shape else {"drop_axis": 1}),
    )


@dataclass(frozen=True)
class Question:
    """What a partition is asked.

    Attributes
    ----------
    method : str
    options : dict
    dtype : dtype
        Of the answers.
    names : list of str or None
        Of the columns of the answers; None where they are single numbers.
    """

    method: str
    options: dict
    dtype: np.dtype
    names: list | None

    @property
    def shape(self):
        """Shape of the answer of a row."""
        return () if self.names is None else (len(self.names),)

    def of_block(self, block, model):
        """Answers (n, *shape) of the rows of a table."""
        if not len(block):
            return np.empty((0, *self.shape), self.dtype)
        return np.asarray(getattr(model, self.method)(block, **self.options), self.dtype)

    def of_frame(self, frame, model):
        """Answers of the rows of a pandas DataFrame, with its index."""
        import pandas as pd

        answers = self.of_block(frame, model)
        if self.names is None:
            return pd.Series(answers, index=frame.index)
        return pd.DataFrame(answers, index=frame.index, columns=self.names)


def _refuse_containers(estimator, method):
    container = _get_output_config(method, estimator)["dense"]
    if container != "default":
        raise ValueError(
            f"{method} of a Dask collection is a Dask collection, and set_output asked for "
            f"{container!r}: set_output(transform='default')."
        )
