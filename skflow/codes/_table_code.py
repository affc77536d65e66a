"""Tables as symbols on a stack, by a fitted TableDensity."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from skflow._persistence import stored
from skflow._validation import column_label
from skflow.codes._code import RowCode
from skflow.codes._holes import HolePatterns
from skflow.codes._ordered import OrderedCells
from skflow.codes._stack import Pops, Pushes
from skflow.tables._cells import kind_of
from skflow.tables._exact import time_of
from skflow.tables._schema import Schema
from skflow.tables._sums import complete

__all__ = ["TableCode", "decimal_kinds"]


def decimal_kinds(X, declared):
    """Kinds of the columns of a table, those of floats being decimal if nothing is declared."""
    schema = Schema.read(X)
    declared = dict(declared or {})
    known = {schema.index_of(name) for name in declared}
    for j, (name, column) in enumerate(zip(schema.names, schema.columns(X), strict=True)):
        if j not in known and kind_of(column) == "number" and not time_of(column):
            declared[name] = "decimal"
    return declared


@stored
@dataclass(frozen=True, eq=False)
class TableCode(RowCode):
    """Patterns of holes, then what is there by the conditionals of a TableDensity.

    Attributes
    ----------
    density : TableDensity
    holes : HolePatterns
    ranges : ndarray of shape (d, 2)
        Lowest and highest code of each column of the nets in the fit.
    declared : tuple of int
        Columns whose kinds are declared.
    n_rows : int
        Of the fit.
    """

    density: Any
    holes: HolePatterns
    ranges: np.ndarray
    declared: tuple
    n_rows: int

    @classmethod
    def read(cls, density, X, declared):
        """Learn from the table that the density was fitted to, its kinds as they were declared."""
        reader = density.reader_
        _check_probable(reader)
        codes = reader.codes(X)
        known = reader.known(codes)[:, : len(reader.scales)]
        ranges = np.stack([np.nanmin(known, axis=0), np.nanmax(known, axis=0)], axis=1)
        declared = tuple(reader.schema.index_of(name) for name in declared or {})
        return cls(density, HolePatterns.read(np.isnan(codes)), ranges, declared, len(codes))

    @property
    def schema(self):
        """That of the density."""
        return self.density.reader_.schema

    @property
    def cells(self):
        """Those of the density."""
        return self.density.reader_.cells

    def split(self, X):
        columns, reader, parts = self.checked_columns(X), self.density.reader_, self._parts()
        codes = reader.codes(X)
        known = reader.known(codes)
        again = np.where(np.isnan(codes), np.nan, reader.by_column(known))
        regular = ((again == codes) | np.isnan(codes)).all(axis=1)
        for symbols, own in zip(parts.symbols, known.T, strict=False):
            regular &= np.isnan(own) | symbols.holds(own)
        return codes, regular & self.same_cells(columns, codes)

    def push_regular(self, stack, codes):
        self._parts().push(stack, self._of_nets(codes))
        pushes = Pushes()
        self.holes.code(len(codes), pushes, np.isnan(codes))
        pushes.flush(stack)

    def pop_regular(self, stack, n):
        holes, reader = self.holes.code(n, Pops(stack)), self.density.reader_
        known = reader.known(np.where(holes, np.nan, 0.0))
        k = len(self.ranges)
        known[:, :k], known[:, k:] = self._parts().pop(stack, ~np.isnan(known[:, :k])), np.nan
        complete(known, reader.sums)
        return np.where(holes, np.nan, reader.by_column(known))

    def log_prob_regular(self, codes):
        each = self._parts().log_prob(self._of_nets(codes))
        mean = np.logaddexp.reduce(each, axis=0) - np.log(len(each))
        return mean + self.holes.log_prob(np.isnan(codes))

    def _parts(self):
        return OrderedCells(self.density, self.ranges)

    def _of_nets(self, codes):
        """Codes (n, d) of the columns of the nets."""
        return self.density.reader_.known(codes)[:, : len(self.ranges)]


def _check_probable(reader):
    """Raise ValueError for columns whose cells have a density, and no probability."""
    for j, (cells, place) in enumerate(zip(reader.cells, reader.places, strict=True)):
        if place is None or place >= len(reader.scales) or cells.n_levels:
            continue
        scale = reader.scales[place]
        if scale.kind == "number" and (not scale.whole or cells.periodic):
            raise ValueError(
                f"{column_label(j, reader.schema.labels)} is modelled as {reader.kind(j)!r}, "
                'which has no probabilities of single cells: declare kinds={...: "decimal"}, '
                '"integer" or "category" of the density; whole numbers up to 2**48.'
            )
