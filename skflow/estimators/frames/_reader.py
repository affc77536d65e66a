"""Between a table as a user has it and the rows that nets of conditionals take."""

from dataclasses import dataclass, replace

import numpy as np
import torch

from skflow._containers import rows_at
from skflow._persistence import stored
from skflow._validation import column_label
from skflow.conditionals._scales import read_scale
from skflow.estimators.frames._columns import read_columns
from skflow.tables._cells import UNSEEN
from skflow.tables._decimals import DecimalCells
from skflow.tables._declared import by_column
from skflow.tables._schema import Schema
from skflow.tables._sums import complete

__all__ = ["Reader"]


@stored
@dataclass(frozen=True, eq=False)
class Reader:
    """What a fit knows of the columns of its table.

    Attributes
    ----------
    schema : Schema
    cells : tuple of NumberCells or LevelCells
        Of each column of the table; of a marginal, then of those that its sums are made of.
    places : tuple of int or None
        Which column of the nets each column of the table is: copies share one, and those that
        are skipped have none. Sums have places after all columns of the nets.
    scales : tuple of NumberScale or LevelScale
        Of each column of the nets.
    n_rows : int
        Of the fit.
    sums : tuple of ColumnSum
        Columns that are the sum of two of the nets, in the order of their places.
    """

    schema: Schema
    cells: tuple
    places: tuple
    scales: tuple
    n_rows: int
    sums: tuple = ()

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
            columns = [rows_at(column, rows) for column in columns]
        bounds = by_column("support", support, "(low, high)", len(schema), schema.labels)
        found = read_columns(columns, schema.labels, kinds, bounds)
        cells, codes, kept = found.cells, found.codes, found.kept
        scales, points, spread, n_rows = [], [], [], len(codes[0])
        for j in kept:
            own = cells[j].bounds(*bounds[j]) if j in bounds else None
            scale = read_scale(codes[j], weight, rng, cells[j], own)
            scales.append(scale)
            points.append(scale.score(codes[j])[0])
            spread.append(scale.score(scale.spread(codes[j], rng))[0])
        reader = cls(schema, tuple(cells), tuple(found.places), tuple(scales), n_rows, found.sums)
        empty = np.empty((n_rows, 0))
        kept_codes = np.column_stack([empty, *(codes[j] for j in kept)])
        cells = np.column_stack([empty, *points]), np.column_stack([empty, *spread])
        return reader, kept_codes, *cells

    @property
    def asked(self):
        """Columns of the nets that the table has, in ascending order."""
        places = {place for place in self.places if place is not None}
        return sorted(place for place in places if place < len(self.scales))

    def codes(self, X):
        """Codes (n, n_columns) of the cells of a table, NaN in holes and in columns it lacks."""
        columns = self._columns(X)
        labels = self.schema.labels
        n = next(len(column) for column in columns if column is not None)
        return np.column_stack(
            [
                np.full(n, np.nan)
                if column is None
                else one.encode(column, column_label(j, labels))
                for j, (column, one) in enumerate(zip(columns, self.cells, strict=True))
            ]
        )

    def _columns(self, X):
        hidden = len(self.cells) - len(self.schema)
        return self.schema.columns(X) + [None] * hidden

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
            if self.is_total(name):
                raise ValueError(f"column {name!r} is a sum: give ranges of its summands.")
            low, high = self.scales[place].range(*self._ends(j, name, value))
            other = ranges.get(place, (low, high))  # of a copy
            ranges[place] = max(low, other[0]), min(high, other[1])
        known = self.known(codes)
        alone = ranges and any(one.alone(known).any() for one in self.sums)
        if alone or not np.isnan(known[0, list(ranges)]).all():
            raise ValueError(
                "`given` has a range of a column that its other cells tell, or a total without "
                f"its summands beside a range: {given!r}."
            )
        return codes, ranges

    def _ends(self, j, name, value):
        """Codes of the ends of a range of column j, NaN where it is open."""
        cells = self.cells[j]
        if not cells.n_levels and cells.periodic:
            raise ValueError(f"column {name!r} is periodic, and so has no range {value!r}.")
        if not cells.n_levels:
            return [np.nan if end is None else self._code(j, end) for end in value]
        if not cells.ordered:
            raise ValueError(f"column {name!r} has no order, and so no range {value!r}.")
        return cells.range(*value)

    def _code(self, j, value):
        column = np.empty(1, dtype=object)
        column[0] = value
        place = column_label(j, self.schema.labels)
        code = self.cells[j].encode(column, place)[0]
        if code == UNSEEN and self.cells[j].n_levels:
            known = ", ".join(map(repr, self.cells[j].levels[:10]))
            raise ValueError(f"{place} had no {value!r} in the fit; it had {known}.")
        return code

    def scores(self, codes):
        """Scores (n, d) of codes, float32, and what log densities add by place, (n, n_places)."""
        known, slopes = self._merged(codes)
        scores = np.full((len(codes), len(self.scales)), np.nan)
        for place in self.asked:
            scores[:, place], own = self.scales[place].score(known[:, place])
            slopes[:, place] += own
        return torch.from_numpy(scores).float(), slopes

    def ends(self, codes):
        """Low ends of whole numbers' scores and their widths (n, d, 2); NaN for other cells."""
        known = self.known(codes)
        ends = np.full((len(codes), len(self.scales), 2), np.nan)
        for place in self.asked:
            ends[:, place] = self.scales[place].ends(known[:, place])
        ends[..., 1] -= ends[..., 0]
        return torch.from_numpy(ends).float()

    def known(self, codes):
        """Codes (n, n_places) of all that is known, by itself, its copies or sums."""
        return self._merged(codes)[0]

    def _merged(self, codes):
        """Codes by place, (n, n_places), and what copies and sums that do not fit cost."""
        shape = len(codes), len(self.scales) + len(self.sums)
        known, cost = np.full(shape, np.nan), np.zeros(shape)
        for j, place in enumerate(self.places):
            if place is None:
                continue
            hole = np.isnan(known[:, place])
            # what the one says is improbable given the other
            wrong = ~hole & ~np.isnan(codes[:, j]) & (codes[:, j] != known[:, place])
            cost[wrong, place] -= np.log(self.n_rows + 1)
            known[hole, place] = codes[hole, j]
        complete(known, self.sums)
        for one in self.sums:
            cost[one.broken(known), one.places[0]] -= np.log(self.n_rows + 1)
        return known, cost

    def log_shares(self, X, codes):
        """Log shares (n, n_places) that cells have among the levels that share their code."""
        shares = np.zeros((len(codes), len(self.scales) + len(self.sums)))
        columns = self._columns(X)
        for j in reversed(range(len(columns))):  # of copies the first that is no hole counts
            if self.places[j] is not None and self.cells[j].n_levels and self.cells[j].pooled:
                there = ~np.isnan(codes[:, j])
                if there.any():
                    own = self.cells[j].log_share(columns[j])
                    shares[there, self.places[j]] = own[there]
        return shares

    def filled(self, codes, scores, on_grid=True):
        """Codes (n, n_columns) with holes filled by those of scores (n, d)."""
        codes, known = codes.copy(), self.known(codes)
        for place in self.asked:
            hole = np.isnan(known[:, place])
            if self.cells[self.columns_at(place)[0]].n_levels:
                hole |= known[:, place] == UNSEEN  # which says nothing of a copy
            if hole.any():
                own = scores[hole, place].double().numpy()
                known[hole, place] = self.scales[place].codes(own, on_grid)
        complete(known, self.sums)
        for j, place in enumerate(self.places):
            if place is not None:
                codes[:, j] = np.where(np.isnan(codes[:, j]), known[:, place], codes[:, j])
        return codes

    def table(self, codes, rng=None, X=None, times=None):
        """Make a table of codes; cells that a table X holds are kept as they are.

        Of levels that share a code a generator picks one; without it, it is the most frequent.
        Each row of X stands for so many in a row of the codes; None is for one, and says that
        its index is kept too.
        """
        originals = [None] * len(self.schema)
        if X is not None:
            rows = np.arange(len(codes)) // (times or 1)
            originals = [
                None if column is None else rows_at(column, rows)
                for column in self.schema.columns(X)
            ]
        columns = [
            self.cells[j].decode(codes[:, j], original, rng)
            for j, original in enumerate(originals)
        ]
        return self.schema.frame(columns, like=X if times is None else None)

    def kind(self, j):
        """Say what column j of the table is modelled as."""
        if self.places[j] is None:
            return "skip"
        if self.cells[j].n_levels:
            return "ordinal" if self.cells[j].ordered else "category"
        if self.cells[j].periodic:
            return "periodic"
        if isinstance(self.cells[j], DecimalCells):
            return "decimal"
        return "integer" if self.cells[j].step else "number"

    def index_of(self, column):
        """Column of the nets that a column of the table is."""
        place = self.places[self.schema.index_of(column)]
        if place is None:
            raise ValueError(f"column {column!r} is not modelled: it was skipped, or it is empty.")
        return place

    def is_total(self, column):
        """Whether a column of the table is the sum of two others."""
        place = self.places[self.schema.index_of(column)]
        return place is not None and place >= len(self.scales)

    def by_column(self, values):
        """Values (n, n_columns) of those by place (n, n_places), NaN where there is none."""
        none = np.full((len(values), 1), np.nan)
        where = [values.shape[1] if place is None else place for place in self.places]
        return np.hstack([values, none])[:, where]

    def without(self, codes, column):
        """Codes (n, n_columns) in which a column and its copies are holes."""
        codes = codes.copy()
        codes[:, self.columns_at(self.index_of(column))] = np.nan
        return codes

    def columns_at(self, place):
        """Return columns of the table that one of the nets is: several, if they are copies."""
        return [j for j, other in enumerate(self.places) if other == place]

    def part(self, columns):
        """Return the reader of a table of some of the columns."""
        columns = [columns] if isinstance(columns, str) else columns
        which = [self.schema.index_of(column) for column in columns]
        if len(set(which)) < len(which) or not which:
            raise ValueError(f"columns must name one or more columns, each once; got {columns!r}.")
        shown = {self.places[j] for j in which}
        needed = {place for one in self.sums if one.places[0] in shown for place in one.places}
        hidden = [self.columns_at(place)[0] for place in sorted(needed - shown)]
        part = self.schema.part(which)
        which = which + hidden
        return replace(
            self,
            schema=part,
            cells=tuple(self.cells[j] for j in which),
            places=tuple(self.places[j] for j in which),
        )
