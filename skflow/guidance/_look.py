"""What a recommendation looks at of a table."""

from collections import Counter
from dataclasses import dataclass, field, replace

import numpy as np

from skflow._input import column_label
from skflow.sources._find import source_of
from skflow.sources._memory import whole_or_blocks
from skflow.tables._cells import kind_of, read_cells
from skflow.tables._context import MAX_LEVELS, is_category
from skflow.tables._exact import time_of
from skflow.tables._schema import Schema

__all__ = ["Look", "look_at"]

SAMPLE = 2_000  # rows whose cells are read for their kinds
NUMBERS = ("number", "integer")


@dataclass(frozen=True)
class Look:
    """What is known of a table at a glance.

    Attributes
    ----------
    n_rows : int or None
        None of a source that has not been counted.
    n_columns : int
    n_numbers : int
        That a regressor makes of these columns: one of each level of a category.
    kinds : Counter
        Columns of each kind: "number", "integer", "category", "ordinal", "time".
    has_holes : bool
    repeats : int
        Columns of numbers of which a value fills a twentieth or more.
    texts : tuple of str
        Columns of categories whose values hardly repeat: names, keys, dates that are text.
    """

    n_rows: int | None
    n_columns: int
    n_numbers: int
    kinds: Counter = field(default_factory=Counter)
    has_holes: bool = False
    repeats: int = 0
    texts: tuple = ()

    @property
    def is_numeric(self):
        """Whether flows of rows of numbers take it."""
        return not self.has_holes and sum(self.kinds[kind] for kind in NUMBERS) == self.n_columns

    def told(self):
        """Say in a few words what the table is."""
        n = "rows beyond memory" if self.n_rows is None else f"{self.n_rows:,} rows"
        parts = [f"{n}, {self.n_columns} columns"]
        if set(self.kinds) - {"number"}:
            parts.append(", ".join(f"{count} of {kind}" for kind, count in self.kinds.items()))
        if self.has_holes:
            parts.append("with holes")
        return ", ".join(parts)

    def doubts(self):
        """Say what is probably not meant."""
        return tuple(
            f"{label} holds text that hardly repeats: make dates of dates (pandas.to_datetime), "
            "and leave names and keys out"
            for label in self.texts
        )


def look_at(X):
    """Return the Look of a table in memory or of a source of rows.

    Raises
    ------
    ValueError, TypeError
        For what is no table.
    """
    source = source_of(X)
    if source is not None:
        X, blocks = whole_or_blocks(source)
        if X is None:
            return replace(_look(next(iter(blocks))), n_rows=source.n_rows)
    return _look(X)


def _look(X):
    schema = Schema.read(X)
    whole = schema.columns(X)
    n_rows = len(whole[0])
    if not n_rows:
        raise ValueError("X has no rows: pass some of the table.")
    columns = [_some(column) for column in whole]
    kinds = ["time" if time_of(column) else kind_of(column) for column in columns]
    labels = [column_label(j, schema.labels) for j in range(len(columns))]
    pairs = zip(columns, labels, strict=True)
    codes = [read_cells(column, label).encode(column, label) for column, label in pairs]
    holes = any(np.isnan(code).any() for code in codes)
    of_kinds = list(zip(labels, kinds, codes, strict=True))
    repeats = sum(_repeats(code) for _, kind, code in of_kinds if kind in NUMBERS)
    texts = tuple(label for label, kind, code in of_kinds if kind == "category" and _differs(code))
    n_numbers = sum(map(_n_numbers, columns, codes))
    return Look(n_rows, len(columns), n_numbers, Counter(kinds), holes, repeats, texts)


def _some(column):
    """Cells of a column, evenly spaced, if it is long."""
    return column[:: max(1, len(column) // SAMPLE)]


def _n_numbers(column, codes):
    """Numbers that a context makes of a column: one a level, or one and its holes."""
    holes = np.isnan(codes)
    if is_category(column):
        return min(len(np.unique(codes[~holes])), MAX_LEVELS + 1)
    return 1 + int(holes.any())


def _repeats(codes):
    """Whether one value fills a twentieth of the cells that are there."""
    known = codes[~np.isnan(codes)]
    counts = np.unique(known, return_counts=True)[1]
    return len(known) > 0 and counts.max() >= max(2, 0.05 * len(known))


def _differs(codes):
    """Whether half of the cells that are there, and fifty at least, are different levels."""
    known = codes[~np.isnan(codes)]
    return len(np.unique(known)) >= max(50, len(known) / 2)
