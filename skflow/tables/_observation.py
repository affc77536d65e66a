"""How the rows that a user has are rows of a flow: checked, made continuous, and turned back."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from skflow._containers import on_host
from skflow._input import row_label
from skflow._persistence import stored
from skflow._validation import column_label
from skflow.tables._bounds import (
    boundary_positions,
    check_inside_support,
    move_inside,
    outside_support,
    resolve_support,
)
from skflow.tables._periodic import Circles, read_circles
from skflow.tables._resolution import read_resolution
from skflow.tables._rows import merge_equal_rows
from skflow.tables._table import Table
from skflow.tables._ties import Ties, find_ties

__all__ = ["ContinuousRows", "IntegerRows", "Observation", "observation_of"]

BLOCK = 4096  # rows looked at together


class Observation(ABC):
    """What a fitted estimator knows of its table: plain data that whoever wants to know asks.

    Attributes
    ----------
    continuous : bool
        Whether scores are log densities of continuous rows; else log probabilities.
    ties : Ties
        Repeated values that are spread in training, and over what widths.
    n_features : int
        Columns of the table.
    circles : Circles or None
        Its periodic columns.
    """

    continuous: ClassVar[bool]
    circles: Circles | None = None

    @property
    @abstractmethod
    def bounds(self):
        """Low, high, and the positions at which values on them are scored, (n_features,) each."""

    @property
    def dequantized(self):
        """Columns that are spread, and over what width, as a dict."""
        widths = self.ties.widths
        return {int(j): float(widths[j]) for j in np.flatnonzero(widths)}

    @abstractmethod
    def check(self, X, names=None, like=None):
        """Raise a ValueError for values (n_samples, n_features) that the flow cannot take."""

    def prepare(self, X, weight, rng, *, fold=None, context=None, owned=False):
        """Make the rows to train on.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            Checked.
        weight : ndarray of shape (n_samples,) or None
        rng : numpy.random.Generator
            Of the noise that spreads repeated values.
        fold : ndarray of shape (n_samples,), optional
            The member that is to hold out each row, -1 for none.
        context : ndarray of shape (n_samples, n_context), optional
        owned : bool, default=False
            Whether X is nobody else's, so that it may be changed.

        Returns
        -------
        table : Table
        """
        source = np.full(len(X), -1)
        used, X, weight, owned = _of_positive_weight(X, weight, owned)
        values = self.made_continuous(X, rng, owned)
        fold = None if fold is None else fold[used]
        context = None if context is None else context[used]
        whole = values if context is None else np.concatenate([values, context], axis=1)
        first, weight, source[used] = merge_equal_rows(whole, weight, fold)
        context = None if context is None else context[first]
        holder = None if fold is None else fold[first]
        return Table(values, first, weight, source, self, holder, context)

    def turn(self, X):
        """Rows with periodic columns in the one period in which the flow has them."""
        return X

    def turn_back(self, X):
        """Rows with periodic columns in the period in which the table had them."""
        return X

    def spread(self, X, rng):
        """Rows with repeated values spread as in training; those that scores are typical of."""
        return self.turn_back(self.ties.spread(self.turn(X), rng, *self.bounds[:2]))

    def draws(self, X, on_grid=False):
        """Make of draws of the flow rows as a user has them, spread columns back on the grid."""
        return self.turn_back(self.ties.gather(X, *self.bounds[:2]) if on_grid else X)

    @abstractmethod
    def place(self, X):
        """Rows as they are scored, and which lie outside the bounds, (n_samples,) bool."""

    @abstractmethod
    def wrap(self, flow):
        """Make of a flow of continuous rows one of rows as they are in X."""

    @abstractmethod
    def made_continuous(self, X, rng, owned=False):
        """Rows of X with repeated values spread, strictly inside the bounds."""


def _of_positive_weight(X, weight, owned):
    """Which rows count, these rows and their weights, and whether they are nobody else's."""
    if weight is None or (weight > 0).all():
        return slice(None), X, weight, owned
    used = weight > 0
    return used, X[used], weight[used], True


