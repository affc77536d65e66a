"""Between a table as a user has it and the rows that nets of conditionals take."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from sklearn.utils import _safe_indexing

from skflow._persistence import stored
from skflow._validation import column_label
from skflow.conditionals._scales import read_scale
from skflow.tables._cells import KINDS, UNSEEN, LevelCells, read_cells
from skflow.tables._context import cells_of, is_hole
from skflow.tables._declared import by_column
from skflow.tables._schema import Schema

__all__ = ["Reader"]


@stored
@dataclass(frozen=True, eq=False)
class Reader:
    """What a fit knows of the columns of its table.

    Attributes
    ----------
    schema : Schema
    cells : tuple of NumberCells or LevelCells
        Of each column of the table.
    places : tuple of int or None
        Which column of the nets each column of the table is: copies share one, and those that
        are skipped have none.
    scales : tuple of NumberScale or LevelScale
        Of each column of the nets.
    n_rows : int
        Of the fit.
    """

    schema: Schema
    cells: tuple
    places: tuple
    scales: tuple
    n_rows: int

    @classmethod
    def read(cls, X, weight, rng, kinds=None, support=None):
        """Learn from the table of a fit, whose rows of weight 0 do not count.

        Returns
        -------
        reader : Reader
        codes, points, spread : ndarray of shape (n, d)
            Of the rows that count, in the columns of the nets: codes, their scores, and scores
            with repeated values spread.
        """
        schema = Schema.read(X)
        columns = schema.columns(X)
        if weight is not None and not weight.all():
            rows = np.flatnonzero(weight)
            weight = weight[rows]
            columns = [_safe_indexing(column, rows) for column in columns]
        d, labels = len(schema), _labels(schema)
        kinds = _declared_kinds(kinds, d, labels)
        bounds = by_column("support", support, "(low, high)", d, labels)
        cells, codes, places, kept = [], [], [], []
        for j, column in enumerate(columns):
            place = column_label(j, labels)
            one = read_cells(column, place, kinds.get(j))
            cells.append(one)
            codes.append(one.encode(column, place))
            places.append(_place(codes, cells, kept, kinds.get(j)))
        scales, points, spread, n_rows = [], [], [], len(codes[0])
        for j in kept:
            own = cells[j].bounds(*bounds[j]) if j in bounds else None
            scale = read_scale(codes[j], weight, rng, cells[j], own)
            scales.append(scale)
            points.append(scale.score(codes[j])[0])
            spread.append(scale.score(scale.spread(codes[j], rng))[0])
        reader = cls(schema, tuple(cells), tuple(places), tuple(scales), n_rows)
        empty = np.empty((n_rows, 0))
        kept_codes = np.column_stack([empty, *(codes[j] for j in kept)])
        cells = np.column_stack([empty, *points]), np.column_stack([empty, *spread])
        return reader, kept_codes, *cells

    @property
    def asked(self):
        """Columns of the nets that the table has, in ascending order."""
        return sorted({place for place in self.places if place is not None})

    def codes(self, X):
        """Codes (n, n_columns) of the cells of a table, NaN in holes and in columns it lacks."""
        columns = self.schema.columns(X)
        labels = _labels(self.schema)
        n = next(len(column) for column in columns if column is not None)
        return np.column_stack(
            [
                np.full(n, np.nan)
                if column is None
                else one.encode(column, column_label(j, labels))
                for j, (column, one) in enumerate(zip(columns, self.cells, strict=True))
            ]
        )

    def conditions(self, given):
        """Codes (1, n_columns) of known cells, and ranges (low, high) of codes by column.

        Parameters
        ----------
        given : dict {column: value or (low, high)}
            None leaves an end of a range open.
        """
        codes, ranges = np.full((1, len(self.cells)), np.nan), {}
        for name, value in given.items():
            j = self.schema.index_of(name)
            if not isinstance(value, tuple) or len(value) != 2:
                codes[0, j] = self._code(j, value)
                continue
            place = self.index_of(name)
            low, high = self.scales[place].range(*self._ends(j, name, value))
            other = ranges.get(place, (low, high))  # of a copy
            ranges[place] = max(low, other[0]), min(high, other[1])
        return codes, ranges

    def _ends(self, j, name, value):
        """Codes of the ends of a range of column j, NaN where it is open."""
        cells = self.cells[j]
        if not cells.n_levels:
            return [np.nan if end is None else self._code(j, end) for end in value]
        if not cells.ordered:
            raise ValueError(f"column {name!r} has no order, and so no range {value!r}.")
        return cells.range(*value)

    def _code(self, j, value):
        column = np.empty(1, dtype=object)
        column[0] = value
        place = column_label(j, _labels(self.schema))
        code = self.cells[j].encode(column, place)[0]
        if code == UNSEEN and self.cells[j].n_levels:
            known = ", ".join(map(repr, self.cells[j].levels[:10]))
            raise ValueError(f"{place} had no {value!r} in the fit; it had {known}.")
        return code

    def scores(self, codes):
        """Scores (n, d) of codes, float32, and what log densities of the cells add, (n, d)."""
        known, slopes = self._merged(codes)
        scores = np.full(known.shape, np.nan)
        for place in self.asked:
            scores[:, place], own = self.scales[place].score(known[:, place])
            slopes[:, place] += own
        return torch.from_numpy(scores).float(), slopes

    def ends(self, codes):
        """Low ends of whole numbers' scores and their widths (n, d, 2); NaN for other cells."""
        known, _ = self._merged(codes)
        ends = np.full((*known.shape, 2), np.nan)
        for place in self.asked:
            ends[:, place] = self.scales[place].ends(known[:, place])
        ends[..., 1] -= ends[..., 0]
        return torch.from_numpy(ends).float()

    def _merged(self, codes):
        """Codes (n, d) of which copies are one, and what copies that differ cost (n, d)."""
        shape = len(codes), len(self.scales)
        known, cost = np.full(shape, np.nan), np.zeros(shape)
        for j, place in enumerate(self.places):
            if place is None:
                continue
            hole = np.isnan(known[:, place])
            # what the one says is improbable given the other
            wrong = ~hole & ~np.isnan(codes[:, j]) & (codes[:, j] != known[:, place])
            cost[wrong, place] -= np.log(self.n_rows + 1)
            known[hole, place] = codes[hole, j]
        return known, cost

    def log_shares(self, X):
        """Log shares (n, d) that cells have among the levels that share their code."""
        shares = np.zeros((len(X), len(self.scales)))
        if not any(cells.n_levels and cells.pooled for cells in self.cells):
            return shares
        columns = self.schema.columns(X)
        for cells, place, column in zip(self.cells, self.places, columns, strict=True):
            if place is not None and column is not None and cells.n_levels:
                shares[:, place] = cells.log_share(column)
        return shares

    def filled(self, codes, scores, on_grid=True):
        """Codes (n, n_columns) with holes filled by those of scores (n, d)."""
        codes = codes.copy()
        for j, place in enumerate(self.places):
            hole = np.isnan(codes[:, j])
            if place is not None and hole.any():
                own = scores[hole, place].double().numpy()
                codes[hole, j] = self.scales[place].codes(own, on_grid)
        return codes

    def table(self, codes, rng=None, X=None, times=None):
        """Make a table of codes; cells that a table X holds are kept as they are.

        Of levels that share a code a generator picks one; without it, it is the most frequent.
        Each row of X stands for so many in a row of the codes; None is for one, and says that
        its index is kept too.
        """
        originals = [None] * len(self.cells)
        if X is not None:
            rows = np.arange(len(codes)) // (times or 1)
            originals = [
                None if column is None else _safe_indexing(column, rows)
                for column in self.schema.columns(X)
            ]
        columns = []
        for j, (one, original) in enumerate(zip(self.cells, originals, strict=True)):
            own = codes[:, j]
            if not isinstance(one, LevelCells):
                columns.append(one.decode(own, original))
                continue
            unseen = own == UNSEEN
            cells = one.decode(np.where(unseen, np.nan, own), rng)
            if original is not None:
                filled = cells_of(original)
                there = np.array([not is_hole(cell) for cell in filled], dtype=bool)
                kept = unseen | ((own == len(one.levels)) & there)
                cells[kept] = filled[kept]
            columns.append(cells)
        return self.schema.frame(columns, like=X if times is None else None)

    def kind(self, j):
        """Say what column j of the table is modelled as."""
        if self.places[j] is None:
            return "skip"
        if self.cells[j].n_levels:
            return "ordinal" if self.cells[j].ordered else "category"
        return "integer" if self.cells[j].step else "number"

    def index_of(self, column):
        """Column of the nets that a column of the table is."""
        place = self.places[self.schema.index_of(column)]
        if place is None:
            raise ValueError(f"column {column!r} is not modelled: it was skipped, or it is empty.")
        return place

    def columns_at(self, place):
        """Return columns of the table that one of the nets is: several, if they are copies."""
        return [j for j, other in enumerate(self.places) if other == place]

    def part(self, columns):
        """Return the reader of a table of some of the columns."""
        columns = [columns] if isinstance(columns, str) else columns
        which = [self.schema.index_of(column) for column in columns]
        if len(set(which)) < len(which) or not which:
            raise ValueError(f"columns must name one or more columns, each once; got {columns!r}.")
        return replace(
            self,
            schema=self.schema.part(which),
            cells=tuple(self.cells[j] for j in which),
            places=tuple(self.places[j] for j in which),
        )


def _labels(schema):
    return None if schema.make == "numpy" else schema.names


def _declared_kinds(kinds, n_columns, labels):
    declared = by_column("kinds", kinds, "kind", n_columns, labels)
    for j, kind in declared.items():
        if kind not in KINDS:
            raise ValueError(
                f"kinds of {column_label(j, labels)} must be one of {', '.join(KINDS)}; got "
                f"{kind!r}."
            )
    return declared


def _place(codes, cells, kept, kind):
    """Return the place of the last column of the codes, None if it gets none."""
    own = codes[-1]
    if kind == "skip" or np.isnan(own).all():
        return None
    for place, j in enumerate(kept):
        if cells[j] == cells[-1] and np.array_equal(codes[j], own, equal_nan=True):
            return place
    kept.append(len(codes) - 1)
    return len(kept) - 1
