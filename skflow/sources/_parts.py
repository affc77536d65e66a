"""What a source hands out piece by piece: arrays and frames, cut, compared and put together."""

import numpy as np

from skflow._input import names_of

__all__ = ["as_part", "is_part", "joined", "n_columns_of", "cut", "rows_together", "without"]

MOST_ROWS = 2**16
MOST_ENTRIES = 2**20


def rows_together(n_columns):
    """How many rows of so many columns make a block: bounded in rows and in entries."""
    return max(1, min(MOST_ROWS, MOST_ENTRIES // max(1, n_columns)))


def is_part(block):
    """Whether a block is an array of two dimensions or a data frame."""
    return names_of(block) is not None or len(getattr(block, "shape", ())) == 2


def as_part(block, place):
    """Return a block as the table that it is: an array of two dimensions, or a data frame.

    Parameters
    ----------
    block : object
        A frame, an array, or what numpy makes an array of.
    place : str
        How messages name it.
    """
    if _is_of_arrow(block):
        import pyarrow as pa

        return pa.Table.from_batches([block])
    if names_of(block) is not None:
        return block
    rows = block if isinstance(block, np.ndarray) else np.asarray(block)
    if rows.ndim != 2:
        raise ValueError(
            f"{place} has shape {rows.shape} (a {type(block).__name__}), and blocks are arrays of "
            "two dimensions, rows and columns, or data frames: one column is block.reshape(-1, 1)."
        )
    return rows


def n_columns_of(part):
    """How many columns a part has."""
    names = names_of(part)
    return part.shape[1] if names is None else len(names)


def cut(part, start, stop):
    """Rows of a part from start to stop, in a table of the same kind."""
    if hasattr(part, "iloc"):
        return part.iloc[start:stop]
    if hasattr(part, "column_names"):
        return part.slice(start, stop - start)
    return part[start:stop]


def joined(parts):
    """Put parts of one kind, one below the other, into one table of that kind."""
    first = parts[0]
    if len(parts) == 1:
        return first
    if isinstance(first, np.ndarray):
        masked = any(isinstance(part, np.ma.MaskedArray) for part in parts)
        return (np.ma if masked else np).concatenate(parts)
    if hasattr(first, "column_names"):
        import pyarrow as pa

        return pa.concat_tables(parts, promote_options="permissive")
    if type(first).__module__.partition(".")[0] == "polars":
        import polars as pl

        return pl.concat(parts, how="vertical_relaxed")
    import pandas as pd

    return pd.concat(parts)


def _is_of_arrow(block):
    cls = type(block)
    return (cls.__module__.partition(".")[0], cls.__name__) == ("pyarrow", "RecordBatch")


def without(table, name, parameter):
    """Take a column out of a data frame by its name.

    Parameters
    ----------
    table : data frame
    name : str
    parameter : str
        That names it, for messages.

    Returns
    -------
    table : data frame
        Of all other columns.
    column : ndarray of shape (n,)
    """
    names = names_of(table)
    if names is None or name not in names:
        known = "an array, whose columns have no names" if names is None else f"columns {names}"
        raise ValueError(
            f"{parameter}={name!r} must name a column of X, and X is {known}. Pass a name of "
            "those, or the numbers as an array."
        )
    pick = table.select if hasattr(table, "column_names") else table.__getitem__
    return pick([other for other in names if other != name]), np.asarray(table[name])
