"""Tables side by side, each column as numbers that mean the same in all of them."""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from skflow._input import as_python, column_label
from skflow.tables._cells import LevelCells, NumberCells, read_cells
from skflow.tables._context import cells_of, is_hole, numbers_of
from skflow.tables._schema import Schema

__all__ = ["OTHER", "UNKNOWN", "SharedColumn", "read_tables"]

MIN_ROWS = 20
MAX_LEVELS = 30  # that are looked at one by one; rarer ones count as one more
UNKNOWN, OTHER = "(not in real)", "(rarer)"


@dataclass(frozen=True)
class SharedColumn:
    """A column of all tables.

    Attributes
    ----------
    name : str
    codes : tuple of ndarray
        Cells of each table, NaN in holes: numbers and times as such; levels by their rank among
        those of the real table, the most frequent first, or -1 if it has no such level.
    levels : tuple of str or None
        None of numbers and times.
    cells : NumberCells or None
        How times are written; None of anything else.
    """

    name: str
    codes: tuple
    levels: tuple | None = None
    cells: NumberCells | None = None

    @property
    def is_category(self):
        """Whether its cells are levels."""
        return self.levels is not None

    @property
    def shown(self):
        """Names of what :meth:`numbers` tells apart, without holes."""
        rarer = (OTHER,) if len(self.levels) > MAX_LEVELS else ()
        return (*self.levels[:MAX_LEVELS], *rarer, UNKNOWN)

    def numbers(self, table):
        """Numbers (n,) of the cells of a table by which levels are told apart, NaN in holes."""
        codes = self.codes[table]
        if not self.is_category:
            return codes
        return np.where(codes < 0, len(self.shown) - 1, np.minimum(codes, MAX_LEVELS))


def read_tables(**tables):
    """Return columns of tables by name, "real" the first, and how many rows each has.

    Raises
    ------
    ValueError
        For tables with other columns than the real one, with too few rows, or with cells that
        cannot be compared; the message names the table.
    """
    real = tables["real"]
    schema = Schema.read(real)
    found = {name: _columns(name, table, schema) for name, table in tables.items()}
    for name, columns in found.items():
        if len(columns[0]) < MIN_ROWS:
            raise ValueError(
                f"{name} has {len(columns[0])} rows, and at least {MIN_ROWS} are needed: with "
                "fewer nothing can be told."
            )
    columns = [
        _shared(j, {name: own[j] for name, own in found.items()}, schema.labels)
        for j in range(len(schema))
    ]
    return columns, [len(own[0]) for own in found.values()]


def _columns(name, table, schema):
    own = Schema.read(table)
    if own.labels is not None and schema.labels is not None:
        missing = [label for label in schema.names if label not in own.names]
        extra = [label for label in own.names if label not in schema.names]
        if missing or extra:
            lacks = [f"it lacks {missing}"] if missing else []
            has = [f"real has no {extra}"] if extra else []
            raise ValueError(f"{name} must have the columns of real: {' and '.join(lacks + has)}.")
    elif len(own) != len(schema):
        raise ValueError(f"{name} has {len(own)} columns and real has {len(schema)}.")
    return schema.columns(table)


def _shared(j, columns, labels):
    place = column_label(j, labels)
    name = place if labels is None else str(labels[j])
    cells = read_cells(columns["real"], f"real, {place}")
    if isinstance(cells, LevelCells):
        return SharedColumn(name, *_levels(columns))
    codes = []
    for table, column in columns.items():
        where = f"{table}, {place}"
        codes.append(cells.encode(column, where) if cells.time else numbers_of(column, where))
    return SharedColumn(name, tuple(codes), cells=cells if cells.time else None)


def _levels(columns):
    """Codes of each table, and names of the levels of the real one."""
    plain = {
        name: [None if is_hole(cell) else as_python(cell) for cell in cells_of(column)]
        for name, column in columns.items()
    }
    counts = Counter(cell for cell in plain["real"] if cell is not None)
    order = sorted(counts, key=lambda level: (-counts[level], str(level)))
    rank = {level: float(k) for k, level in enumerate(order)} | {None: np.nan}
    codes = (np.array([rank.get(cell, -1.0) for cell in cells]) for cells in plain.values())
    return tuple(codes), tuple(str(level) for level in order)
