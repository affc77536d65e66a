"""What codes of tables have in common: rows with symbols, and what is kept as text."""

from abc import ABC, abstractmethod

import numpy as np

from skflow._input import row_label
from skflow._validation import column_label
from skflow.codes._literals import literal_cells, with_literals
from skflow.codes._stack import Pushes
from skflow.tables._cells import UNSEEN
from skflow.tables._context import cells_of, is_hole

__all__ = ["RowCode"]


class RowCode(ABC):
    """What turns rows of a table into symbols on a stack, and these into rows.

    A symbol says of each row whether it is regular. One that differs from what the fit had, by a
    copy or sum that does not hold, a number far out, has no symbols and is kept as text; so are
    cells of levels that the fit had not.

    Attributes
    ----------
    schema : Schema
    cells : sequence of NumberCells, DecimalCells or LevelCells
        Of its columns.
    declared : sequence of int
        Columns whose grid is declared, so that a number between its points is an error.
    n_rows : int
        Of the fit.
    """

    @abstractmethod
    def split(self, X):
        """Codes (n, n_columns) of a table, and which rows are regular, (n,) bool."""

    @abstractmethod
    def push_regular(self, stack, codes):
        """Push regular rows of codes (n, n_columns)."""

    @abstractmethod
    def pop_regular(self, stack, n):
        """Pop n regular rows of codes."""

    @abstractmethod
    def log_prob_regular(self, codes):
        """Log probabilities (n,) of regular rows of codes, in nats."""

    def push(self, stack, codes, regular):
        """Push rows of codes (n, n_columns), those that are regular cell by cell."""
        self.push_regular(stack, codes[regular])
        pushes = Pushes()
        pushes.code(self._regularity(len(codes)), regular.astype(np.int64))
        pushes.flush(stack)

    def pop(self, stack, n):
        """Pop codes (n, n_columns), NaN in rows that are not regular, and which these are."""
        regular = stack.pop(self._regularity(n)).astype(bool)
        codes = np.full((n, len(self.schema)), np.nan)
        codes[regular] = self.pop_regular(stack, int(regular.sum()))
        return codes, regular

    def log_prob(self, codes, regular):
        """Log probability (n,) of rows, in nats; of one that is not regular, that it is not."""
        shares = np.log(self._regularity(1)[0])
        out = np.full(len(codes), shares[0])
        out[regular] = shares[1] + self.log_prob_regular(codes[regular])
        return out

    def literals(self, X, codes, regular):
        """Plain cells, by column, of rows that are not regular and of unseen levels."""
        return literal_cells(self.schema, self.cells, X, self.kept_as_text(codes, regular))

    def kept_as_text(self, codes, regular):
        """Which cells (n, n_columns) of codes have no symbols."""
        levels = np.array([bool(cells.n_levels) for cells in self.cells])
        return ~regular[:, None] | (levels & (codes == UNSEEN))

    def table(self, codes, regular=None, literals=()):
        """Make the table again of codes (n, n_columns) and of other cells, by column."""
        columns = [cells.decode(own) for cells, own in zip(self.cells, codes.T, strict=True)]
        if len(literals):
            which = self.kept_as_text(codes, regular)
            columns = [
                with_literals(column, np.flatnonzero(at), cells)
                for column, at, cells in zip(columns, which.T, literals, strict=True)
            ]
        return self.schema.frame(columns)

    def checked_columns(self, X):
        """Columns of a table, none missing, whose numbers are on a grid that is declared.

        Raises
        ------
        ValueError
            If there is one that is not. Whole numbers in the fit count as declared.
        """
        columns = self.schema.columns(X)
        for j, (column, cells) in enumerate(zip(columns, self.cells, strict=True)):
            if column is None:
                raise ValueError(f"X lacks column {self.schema.names[j]!r} of the fit.")
            if getattr(cells, "strict", False) and (not cells.decimals or j in self.declared):
                _check_decimals(cells, column, column_label(j, self.schema.labels))
        return columns

    def same_cells(self, columns, codes):
        """Whether (n,) all cells of columns, text apart, are what their codes make of them."""
        same = self.kept_as_text(codes, np.ones(len(codes), dtype=bool))
        again = self.schema.columns(self.table(codes))
        for j, (before, after) in enumerate(zip(columns, again, strict=True)):
            pairs = zip(cells_of(before), cells_of(after), strict=True)
            same[:, j] |= np.array([_same(a, b) for a, b in pairs], dtype=bool)
        return same.all(axis=1)

    def _regularity(self, n):
        """Probabilities (n, 2) that a row has no symbols, and that it has."""
        rare = 1 / (self.n_rows + 2)
        return np.broadcast_to([rare, 1 - rare], (n, 2))


def _same(a, b):
    if is_hole(a) or is_hole(b):
        return is_hole(a) and is_hole(b)
    # a zero may have a sign, which no grid keeps
    return a == b and not (isinstance(a, float) and np.signbit(a) != np.signbit(b))


def _check_decimals(cells, column, place):
    wrong = cells.off_grid(column, place)
    if wrong.any():
        row = int(wrong.argmax())
        raise ValueError(
            f"{place} holds {cells_of(column)[row]!r} in {row_label(row, column)}, and the fit "
            f"had numbers of {cells.decimals} decimals: round it, or fit to rows that have more."
        )
