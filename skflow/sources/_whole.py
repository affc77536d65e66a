"""Tables in memory of sources, for what needs all rows at once."""

import numpy as np

from skflow.sources._find import source_of
from skflow.sources._memory import SHARE, most_entries, whole_or_blocks

__all__ = ["refuse_context_beside", "whole_table"]


def whole_table(X, estimator, name="X"):
    """Return the table of X for an estimator that needs all rows at once.

    Parameters
    ----------
    X : table in memory or source
    estimator : estimator
        For messages.
    name : str
        How messages name X.

    Raises
    ------
    ValueError
        If X is a source that does not fit in memory; a memmap counts as an array.
    """
    source = source_of(X, name)
    if source is None:
        return X
    if isinstance(X, np.memmap):  # an array, as far as they are concerned
        return X
    table, _ = whole_or_blocks(source)
    if table is not None:
        return table
    raise ValueError(
        f"{type(estimator).__name__} learns from tables that fit in memory, and {name}, "
        f"{source.what} of {_size(source)}, has more than {most_entries():,} entries (at 8 bytes "
        f"1/{SHARE} of scikit-learn's working_memory). Fit a flow that is trained, such as "
        "skflow.NSFDensity, which reads rows in blocks; pass a sample of the rows; pass "
        f"{source.remedy.replace('X', name)} if you have the memory; or raise the limit, "
        "sklearn.set_config(working_memory=...), in MiB."
    )


def refuse_context_beside(source, context):
    """Raise a ValueError if a context came beside a source."""
    if context is not None:
        raise ValueError(
            f"a context cannot be passed beside {source.what}, whose rows are read in blocks: let "
            "it be columns of X, and name them at construction, context_columns=[...]."
        )


def _size(source):
    columns = "" if source.n_columns is None else f" x {source.n_columns:,} columns"
    rows = "an unknown number of rows" if source.n_rows is None else f"{source.n_rows:,} rows"
    return rows + columns
