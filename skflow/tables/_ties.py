"""Repeated values: found, and spread over a stated width, so that a density exists.

A density can grow without limit on a value that repeats (an integer, a rounded figure, a pile of
exact zeros): every narrower spike gains likelihood and says less. So training sees such values
jittered. The rule, column by column, on rows of positive weight:

* **continuous**: at least 90 % of the values are distinct. Nothing is done: the few repeats are
  accidents, or an atom too small to matter much.
* **regular grid**: fewer are distinct and all gaps are multiples of one gap g (integers, rounded
  figures, 0/1). Every row is spread over g, centred on its value.
* **atoms**: fewer are distinct, but only because of one or a few values that hold 1 % of the rows
  each (and at least 5), on top of a continuous part. The atoms' rows, and no others, are spread
  over 5 % of the column's spread s, or over the distance to the nearest value that repeats about
  as often (a quarter at least) if that is smaller. Atoms on a finer grid get this width too.
* **irregular grid**: fewer are distinct also without the atoms, and there is no common gap. Each
  repeated value is spread as an atom is; where 90 % of the rows hold repeated values (logs of
  counts, doses), over the distance to its nearest neighbour if that is larger, up to s.
* **constant**: spread over 5 % of the absolute value, or 0.05 if the value is zero.

The spread s is the smaller of the standard deviation and the distance between the 16th and 84th
percentile of the distinct values, so that an outlier does not inflate it. Values that differ
by rounding error count as equal.

Rows that repeat as a whole (a bootstrap sample, weights written out as repetitions) say nothing
about the columns, so such rows are counted once; unless a row is itself an atom, or rows repeat
more than four times on average, or the values lie on a regular grid (a single column of counts).

A column of which a grid is declared is spread over its step, whatever its values are.

What the fitted density means then: it is the density of the *jittered* data, evaluated at the
given X without noise. On a grid of gap g, ``density * g`` approximates the probability of the
value. Rescaling a column by a power of two rescales its widths exactly.
"""

from dataclasses import dataclass

import numpy as np

from skflow._persistence import stored
from skflow.tables._jitter import ColumnTies, spread_column
from skflow.tables._lattice import (
    distinct_values,
    grid_points,
    lattice_gap,
    nearest_comparable,
    on_lattice,
    row_keys,
    spread,
)

__all__ = ["Ties", "declared_ties", "find_ties"]

DISTINCT_SHARE = 0.9
ATOM_SHARE = 0.01
ATOM_COUNT = 5
ATOM_WIDTH = 0.05
# Of its width, from an atom, up to which draws go back to it: densities are smooth and leak out of
# the box that its rows fill. Of atoms with 60 % of the rows, mixtures, kernels and splines gave
# back shares between 3 points too little and 3 too much so; with half of the width, 8 too little.
REACH = 2 / 3
ROW_ATOM_COUNT = 8  # a bootstrap repeats hardly any row so often
MEAN_REPEATS = 4


@stored
@dataclass(frozen=True, eq=False)
class Ties:
    """What :func:`find_ties` found: one entry per column, None where it is continuous."""

    columns: tuple

    @property
    def widths(self):
        """Jitter width per column, 0 where the column is continuous, (n_features,)."""
        return np.array([0.0 if c is None else c.width for c in self.columns])

    @property
    def kinds(self):
        """Kind of each column, "continuous" where nothing is jittered."""
        return ["continuous" if c is None else c.kind for c in self.columns]

    @property
    def constant(self):
        """Which columns hold one value, (n_features,) bool."""
        return np.array([kind == "constant" for kind in self.kinds])

    def widths_in(self, j, x):
        """Jitter width (n,) of every entry x (n,) of column j; None if it is continuous."""
        column = self.columns[j]
        return None if column is None else column.row_widths(x)

    def spread(self, X, rng, low=None, high=None, *, in_place=False):
        """Spread repeated values over their widths, column by column; see :func:`spread_column`.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
        rng : numpy.random.Generator or numpy.random.RandomState
        low, high : ndarray of shape (n_features,), optional
            Declared bounds, infinite where there is none.
        in_place : bool, default=False
            Write into X, where it is nobody else's.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features)
            A new array, or X itself if there is nothing to spread.
        """
        out = X
        for j in range(X.shape[1]):
            widths = self.widths_in(j, X[:, j])
            if widths is None or not widths.any():
                continue
            if out is X and not in_place:
                out = X.copy()
            bounds = (-np.inf if low is None else low[j], np.inf if high is None else high[j])
            out[:, j] = spread_column(X[:, j], widths, rng, *bounds)
        return out

    def gather(self, X, low, high):
        """Bring draws back to where the table had its values, see :meth:`ColumnTies.gather`.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
        low, high : ndarray of shape (n_features,)

        Returns
        -------
        X : ndarray of shape (n_samples, n_features)
            A new array.
        """
        out = X.copy()
        for j, column in enumerate(self.columns):
            if column is not None:
                out[:, j] = column.gather(X[:, j], low[j], high[j])
        return out


def find_ties(X, sample_weight=None, declared=None):
    """Find the columns whose values repeat, and how far to spread them.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Finite float64.
    sample_weight : ndarray of shape (n_samples,), optional
        Rows of weight zero are left out; other weights have no influence.
    declared : dict {int: ColumnTies or None}, optional
        What is known of columns, which are not searched then.

    Returns
    -------
    ties : Ties
    """
    declared = {} if declared is None else declared
    rows = np.arange(len(X)) if sample_weight is None else np.flatnonzero(sample_weight > 0)
    every, once = _row_views(X, rows)
    with np.errstate(over="ignore", invalid="ignore"):  # ratios of 1e300 to 1e-300
        columns = (
            declared[j] if j in declared else _column_ties(X[:, j], every, once)
            for j in range(X.shape[1])
        )
        return Ties(tuple(columns))


