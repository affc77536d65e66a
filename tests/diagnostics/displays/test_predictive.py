"""The fan holds the quantiles of one row, and densities have the area that cdf gives."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy.stats import norm
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import make_pipeline

from skflow.plots import PredictiveDisplay
from tests.metrics.toys import Normal, rows


@pytest.fixture
def table():
    return rows(200)


def fitted(X, y, **settings):
    return Normal(**settings).fit(X, y)


class TestFan:
    def test_quantiles(self, table):
        X, y = table
        display = PredictiveDisplay.from_estimator(fitted(X, y), X, y, coverages=[0.9, 0.5])
        assert display.coverages == (0.5, 0.9)
        levels = [0.05, 0.25, 0.5, 0.75, 0.95]
        expected = display.grid[:, None] + norm.ppf(levels)
        np.testing.assert_allclose(display.quantiles, expected)
        assert (X[:, 0].min(), X[:, 0].max()) == (display.grid[0], display.grid[-1])
        np.testing.assert_array_equal(display.points, np.column_stack([X[:, 0], y]))

    @pytest.mark.parametrize("kind", [np.asarray, pd.DataFrame, pl.DataFrame, pa.table])
    def test_other_columns_are_those_of_one_row(self, table, kind):
        X, y = table
        X[11] = np.median(X, axis=0)
        given = kind(X) if kind is np.asarray else kind({"a": X[:, 0], "b": X[:, 1]})
        model = fitted(X, y)
        column = 1 if kind is np.asarray else "b"
        for row, chosen in ((11, None), (3, 3)):
            display = PredictiveDisplay.from_estimator(model, given, column=column, given=chosen)
            # the mean is the first column, that stays
            np.testing.assert_allclose(display.quantiles[:, 3], X[row, 0])
        assert display.ax_.get_xlabel() == ("column 1" if column == 1 else "b")

    def test_categories_and_integers(self, table):
        X, y = table
        frame = pd.DataFrame({"kind": list("ab") * 100, "n": np.arange(200), "hole": np.nan})
        last = ColumnTransformer([("n", "passthrough", ["n"])])
        model = make_pipeline(last, Normal()).fit(frame, y)
        display = PredictiveDisplay.from_estimator(model, frame, y, column="n")
        np.testing.assert_allclose(display.quantiles[:, 3], display.grid)
        for column in ("kind", "hole", ["n", "kind"]):
            with pytest.raises(ValueError, match="column must name one column of finite numbers"):
                PredictiveDisplay.from_estimator(model, frame, column=column)

    def test_target(self):
        X, y = rows(200, 2)
        for target in (0, 1):
            display = PredictiveDisplay.from_estimator(
                fitted(X, y), X, y, column=1, target=target, given=0
            )
            expected = X[0, 0] if target == 0 else display.grid
            np.testing.assert_allclose(display.quantiles[:, 3] - expected, 0, atol=1e-12)
            np.testing.assert_array_equal(display.points[:, 1], y[:, target])

    def test_drawn(self, table):
        X, y = table
        display = PredictiveDisplay.from_estimator(fitted(X, y), X, y)
        labels = [text.get_text() for text in display.ax_.get_legend().get_texts()]
        assert labels == ["95% interval", "80% interval", "50% interval", "median", "rows"]
        np.testing.assert_array_equal(display.ax_.lines[0].get_ydata(), display.quantiles[:, 3])
        widest = display.ax_.collections[0].get_paths()[0].vertices
        at_first = widest[widest[:, 0] == display.grid[0], 1]
        assert (at_first.min(), at_first.max()) == tuple(display.quantiles[0, [0, -1]])


class TestDensities:
    @pytest.mark.parametrize("n_targets", [None, 2])
    def test_numbers(self, n_targets):
        X, y = rows(200, n_targets)
        target = 0 if n_targets is None else 1
        display = PredictiveDisplay.from_estimator(
            fitted(X, y, sd=0.5), X, y, column=None, rows=[5, -1], target=target
        )
        assert display.densities.shape == (2, 400)
        assert display.grid is None
        middles = (display.edges[1:] + display.edges[:-1]) / 2
        expected = norm.pdf(middles, X[[5, -1], target][:, None], 0.5)
        np.testing.assert_allclose(display.densities, expected, atol=1e-3)
        areas = display.densities @ np.diff(display.edges)
        assert (np.abs(areas - 0.998) < 0.003).all()
        np.testing.assert_array_equal(display.row_values, y.reshape(200, -1)[[5, -1], target])

    def test_beside_the_fan(self, table):
        X, y = table
        display = PredictiveDisplay.from_estimator(fitted(X, y), X, y, rows=[0, 1])
        assert display.axes_.shape == (1, 2)
        labels = [text.get_text() for text in display.axes_[0, 1].get_legend().get_texts()]
        assert labels == ["row 0", "row 1"]

    def test_without_y(self, table):
        X, y = table
        display = PredictiveDisplay.from_estimator(fitted(X, y), X, rows=[0])
        assert display.points is None
        assert display.row_values is None


class TestArguments:
    def test_nothing_to_draw(self, table):
        X, y = table
        with pytest.raises(ValueError, match="there is nothing to draw"):
            PredictiveDisplay.from_estimator(fitted(X, y), X, column=None)

    def test_unknown_keyword(self, table):
        X, y = table
        with pytest.raises(TypeError, match="unexpected keyword argument 'columns'"):
            PredictiveDisplay.from_estimator(fitted(X, y), X, columns=0)

    def test_bad_coverages(self, table):
        X, y = table
        with pytest.raises(ValueError, match="coverages must lie strictly between 0 and 1"):
            PredictiveDisplay.from_estimator(fitted(X, y), X, coverages=[95])

    def test_one_axes_for_one_panel(self, table):
        X, y = table
        ax = plt.subplots()[1]
        assert PredictiveDisplay.from_estimator(fitted(X, y), X, ax=ax).ax_ is ax
