"""Sources that need no library but numpy: mapped files, and blocks in any order of iteration."""

import mmap

import numpy as np

from skflow.sources._parts import is_part, n_columns_of, rows_together
from skflow.sources._source import Source

__all__ = ["BlockSource", "MappedSource"]


class MappedSource(Source):
    """Rows of a numpy.memmap (n, d), copied block by block."""

    what = "a numpy.memmap"
    remedy = "numpy.array(X)"

    def __init__(self, X):
        self.mapped = X
        self.n_rows, self.n_columns = X.shape

    def gather(self):
        """Read the whole into an array."""
        return np.array(self.mapped)

    def _parts(self):
        step = rows_together(self.n_columns)
        for start in range(0, self.n_rows, step):
            yield np.array(self.mapped[start : start + step])
            self._let_go()

    def _let_go(self):
        """Give back the pages that were read, which count as memory of this process until then.

        Not where changes are private (mode "c"), since they would be lost with the pages.
        """
        if self.mapped.mode != "c" and hasattr(mmap, "MADV_DONTNEED"):
            self.mapped._mmap.madvise(mmap.MADV_DONTNEED)


class BlockSource(Source):
    """Blocks of an object whose ``__iter__`` begins anew each time, or of a list of them."""

    remedy = "numpy.concatenate(list(X))"

    def __init__(self, X):
        self.given = X
        self.what = f"a {type(X).__name__} of blocks"
        if isinstance(X, list | tuple) and all(map(is_part, X)):
            self.n_rows = sum(block.shape[0] for block in X)
            self.n_columns = n_columns_of(X[0])

    def _parts(self):
        yield from self.given
