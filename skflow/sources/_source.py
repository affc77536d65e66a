"""What every source of rows can be asked, wherever the rows lie."""

from abc import ABC, abstractmethod

from skflow._input import names_of
from skflow.sources._parts import as_part, cut, joined, n_columns_of, rows_together

__all__ = ["Source"]


class Source(ABC):
    """Rows that are read in blocks, from the first to the last, as often as it is asked for.

    Attributes
    ----------
    what : str
        What it is, for messages: "a pyarrow Dataset".
    remedy : str
        How a user makes one table of it, for messages: "X.to_table()".
    names : list or None
        Of the columns; None of arrays, and where only reading tells.
    n_rows, n_columns : int or None
        None where only reading tells, until it did.
    """

    what = "a source"
    remedy = "a table"
    names = None
    n_rows = None
    n_columns = None

    @abstractmethod
    def _parts(self):
        """Yield the rows in order as tables of any size, anew at each call."""

    def blocks(self):
        """Yield the rows in their order as tables in memory.

        Each call begins anew and holds one block at a time.

        Yields
        ------
        block : ndarray of shape (n, n_columns) or data frame
            Of at most 65,536 rows and, unless a row is longer, 2**20 entries; none is empty.

        Raises
        ------
        ValueError
            For a block with other columns than the first, for one that is no table, and for
            another number of rows than the last time.
        """
        first, counted = None, 0
        for k, part in enumerate(self._parts()):
            if hasattr(part, "__len__") and len(part) == 0:
                continue
            part = as_part(part, f"block {k} of {self.what}")
            columns = names_of(part), n_columns_of(part)
            first = first or columns
            if columns != first:
                self._refuse_columns(k, columns, first)
            counted += len(part)
            if self.n_rows is not None and counted > self.n_rows:
                self._count(counted, first)
            step = rows_together(columns[1])
            for start in range(0, len(part), step):
                yield part if len(part) <= step else cut(part, start, start + step)
        self._count(counted, first)

    def gather(self):
        """Read the whole into one table in memory, of the kind that a user would have passed."""
        return self.join(list(self.blocks()))

    def join(self, blocks):
        """Put all blocks into one table.

        Raises
        ------
        ValueError
            If there is none.
        """
        if not blocks:
            raise ValueError(f"{self.what} holds no rows (0 samples): pass one with rows.")
        return self._joined(blocks)

    def _joined(self, blocks):
        return joined(blocks)

    def _refuse_columns(self, k, columns, first):
        names = columns[0] is not None and first[0] is not None
        shown = [list(of[0]) if names else _described(*of) for of in (columns, first)]
        raise ValueError(
            f"block {k} of {self.what} has {shown[0]}, and the first has {shown[1]}: pass blocks "
            "with the same columns in the same order."
        )

    def _count(self, n_rows, first):
        """Keep what reading to the end told."""
        if self.n_rows not in (None, n_rows):
            more = "at least " if n_rows > self.n_rows else ""
            raise ValueError(
                f"{self.what} gave {more}{n_rows} rows and not {self.n_rows}: a table is read "
                "several times, and must give the same rows in each."
            )
        self.n_rows = n_rows
        if first is not None:
            self.names, self.n_columns = first


def _described(names, n_columns):
    kind = "array" if names is None else "data frame"
    return f"{n_columns} columns (of a {kind})"