@stored
@dataclass(frozen=True, eq=False)
class ContinuousRows(Observation):
    """Numbers between declared bounds, or without any, of which some may repeat.

    Attributes
    ----------
    low, high : ndarray of shape (n_features,)
        Declared bounds, infinite where there are none.
    low_at, high_at : ndarray of shape (n_features,)
        The positions at which values on a bound are scored.
    ties : Ties
    circles : Circles or None
        Periodic columns, between whose cuts the bounds lie.
    """

    low: np.ndarray
    high: np.ndarray
    low_at: np.ndarray
    high_at: np.ndarray
    ties: Ties
    circles: Circles | None = None

    continuous: ClassVar[bool] = True

    @classmethod
    def read(
        cls,
        X,
        weight=None,
        *,
        support=None,
        resolution=None,
        periodic=None,
        circles=None,
        names=None,
        spreads=True,
        like=None,
    ):
        """Find bounds and repeated values in the rows of X that have a positive weight.

        Circles that are known already stay as they are cut. Without ``spreads`` repeated values
        stay as they are, but for declared grids.
        """
        low, high = resolve_support(support, X.shape[1], names)
        if circles is None:
            circles = read_circles(X, periodic, weight, names)
        if circles is not None:
            X = circles.turn(X)
            low, high = circles.within(low, high, names)
        used = None if weight is None or (weight > 0).all() else weight > 0
        check_inside_support(X, low, high, names, used, like)
        declared = read_resolution(X, resolution, used, names)
        ties = find_ties(X, weight, declared)
        positions = boundary_positions(X, low, high, ties, used)
        if not spreads:
            ties = Ties(tuple(declared.get(j) for j in range(X.shape[1])))
        return cls(low, high, *positions, ties, circles)

    @classmethod
    def within(cls, low, high):
        """Rows of which only the bounds are known, which are open."""
        return cls(low, high, low, high, Ties((None,) * len(low)))

    @property
    def bounds(self):
        return self.low, self.high, self.low_at, self.high_at

    def check(self, X, names=None, like=None):
        return

    @property
    def n_features(self):
        """Columns of the table."""
        return len(self.low)

    def turn(self, X):
        return X if self.circles is None else self.circles.turn(X)

    def turn_back(self, X):
        return X if self.circles is None else self.circles.turn_back(X)

    def place(self, X):
        X = self.turn(X)
        return move_inside(X, *self.bounds), outside_support(X, self.low, self.high)

    def wrap(self, flow):
        return flow

    def made_continuous(self, X, rng, owned=False):
        turned = X if self.circles is None else self.circles.turn(X, in_place=owned)
        owned = owned or turned is not X
        rows = self.ties.spread(turned, rng, self.low, self.high, in_place=owned)
        return move_inside(rows, *self.bounds, in_place=owned or rows is not turned)


@stored
@dataclass(frozen=True)
class IntegerRows(Observation):
    """Integers 0 to n_levels - 1 in every column, of which scores are log probabilities.

    Attributes
    ----------
    n_levels : int
    n_features : int
    noise_shape : tuple of int or None
        Shape of the images whose noise is a conditional flow; None for uniform noise.
    """

    n_levels: int
    n_features: int
    noise_shape: tuple | None = None

    continuous: ClassVar[bool] = False

    @property
    def ties(self):
        """Nothing is spread: noise fills the cells between integers."""
        return Ties((None,) * self.n_features)

    @property
    def bounds(self):
        low, high = np.full(self.n_features, -np.inf), np.full(self.n_features, np.inf)
        return low, high, low, high

    def check(self, X, names=None, like=None):
        for start in range(0, len(X), BLOCK):  # masks of all of a long table would be large
            rows = X[start : start + BLOCK]
            bad = (rows < 0) | (self.n_levels - 1 < rows) | (rows % 1 != 0)
            if bad.any():
                row, column = np.argwhere(on_host(bad))[0]
                raise ValueError(
                    f"levels={self.n_levels} says that values are integers from 0 to "
                    f"{self.n_levels - 1}; {column_label(column, names)} holds "
                    f"{rows[row, column]:g} in {row_label(start + row, like)}. Round or rescale "
                    "X, give levels the largest value plus 1, or take levels=None for continuous "
                    "values."
                )

    def place(self, X):
        return X, np.zeros(len(X), dtype=bool)

    def wrap(self, flow):
        from skflow.architectures import dequantizing_flow
        from skflow.bijections import Chain, LogisticToNormal, SupportMap
        from skflow.dequantization import Dequantized
        from skflow.flow import Flow

        # all values between 0 and the number of levels, so that no probability lies elsewhere
        bounds = np.zeros(self.n_features), np.full(self.n_features, self.n_levels)
        bounded = Chain([SupportMap(*bounds), LogisticToNormal(), flow.bijection])
        noise = None if self.noise_shape is None else dequantizing_flow(self.noise_shape)
        return Dequantized(Flow(bounded, flow.base), self.n_levels, noise)

    def made_continuous(self, X, rng, owned=False):
        return X


def observation_of(estimator, X):
    """Ask a fitted estimator what it knows of its table; one of another make, see X (n, d)."""
    known = getattr(estimator, "observation_", None)
    return ContinuousRows.read(X) if known is None else known
