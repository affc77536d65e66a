"""Tables as symbols on a stack, by a fitted TableDensity."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from skflow._input import row_label
from skflow._persistence import stored
from skflow._validation import column_label
from skflow.codes._cells import symbols_of
from skflow.codes._holes import HolePatterns
from skflow.codes._literals import literal_rows, with_literals
from skflow.codes._rows import OrderedRows
from skflow.codes._stack import Pops, Pushes
from skflow.tables._cells import kind_of
from skflow.tables._context import cells_of, is_hole
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
class TableCode:
    """What turns rows of a table into symbols, and symbols into rows.

    Rows that differ from what the fit had, by a level that it had not, a copy or sum that does not
    hold, a number far out, have no symbols: a symbol says so, and they are kept as text.

    Attributes
    ----------
    density : TableDensity
    holes : HolePatterns
    ranges : ndarray of shape (d, 2)
        Lowest and highest code of each column of the nets in the fit.
    n_rows : int
        Of the fit.
    """

    density: Any
    holes: HolePatterns
    ranges: np.ndarray
    n_rows: int

    @classmethod
    def read(cls, density, X):
        """Learn from the table that the density was fitted to."""
        reader = density.reader_
        _check_probable(reader)
        codes = reader.codes(X)
        known = reader.known(codes)[:, : len(reader.scales)]
        ranges = np.stack([np.nanmin(known, axis=0), np.nanmax(known, axis=0)], axis=1)
        return cls(density, HolePatterns.read(np.isnan(codes)), ranges, len(codes))

    def split(self, X):
        """Codes (n, n_columns) of a table, and which rows have symbols.

        Raises
        ------
        ValueError
            If a number has more decimals than the fit had.
        """
        reader = self.density.reader_
        codes = reader.codes(X)
        for j, (column, cells) in enumerate(
            zip(reader.schema.columns(X), reader.cells, strict=True)
        ):
            if column is None:
                raise ValueError(f"X lacks column {reader.schema.names[j]!r} of the fit.")
            if hasattr(cells, "decimals"):
                _check_decimals(cells, column, column_label(j, reader.schema.labels))
        known = reader.known(codes)
        regular = np.ones(len(codes), dtype=bool)
        for symbols, own in zip(self._symbols, known.T, strict=False):
            regular &= np.isnan(own) | symbols.holds(own)
        again = np.where(np.isnan(codes), np.nan, reader.by_column(known))
        regular &= ((again == codes) | np.isnan(codes)).all(axis=1)
        return codes, regular & self._same_cells(X, codes)

    def push(self, stack, codes, regular):
        """Push rows of codes (n, n_columns), those that are regular cell by cell."""
        own = codes[regular]
        known = self.density.reader_.known(own)[:, : len(self.ranges)]
        self._rows.push(stack, known)
        pushes = Pushes()
        pushes.code(self._regularity(len(codes)), regular.astype(np.int64))
        self.holes.code(len(own), pushes, np.isnan(own))
        pushes.flush(stack)

    def pop(self, stack, n):
        """Pop codes (n, n_columns), NaN in rows that are not regular, and which these are."""
        regular = stack.pop(self._regularity(n)).astype(bool)
        holes = self.holes.code(int(regular.sum()), Pops(stack))
        reader = self.density.reader_
        seen = ~np.isnan(reader.known(np.where(holes, np.nan, 0.0)))
        rows = self._rows.pop(stack, seen[:, : len(self.ranges)])
        known = np.full(seen.shape, np.nan)
        known[:, : rows.shape[1]] = rows
        complete(known, reader.sums)
        codes = np.full((n, holes.shape[1]), np.nan)
        codes[regular] = np.where(holes, np.nan, reader.by_column(known))
        return codes, regular

    def log_prob(self, codes, regular):
        """Log probability (n,) of rows in nats; of those that are not regular that they are not."""
        shares = np.log(self._regularity(1)[0])
        own = codes[regular]
        known = self.density.reader_.known(own)[:, : len(self.ranges)]
        each = self._rows.log_prob(known)
        out = np.full(len(codes), shares[0])
        mean = np.logaddexp.reduce(each, axis=0) - np.log(len(each))
        out[regular] = shares[1] + mean + self.holes.log_prob(np.isnan(own))
        return out

    def literals(self, X, regular):
        """Plain cells of the rows that are not regular."""
        return literal_rows(self.density.reader_, X, np.flatnonzero(~regular))

    def table(self, codes, regular, literals):
        """Make the table again of codes (n, n_columns) and of the other rows' plain cells."""
        reader = self.density.reader_
        columns = [cells.decode(own) for cells, own in zip(reader.cells, codes.T, strict=True)]
        if literals:
            at = np.flatnonzero(~regular)
            columns = [
                with_literals(column, at, cells)
                for column, cells in zip(columns, zip(*literals, strict=True), strict=True)
            ]
        return reader.schema.frame(columns)

    @property
    def _symbols(self):
        scales = self.density.reader_.scales
        return [symbols_of(s, *ends) for s, ends in zip(scales, self.ranges, strict=True)]

    @property
    def _rows(self):
        return OrderedRows(self.density, self._symbols)

    def _regularity(self, n):
        """Probabilities (n, 2) that a row has no symbols, and that it has."""
        rare = 1 / (self.n_rows + 2)
        return np.broadcast_to([rare, 1 - rare], (n, 2))

    def _same_cells(self, X, codes):
        """Whether (n,) all cells of a table are again what they were, made of their codes."""
        schema = self.density.reader_.schema
        again = schema.columns(self.table(codes, None, []))
        same = np.ones(len(codes), dtype=bool)
        for before, after in zip(schema.columns(X), again, strict=True):
            pairs = zip(cells_of(before), cells_of(after), strict=True)
            same &= np.array([_same(a, b) for a, b in pairs], dtype=bool)
        return same


def _same(a, b):
    if is_hole(a) or is_hole(b):
        return is_hole(a) and is_hole(b)
    # a zero may have a sign, which no grid keeps
    return a == b and not (a == 0 and str(a) != str(b))


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


def _check_decimals(cells, column, place):
    wrong = cells.off_grid(column, place)
    if wrong.any():
        row = int(wrong.argmax())
        raise ValueError(
            f"{place} holds {cells_of(column)[row]!r} in {row_label(row, column)}, and the fit "
            f"had numbers of {cells.decimals} decimals: round it, or fit to rows that have more."
        )