def declared_ties(x, step):
    """Spread every value of the column x (n,) over a step above 0, whatever the values are.

    Draws go back to the grid on which the values lie, or to multiples of the step where the
    values are no multiples of it apart.

    Returns
    -------
    ties : ColumnTies
    on_grid : bool
        Whether the values are multiples of the step apart.
    """
    column = _Column(x)
    on_grid = on_lattice(column.lower, step)
    empty = np.empty(0)
    points = grid_points(column.lower, step) if on_grid else np.zeros(1)
    ends = column.ends if on_grid else (-np.inf, np.inf)
    reach = np.empty((0, 2))
    return ColumnTies("grid", float(step), empty, empty, empty, reach, points, ends), on_grid


def _row_views(X, rows):
    """Return indices of the rows to count, and the same with repeated rows counted once."""
    first, repeats = _unique_rows(X, rows)
    if repeats.max() == 1:
        return first, first
    every = np.repeat(first, repeats)
    repeats = repeats // np.gcd.reduce(repeats)  # a table with every row k times is that table
    if repeats.sum() > MEAN_REPEATS * len(first):
        return every, every
    atom = repeats >= max(
        ROW_ATOM_COUNT, ATOM_COUNT * np.median(repeats), ATOM_SHARE * repeats.sum()
    )
    return every, np.repeat(first, np.where(atom, repeats, 1))


def _unique_rows(X, rows):
    """One index for each distinct row, and how often it occurs."""
    keys = row_keys(X)[rows]  # of all rows, since rows picked out of X would be a copy of it
    _, first, repeats = np.unique(keys, return_index=True, return_counts=True)
    return rows[first], repeats


def _column_ties(x, every, once):
    """Ties of one column, given the row indices of :func:`_row_views`."""
    column = _Column(x[once])
    if column.constant:
        width = ATOM_WIDTH * abs(column.lower[-1]) or ATOM_WIDTH
        value = column.lower[-1:]
        empty, ends = np.empty(0), (float(value[0]),) * 2
        return ColumnTies(
            "constant", float(width), empty, empty, empty, np.empty((0, 2)), value, ends
        )
    if not column.tied and len(every) > len(once):
        whole = _Column(x[every])  # e.g. one column of counts: its equal rows are its grid
        column = whole if whole.discrete else column
    return column.ties()


class _Column:
    """Distinct values of one column, their counts, and what follows from them."""

    def __init__(self, x):
        self.n = len(x)
        self.lower, self.upper, self.counts, self.constant = distinct_values(x)
        self.atoms = self.counts >= max(ATOM_COUNT, ATOM_SHARE * self.n)
        self.tied = 1 < len(self.lower) < DISTINCT_SHARE * self.n
        self.gap = lattice_gap(self.lower) if self.tied and not self.atoms_alone else 0.0

    @property
    def atoms_alone(self):
        """Whether the values other than the atoms are distinct (and not a grid's few last)."""
        n_values, n_atoms = len(self.lower), int(self.atoms.sum())
        rest = self.n - int(self.counts[self.atoms].sum())
        return n_values - n_atoms >= max(DISTINCT_SHARE * rest, 2 * n_atoms)

    @property
    def discrete(self):
        """Whether the ties cannot be those of whole rows, in a bootstrap sample or repeated."""
        n_values = len(self.lower)
        sites = (self.lower[-1] - self.lower[0]) / self.gap + 1 if self.gap else np.inf
        often = self.n > MEAN_REPEATS * n_values and self.counts.min() < self.counts.max()
        return self.tied and (n_values > 0.01 * sites or often)

    @property
    def ends(self):
        """The lowest and the highest value, where they repeat; else no end."""
        low, high = self.counts[[0, -1]] >= ATOM_COUNT
        return (
            float(self.lower[0]) if low else -np.inf,
            float(self.lower[-1]) if high else np.inf,
        )

    def ties(self):
        if not self.tied:
            return None
        scale = spread(self.lower, self.counts)
        widths = np.minimum(ATOM_WIDTH * scale, nearest_comparable(self.lower, self.counts))
        kind, own, ends = "atom", self.atoms, self.ends
        gaps = np.diff(self.lower)
        if self.gap:
            kind, own = "grid", self.atoms & (widths > self.gap)
        elif not self.atoms_alone:
            kind, own = "irregular", self.counts > 1
            if self.counts[own].sum() >= DISTINCT_SHARE * self.n:
                nearest = np.minimum(np.append(np.inf, gaps), np.append(gaps, np.inf))
                # A lone sentinel (-999) is far from everything: its gap says nothing.
                widths = np.maximum(np.minimum(nearest, scale), widths)
                widths = np.where(own, widths, 0.0)
                # Values that do not repeat get no jitter, and are places of draws all the same.
                own, ends = np.full(len(own), True), (float(self.lower[0]), float(self.lower[-1]))
        rooms = np.column_stack([np.append(0.0, gaps), np.append(gaps, 0.0)])
        reach = np.maximum(REACH * widths[:, None], rooms / 2)[own]
        points = grid_points(self.lower, self.gap) if self.gap else np.empty(0)
        own_values = self.lower[own], self.upper[own], widths[own]
        return ColumnTies(kind, float(self.gap), *own_values, reach, points, ends)
