"""What fits in memory, and is then the table that it holds."""

import itertools

from sklearn import get_config

from skflow.sources._parts import n_columns_of

__all__ = ["is_small", "most_entries", "whole_or_blocks"]

# A fit holds a table several times: in float64, in the flow's dtype, without repeated rows, and
# in what is computed from it. With scikit-learn's default of 1024 MiB a table has 32 MiB.
SHARE = 32
BYTES = 8  # of an entry


def most_entries():
    """Entries (rows times columns) of the largest table that fits in memory.

    A 32nd of scikit-learn's ``working_memory`` at 8 bytes each, 2**22 by default;
    ``sklearn.config_context(working_memory=...)``, in MiB, moves it.
    """
    return int(get_config()["working_memory"] * 2**20 / SHARE / BYTES)


def is_small(n_rows, n_columns):
    """Whether a table of so many rows and columns is held in memory."""
    return n_rows * n_columns <= most_entries()


def whole_or_blocks(source):
    """Return the table of a source that fits, or else its blocks.

    Where only reading tells, no more is read than that takes, and nothing is read twice.

    Returns
    -------
    table : table or None
    blocks : iterator of tables or None
        All of them, from the first on; one of the two is None.
    """
    limit = most_entries()
    known = source.n_rows is not None and source.n_columns is not None
    if known and source.n_rows * source.n_columns > limit:
        return None, source.blocks()
    read, entries, blocks = [], 0, source.blocks()
    for block in blocks:
        read.append(block)
        entries += len(block) * n_columns_of(block)
        if entries > limit:
            return None, itertools.chain(_emptied(read), blocks)
    return source.join(read), None


def _emptied(read):
    """Yield the blocks of a list, which lets go of each."""
    read.reverse()
    while read:
        yield read.pop()
