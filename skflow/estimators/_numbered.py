"""The rows of a source in numbers, block by block."""

import copy
from typing import Any, NamedTuple

import numpy as np

from skflow._validation import check_data, check_sample_weight
from skflow.sources._parts import without

__all__ = ["Block", "NumberedBlocks"]

OF_COLUMNS = ("n_features_in_", "feature_names_in_")  # what the first block settles


class Block(NamedTuple):
    """Rows of a source in numbers.

    Attributes
    ----------
    start : int
        Position of the first.
    rows : ndarray of shape (m, d), float64
    weight : ndarray of shape (m,) or None
    context : table of m rows, or None
    names : sequence of str or None
        Of the columns, for messages.
    """

    start: int
    rows: np.ndarray
    weight: np.ndarray | None
    context: Any
    names: Any

    def positions(self):
        """Return the positions (m,) of the rows in the source."""
        return np.arange(self.start, self.start + len(self.rows))


class NumberedBlocks:
    """The blocks of a source as an estimator reads them, checked, as often as it is asked for.

    Parameters
    ----------
    estimator : BaseFlowDensity
        The first pass sets its ``n_features_in_`` and ``feature_names_in_``.
    source : Source
    sample_weight : str or array-like of shape (n_samples,), optional
        The name of a column, or weights that are in memory.
    """

    def __init__(self, estimator, source, sample_weight=None):
        self.estimator, self.source = estimator, source
        self.named = isinstance(sample_weight, str)
        given = sample_weight is None or self.named
        self.sample_weight = sample_weight if given else np.asarray(sample_weight)
        self.known, self.start = False, 0

    def __iter__(self):
        start = self.start
        for table in self.source.blocks():
            block = self._read(table, start)
            yield block
            start += len(block.rows)
        self.check_length(start - self.start)

    def check_length(self, n):
        """Raise a ValueError if weights in memory are not those of n rows."""
        if not self.named and self.sample_weight is not None and len(self.sample_weight) != n:
            raise ValueError(
                f"sample_weight has shape {self.sample_weight.shape}, which is not one number for "
                "each row of X: pass that, or the name of a column of X."
            )

    def weights_at(self, start, stop):
        """Weights of the rows at some positions, if they are in memory."""
        if self.sample_weight is None or self.named:
            return None
        return self.sample_weight[start - self.start : stop - self.start]

    def meet(self, table):
        """Learn from some rows what the columns are."""
        self._read(table, self.start)

    @property
    def columns(self):
        """What the first block has settled, by the name of the attribute."""
        known = vars(self.estimator)
        return {name: known[name] for name in OF_COLUMNS if name in known}

    @columns.setter
    def columns(self, columns):
        vars(self.estimator).update(columns)
        self.known = True

    def reader(self):
        """Return the same without rows and their weights, to read parts of a table elsewhere."""
        estimator = object.__new__(type(self.estimator))
        vars(estimator).update(
            (name, value) for name, value in vars(self.estimator).items() if not name.endswith("_")
        )
        other = NumberedBlocks(estimator, None, self.sample_weight if self.named else None)
        if self.known:
            other.columns = self.columns
        return other

    def of_part(self, source, start, weight=None):
        """Return the blocks of a part of the table.

        Parameters
        ----------
        source : Source
        start : int
            Position of its first row.
        weight : ndarray, optional
            Of its rows, if these are not in a column.
        """
        part = copy.copy(self)
        part.source, part.start = source, start
        if not self.named:
            part.sample_weight = weight
        return part

    def _read(self, table, start):
        try:
            return self._numbers(table, start)
        except (TypeError, ValueError) as error:
            told = f"In the block of {self.source.what} that begins with row {start}: {error}"
            raise (TypeError if isinstance(error, TypeError) else ValueError)(told) from error

    def _numbers(self, table, start):
        weight = None
        if self.named:
            table, weight = without(table, self.sample_weight, "sample_weight")
        X, context = self.estimator._split(table, None)
        rows = check_data(self.estimator, X, reset=not self.known)
        self.known = True
        if not self.named and self.sample_weight is not None:
            weight = self.weights_at(start, start + len(rows))
            if len(weight) < len(rows):
                self.check_length(start - self.start + len(rows))
        weight = check_sample_weight(weight, rows, some=False)
        names = getattr(self.estimator, "feature_names_in_", None)
        return Block(start, rows, weight, context, names)
