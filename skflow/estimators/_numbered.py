"""The rows of a source in numbers, block by block."""

from typing import Any, NamedTuple

import numpy as np

from skflow._validation import check_data, check_sample_weight
from skflow.sources._parts import without

__all__ = ["Block", "NumberedBlocks"]


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
        self.known = False

    def __iter__(self):
        start = 0
        for table in self.source.blocks():
            try:
                block = self._read(table, start)
            except (TypeError, ValueError) as error:
                told = f"In the block of {self.source.what} that begins with row {start}: {error}"
                raise (TypeError if isinstance(error, TypeError) else ValueError)(told) from error
            yield block
            start += len(block.rows)
        if not self.named and self.sample_weight is not None and len(self.sample_weight) > start:
            self._refuse_weights()

    def _read(self, table, start):
        weight = None
        if self.named:
            table, weight = without(table, self.sample_weight, "sample_weight")
        X, context = self.estimator._split(table, None)
        rows = check_data(self.estimator, X, reset=not self.known)
        self.known = True
        if not self.named and self.sample_weight is not None:
            weight = self.sample_weight[start : start + len(rows)]
            if len(weight) < len(rows):
                self._refuse_weights()
        weight = check_sample_weight(weight, rows, some=False)
        names = getattr(self.estimator, "feature_names_in_", None)
        return Block(start, rows, weight, context, names)

    def _refuse_weights(self):
        raise ValueError(
            f"sample_weight has shape {self.sample_weight.shape}, which is not one number for "
            "each row of X: pass that, or the name of a column of X."
        )
