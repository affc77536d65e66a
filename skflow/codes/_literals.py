"""Cells that a density has no symbols for, as text."""

import itertools
import json
import zlib

import numpy as np

from skflow._input import as_python
from skflow.tables._context import cells_of, is_hole

__all__ = ["literal_cells", "packed", "unpacked", "with_literals"]


def literal_cells(schema, cells, X, which):
    """Plain cells of some of those of a table, a list for each column.

    Parameters
    ----------
    schema : Schema
    cells : sequence
        How the columns are read.
    X : table
    which : ndarray of shape (n, n_columns), bool

    Raises
    ------
    ValueError
        If a cell is neither a number, text, a truth value nor a time.
    """
    columns = [
        _plain_cells(own, column, np.flatnonzero(at))
        for own, column, at in zip(cells, schema.columns(X), which.T, strict=True)
    ]
    for cell in itertools.chain(*columns):
        if not isinstance(cell, bool | int | float | str | None):
            raise ValueError(
                f"a cell unlike those of the fit holds {cell!r}, and is kept as text: only "
                "numbers, text, truth values and times can be."
            )
    return columns if which.any() else []


def with_literals(column, at, cells):
    """Cells (n,) of a column with some of them put in at an index."""
    if column.dtype.kind in "mM":
        column = column.copy()
        missing = np.iinfo(np.int64).min  # NaT
        whole = [missing if cell is None else cell for cell in cells]
        column[at] = np.array(whole, dtype=np.int64).view(column.dtype)
        return column
    whole = column.astype(object)
    whole[at] = [None if cell is None else cell for cell in cells]
    return whole


def packed(rows):
    """Bytes of plain cells by column."""
    return zlib.compress(json.dumps(rows, allow_nan=False).encode(), 9) if rows else b""


def unpacked(data):
    """Cells of such bytes."""
    return json.loads(zlib.decompress(data)) if data else []


def _plain_cells(cells, column, rows):
    if cells.time:
        codes = cells.encode(column, "a column")
        exact = cells.decode(codes, column).astype(np.int64)
        return [None if np.isnan(codes[i]) else int(exact[i]) for i in rows]
    own = cells_of(column)
    return [None if is_hole(own[i]) else as_python(own[i]) for i in rows]
