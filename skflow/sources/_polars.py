"""Queries of polars, run by its streaming engine."""

from skflow.sources._parts import rows_together
from skflow.sources._source import Source

__all__ = ["QuerySource"]


class QuerySource(Source):
    """Rows of a LazyFrame, which runs anew each time."""

    what = "a polars LazyFrame"
    remedy = "X.collect()"

    def __init__(self, X):
        if not hasattr(X, "collect_batches"):
            import polars as pl

            raise TypeError(
                "X is lazy, a polars.LazyFrame, which is read in batches from polars 1.34 on; "
                f"this is {pl.__version__}: upgrade it, or pass X.collect()."
            )
        self.query = X
        self.names = X.collect_schema().names()
        self.n_columns = len(self.names)

    def _parts(self):
        yield from self.query.collect_batches(
            chunk_size=rows_together(self.n_columns), maintain_order=True
        )
