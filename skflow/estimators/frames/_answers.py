"""The questions that a fitted density of a data frame answers."""

import math
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import DensityMixin
from sklearn.utils.validation import check_is_fitted

from skflow._random import draw_seed
from skflow._types import Cells, Columns, Floats, Given, RandomState, Rows, Weights
from skflow._validation import check_n_samples
from skflow.estimators._from_sources import mean_score, takes_sources

__all__ = ["AnswersQuestions"]


class AnswersQuestions(DensityMixin):
    """Methods of an estimator whose fit leaves ``reader_``, ``conditionals_`` and ``orders_``."""

    @takes_sources()
    def score_samples(self, X: Rows, given: Columns = ()) -> Floats:
        """Log density of the known cells of each row, in nats.

        Numbers have densities in the units of X, integers, dates and categories probabilities.
        Of a row with holes it is the density of what is there.

        Parameters
        ----------
        X : data frame or array of shape (n_samples, n_features)
            Or whatever else :meth:`NSFDensity.score_samples` takes, here and in ``score``.
        given : sequence of column names or indices, default=()
            Columns that are conditions: the density is that of the others given them.

        Returns
        -------
        log_density : ndarray of shape (n_samples,)
            A level that the fit had not has the probability 1 / (n + 1), and so have copies that
            differ and sums that do not add up; -inf is only outside the declared support.
        """
        each = self.score_orders(X, given)
        return np.logaddexp.reduce(each, axis=0) - math.log(len(each))

    def score_orders(self, X: Rows, given: Columns = ()) -> Floats:
        """Log densities of rows by each order of the columns, in nats.

        :meth:`score_samples` is the log of the mean of these densities, and
        :func:`skflow.diagnostics.order_agreement` says by how much they differ.

        Parameters
        ----------
        X : data frame or array of shape (n_samples, n_features)
        given : sequence of column names or indices, default=()

        Returns
        -------
        log_density : ndarray of shape (n_orders, n_samples)
        """
        from skflow.estimators.frames._asked import log_probs
        from skflow.estimators.frames._totals import given_places, log_density_of_totals

        codes = self._codes(X)
        scores, slopes = self.reader_.scores(codes)
        slopes += self.reader_.log_shares(X, codes)
        given = [given] if isinstance(given, str) else given
        conditions, nothing = given_places(self.reader_, given)
        slopes[:, nothing] = 0.0
        each = log_probs(self, scores, self.reader_.ends(codes), conditions)
        return each + slopes.sum(axis=1) + log_density_of_totals(self, codes, given)

    def score(self, X: Rows, y: Any = None, sample_weight: Weights = None) -> float:
        """Mean of :meth:`score_samples`, in nats.

        Parameters
        ----------
        X : data frame or array of shape (n_samples, n_features)
        y : ignored
        sample_weight : array-like of shape (n_samples,), optional

        Returns
        -------
        score : float
        """
        return mean_score(self, X, sample_weight)

    def sample(
        self,
        n_samples: int = 1,
        random_state: RandomState = None,
        given: Given = None,
        on_grid: bool = True,
    ) -> Any:
        """Draw rows, of all columns or given some cells.

        Parameters
        ----------
        n_samples : int, default=1
            For each row of ``given``, if that is a table.
        random_state : int, RandomState instance or None, default=None
        given : dict {column: value} or table, optional
            Cells that are known. A table may lack columns and have holes; its rows are drawn for
            one after the other, ``n_samples`` each.
        on_grid : bool, default=True
            Whether numbers that repeat come back where they were; integers and dates always do.

        Returns
        -------
        X : table
            As that of the fit: columns, dtypes, levels.
        """
        from skflow.estimators.frames._asked import draws
        from skflow.estimators.frames._ranges import drawn_within
        from skflow.estimators.frames._totals import with_summands

        check_is_fitted(self)
        n_samples, rng = check_n_samples(n_samples), np.random.default_rng(draw_seed(random_state))
        known = None
        if given is None:
            codes = np.full((n_samples, len(self.reader_.cells)), np.nan)
        elif isinstance(given, Mapping):
            codes, ranges = self.reader_.conditions(given)
            codes = np.repeat(codes, n_samples, axis=0)
            if ranges:
                scores, self.effective_size_ = drawn_within(self, codes, ranges, rng)
                return self.reader_.table(self.reader_.filled(codes, scores, on_grid), rng)
        else:
            codes, known = np.repeat(self._codes(given), n_samples, axis=0), given
        codes = with_summands(self, codes, rng)
        scores = draws(self, self.reader_.scores(codes)[0], rng)
        filled = self.reader_.filled(codes, scores, on_grid)
        return self.reader_.table(filled, rng, known, n_samples)

    def impute(self, X: Rows, n_draws: int | None = None, random_state: RandomState = None) -> Any:
        """Fill the holes of a table.

        Parameters
        ----------
        X : data frame or array of shape (n_samples, n_features)
        n_draws : int, optional
            None fills each hole with the median of what it may be given the row's known cells, or
            the most probable level. A number asks for so many tables, filled by independent draws
            from the conditional distribution of all holes of a row together.
        random_state : int, RandomState instance or None, default=None

        Returns
        -------
        X : table, or list of n_draws tables
        """
        from skflow.estimators.frames._asked import draws, middles
        from skflow.estimators.frames._totals import with_summands

        known, reader = self._codes(X), self.reader_
        rng = np.random.default_rng(draw_seed(random_state))

        def table(rng=None):
            codes = with_summands(self, known, 0.5 if rng is None else rng)
            scores = reader.scores(codes)[0]
            filled = middles(self, scores) if rng is None else draws(self, scores, rng, even=False)
            return reader.table(reader.filled(codes, filled), rng, X)

        if n_draws is None:
            return table()
        return [table(rng) for _ in range(check_n_samples(n_draws))]

    def predict(self, X: Rows, column: Any) -> Cells:
        """Median, or most probable level, of a column given the other cells of each row.

        Parameters
        ----------
        X : data frame or array of shape (n_samples, n_features)
            What it holds of the column itself does not matter; a frame may lack it.
        column : name or index
            Of a sum of two columns, it is that of the two, or of their medians.

        Returns
        -------
        cells : ndarray of shape (n_samples,)
        """
        from skflow.estimators.frames._asked import middle
        from skflow.estimators.frames._totals import column_cells, total_cells

        codes = self._codes(X)
        if self.reader_.is_total(column):
            return total_cells(self, codes, column)
        return column_cells(self, codes, column, middle, [0.5])[0]

    def predict_proba(self, X: Rows, column: Any) -> Floats:
        """Probabilities of a column's levels given the other cells of each row.

        Parameters
        ----------
        X : data frame or array of shape (n_samples, n_features)
        column : name or index
            Of categories, booleans or few integers: :meth:`levels` has its levels.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_levels)
            With sum 1 over the levels that the fit had.
        """
        from skflow.estimators.frames._asked import of_column

        self.levels(column)
        scores, _ = self.reader_.scores(self.reader_.without(self._codes(X), column))
        place = self.reader_.index_of(column)
        shares = of_column(self, scores, place, lambda cell, _: cell.log_share.exp().mT)
        return shares.double().numpy()

    def levels(self, column: Any) -> list[Any]:
        """Levels of a column, in the order of :meth:`predict_proba`; the last may be the rest.

        Parameters
        ----------
        column : name or index

        Returns
        -------
        levels : list
        """
        check_is_fitted(self)
        cells = self.reader_.cells[self.reader_.schema.index_of(column)]
        if not cells.n_levels:
            raise ValueError(
                f"column {column!r} holds numbers, which have no probabilities: ask "
                "predict_quantiles or score_samples."
            )
        return [*cells.levels, *(["(other)"] if cells.pooled else [])]

    def predict_quantiles(
        self, X: Rows, column: Any, quantiles: ArrayLike = (0.05, 0.5, 0.95)
    ) -> Cells:
        """Quantiles of a column of numbers given the other cells of each row.

        Parameters
        ----------
        X : data frame or array of shape (n_samples, n_features)
        column : name or index
        quantiles : sequence of float, default=(0.05, 0.5, 0.95)
            Between 0 and 1.

        Returns
        -------
        cells : ndarray of shape (n_samples, n_quantiles)
        """
        from skflow.estimators.frames._asked import cell_quantiles, read_levels
        from skflow.estimators.frames._totals import column_cells

        levels = read_levels(quantiles)
        check_is_fitted(self)
        cells = self.reader_.cells[self.reader_.schema.index_of(column)]
        if not cells.ordered if cells.n_levels else cells.periodic:
            raise ValueError(f"column {column!r} has no order, and so no quantiles.")
        answer = cell_quantiles(levels)
        return np.stack(column_cells(self, self._codes(X), column, answer, levels), axis=1)

    def explain(self, X: Rows) -> Floats:
        """How surprising each cell is given the rest of its row, in nats; larger is odder.

        Minus its log density given all other known cells of the row, less what that is on
        average where they are as they are: 0 is as usual. Levels so rare that they share a code
        count as one. A column that is a sum is 0 where it adds up, and log(n + 1) where it does
        not; that it is known says nothing of its summands here.

        Parameters
        ----------
        X : data frame or array of shape (n_samples, n_features)

        Returns
        -------
        surprise : ndarray of shape (n_samples, n_features)
            NaN in holes and in columns that are skipped.
        """
        from skflow.estimators.frames._asked import surprises

        return surprises(self, self._codes(X))[:, : self.n_features_in_]

    def marginal(self, columns: Columns) -> Self:
        """Return the density of some of the columns, an estimator like this one.

        Parameters
        ----------
        columns : sequence of names or indices

        Returns
        -------
        density : TableDensity
            It takes and makes tables of these columns.
        """
        check_is_fitted(self)
        part = object.__new__(type(self))
        part.__dict__.update(vars(self))
        part.reader_ = self.reader_.part(columns)
        part._show()
        return part

    def _codes(self, X):
        check_is_fitted(self)
        return self.reader_.codes(X)
