"""Collections of Dask, computed one partition after the other."""

import math

from skflow.sources._source import Source

__all__ = ["DaskArraySource", "DaskFrameSource", "whole_rows"]


def whole_rows(X):
    """Return a Dask array whose chunks hold whole rows: X itself, or X put together so."""
    return X if X.numblocks[1] == 1 else X.rechunk({1: -1})


class DaskArraySource(Source):
    """Rows of a Dask array (n, d), whose n may not be known."""

    what = "a Dask array"
    remedy = "X.compute()"

    def __init__(self, X):
        self.collection = whole_rows(X)
        n_rows, n_columns = X.shape
        self.n_rows = None if math.isnan(n_rows) else int(n_rows)
        self.n_columns = int(n_columns)

    def _parts(self):
        for k in range(self.collection.numblocks[0]):
            yield self.collection.blocks[k].compute()


class DaskFrameSource(Source):
    """Rows of a Dask DataFrame, which only computing counts."""

    what = "a Dask DataFrame"
    remedy = "X.compute()"

    def __init__(self, X):
        self.collection = X
        self.names = list(X.columns)
        self.n_columns = len(self.names)

    def _parts(self):
        for k in range(self.collection.npartitions):
            yield self.collection.partitions[k].compute()

    def _joined(self, blocks):
        from dask.dataframe.dispatch import concat

        return concat(blocks)  # as compute() does: levels of categories are united
