"""Lazy frames, masks, times and the names of rows, in every estimator that takes a table."""

import datetime as dt

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.linear_model import LinearRegression, Ridge

import skflow
from skflow import FlowImputer, FlowRegressor, KernelFlowDensity, LinearFlowDensity, TableDensity
from skflow._input import column_label, refuse_lazy, refuse_times, row_label, unmasked

SMALL = {"n_members": 1, "hidden_features": (16,), "max_steps": 20, "random_state": 0}
RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3))
DAYS = pd.date_range("2024-01-01", periods=40, freq="D")


def ridge():
    return FlowRegressor(regressor=Ridge(), n_folds=2, random_state=0)


def fits():
    """Fits of a table by every kind of estimator."""
    stack = [("kernel", KernelFlowDensity()), ("linear", LinearFlowDensity())]
    return {
        "kernel": KernelFlowDensity().fit,
        "linear": LinearFlowDensity().fit,
        "stack": skflow.StackedDensity(estimators=stack, cv=2).fit,
        "detector": skflow.FlowOutlierDetector(estimator=LinearFlowDensity()).fit,
        "glow": skflow.GlowDensity(image_shape=(1, 1, 3), levels=9, max_epochs=1).fit,
        "regressor": lambda table: ridge().fit(table, np.arange(40.0)),
    }


def masked(values=X, where=((3, 1), (9, 1))):
    values = np.ma.masked_array(values.copy(), mask=np.zeros(values.shape, dtype=bool))
    for place in where:
        values[place] = np.ma.masked
    return values


class TestLazy:
    LAZY = pl.DataFrame(X).lazy()

    @pytest.mark.parametrize("name", [*fits(), "table", "imputer"])
    def test_of_sql(self, name):
        others = {"table": TableDensity(**SMALL).fit, "imputer": FlowImputer().fit}
        query = type("DuckDBPyRelation", (), {"__module__": "duckdb"})()
        with pytest.raises(TypeError, match=r"X is lazy, a duckdb.DuckDB.*call .df\(\)"):
            (fits() | others)[name](query)

    def test_after_the_fit(self):
        frame = pd.DataFrame(X.copy(), columns=list("abc"))
        density = KernelFlowDensity().fit(frame)
        table = TableDensity(**SMALL).fit(frame)
        with pytest.raises(TypeError, match="collect"):
            table.impute(self.LAZY)
        with pytest.raises(TypeError, match="Z is lazy"):
            density.inverse_transform(self.LAZY)

    def test_as_weights_y_and_context(self):
        with pytest.raises(TypeError, match="sample_weight is lazy"):
            KernelFlowDensity().fit(X, sample_weight=self.LAZY)
        with pytest.raises(TypeError, match="context is lazy"):
            KernelFlowDensity().fit(X, context=self.LAZY)

    def test_of_pyarrow(self):
        pa = pytest.importorskip("pyarrow")
        dataset = pytest.importorskip("pyarrow.dataset")
        table = pa.table({"a": X[:, 0], "b": X[:, 1]})
        with pytest.raises(TypeError, match=r"pyarrow.*call .to_table\(\)"):
            LinearFlowDensity().fit(dataset.dataset(table).scanner())
        with pytest.raises(TypeError, match=r"call .read_all\(\)"):
            LinearFlowDensity().fit(table.to_reader())
        with pytest.raises(TypeError, match=r"call .read_all\(\)"):
            refuse_lazy(table.to_reader())

    @pytest.mark.parametrize(
        ("module", "name", "call"),
        [
            ("dask.dataframe.core", "DataFrame", "compute"),
            ("dask.dataframe.dask_expr._collection", "DataFrame", "compute"),
            ("pyspark.sql.dataframe", "DataFrame", "toPandas"),
            ("duckdb", "DuckDBPyRelation", "df"),
        ],
    )
    def test_by_name(self, module, name, call):
        cls = type(name, (), {"__module__": module})
        for one in (cls(), type("Mine", (cls,), {"__module__": "mine"})()):
            with pytest.raises(TypeError, match=rf"call .{call}\(\)"):
                refuse_lazy(one)

    def test_what_has_rows_passes(self):
        for table in (X, X.tolist(), pd.DataFrame(X), pl.DataFrame(X), None):
            refuse_lazy(table)


class TestMasks:
    @pytest.mark.parametrize("name", fits())
    def test_where_holes_are_refused(self, name):
        message = r"column 1 has 2 missing \(masked\) values, the first in row 3"
        with pytest.raises(ValueError, match=message):
            fits()[name](masked())

    @pytest.mark.parametrize("make", [lambda m: [*m], lambda m: [list(row) for row in m]])
    def test_of_lists_of_rows(self, make):
        with pytest.raises(ValueError, match="column 1 has 2 (missing .masked.|NaN)"):
            LinearFlowDensity().fit(make(masked()))

    def test_of_integers_and_what_lies_below(self):
        whole = masked(RNG.integers(0, 9, size=(40, 3)))
        with pytest.raises(ValueError, match=r"missing \(masked\)"):
            LinearFlowDensity().fit(whole)
        infinite = masked()
        infinite.data[3, 1] = np.inf
        with pytest.raises(ValueError, match="2 missing") as caught:
            LinearFlowDensity().fit(infinite)
        assert "inf" not in str(caught.value)

    def test_both_kinds_of_holes_are_told_apart(self):
        values = masked()
        values.data[5, 1] = np.nan
        with pytest.raises(ValueError, match=r"2 missing \(masked\).*1 NaN value in row 5"):
            LinearFlowDensity().fit(values)

    def test_a_mask_of_nothing_is_none(self):
        plain, none = LinearFlowDensity().fit(X), LinearFlowDensity().fit(masked(where=()))
        np.testing.assert_array_equal(plain.score_samples(X), none.score_samples(masked(where=())))

    def test_after_the_fit(self):
        density = LinearFlowDensity().fit(X)
        for call in (density.score_samples, density.transform, density.score):
            with pytest.raises(ValueError, match=r"missing \(masked\) values, the first in row 3"):
                call(masked())
        with pytest.raises(ValueError, match=r"Z must hold numbers: 2 are missing \(masked\)"):
            density.inverse_transform(masked())

    def test_of_weights_and_y(self):
        column = np.ma.masked_array(np.ones(40), mask=np.arange(40) == 7)
        with pytest.raises(ValueError, match=r"sample_weight .*masked\), the first in row 7"):
            LinearFlowDensity().fit(X, sample_weight=column)
        with pytest.raises(ValueError, match=r"y must hold .*masked\), the first in row 7"):
            ridge().fit(X, column)

    def test_of_a_context(self):
        density = KernelFlowDensity().fit(X[:, :1], context=masked()[:, 1:])
        holes = KernelFlowDensity().fit(X[:, :1], context=masked().filled(np.nan)[:, 1:])
        columns = KernelFlowDensity(context_columns=[1, 2]).fit(masked())
        expected = holes.score_samples(X[:, :1], context=X[:, 1:])
        for other in (density.score_samples(X[:, :1], context=X[:, 1:]), columns.score_samples(X)):
            np.testing.assert_array_equal(other, expected)

    def test_are_holes_of_a_table(self):
        values = masked()
        table, holes = (TableDensity(**SMALL).fit(one) for one in (values, values.filled(np.nan)))
        np.testing.assert_array_equal(
            table.score_samples(values), holes.score_samples(values.filled(np.nan))
        )
        filled = table.impute(values)
        assert not np.isnan(filled).any()
        np.testing.assert_array_equal(filled[~values.mask], X[~values.mask])

    @pytest.mark.parametrize("kind", ["int64", "bool", "U3", "datetime64[D]", "object"])
    def test_of_any_dtype(self, kind):
        cells = RNG.integers(0, 9, size=(40, 2))
        cells = cells > 4 if kind == "bool" else cells.astype(kind if kind != "object" else int)
        table = masked(cells.astype(kind))
        density = TableDensity(**SMALL).fit(table)
        assert density.reader_.schema.dtypes[0] == cells.astype(kind).dtype.str
        codes = density.reader_.codes(table)
        np.testing.assert_array_equal(np.isnan(codes), table.mask)
        assert density.sample(3, random_state=0).dtype == table.dtype

    def test_are_filled_by_imputers(self):
        values = masked()
        imputer = FlowImputer(density=TableDensity(**SMALL)).fit(values)
        filled = imputer.transform(values)
        assert type(filled) is np.ndarray
        assert np.isfinite(filled).all()
        np.testing.assert_array_equal(filled[~values.mask], X[~values.mask])

    def test_are_taken_by_regressors_that_take_holes(self):
        y = X[:, 0]
        model = FlowRegressor(
            density=skflow.MixtureFlowDensity(), features=[], calibrate=False, random_state=0
        )
        assert model.__sklearn_tags__().input_tags.allow_nan
        predicted = [
            model.fit(table, y).predict(table) for table in (masked(), masked().filled(np.nan))
        ]
        np.testing.assert_array_equal(*predicted)

    def test_are_not_changed(self):
        values = masked()
        unmasked(values)
        np.testing.assert_array_equal(values.data, X)
        assert values.mask.sum() == 2


TIMES = {
    "datetime": DAYS,
    "zone": DAYS.tz_localize("Europe/Rome"),
    "duration": DAYS - DAYS[0],
    "period": DAYS.to_period("D"),
    "Timestamps": pd.Series(list(DAYS), dtype=object),
    "dates": [day.date() for day in DAYS],
    "times of day": [dt.time(3, minute) for minute in range(40)],
    "durations": pd.Series([dt.timedelta(days=1)] * 40, dtype=object),
    "mostly numbers": pd.Series([1.0] * 39 + [DAYS[0]], dtype=object),
    "categories": pd.Categorical(DAYS),
}


class TestTimes:
    @pytest.mark.parametrize("kind", TIMES)
    def test_of_pandas(self, kind):
        table = pd.DataFrame({"a": X[:, 0], "arrival": TIMES[kind]})
        message = r"column 1 \('arrival'\) holds (dates|durations|times of day) .*TableDensity"
        for model in (LinearFlowDensity(), KernelFlowDensity()):
            with pytest.raises(ValueError, match=message):
                model.fit(table)

    @pytest.mark.parametrize(
        "dtype", [pl.Date, pl.Datetime("us"), pl.Datetime("ns", "UTC"), pl.Duration, pl.Time]
    )
    def test_of_polars(self, dtype):
        column = pl.Series("arrival", range(40)).cast(dtype)
        table = pl.DataFrame({"a": X[:, 0]}).with_columns(column)
        with pytest.raises(ValueError, match=r"column 1 \('arrival'\) holds (dates|dur|times)"):
            LinearFlowDensity().fit(table)

    def test_of_pyarrow(self):
        pa = pytest.importorskip("pyarrow")
        for dtype in (pa.timestamp("ns"), pa.duration("s"), pa.date32(), pa.time64("us")):
            column = pa.array(range(40), pa.int64() if dtype != pa.date32() else pa.int32())
            table = pa.table({"a": X[:, 0], "arrival": column.cast(dtype)})
            with pytest.raises(ValueError, match=r"column 1 \('arrival'\) holds"):
                LinearFlowDensity().fit(table)
            frame = table.to_pandas(types_mapper=pd.ArrowDtype)
            with pytest.raises(ValueError, match=r"column 1 \('arrival'\) holds"):
                LinearFlowDensity().fit(frame)

    @pytest.mark.parametrize(
        "table",
        [
            DAYS.to_numpy()[:, None],
            np.diff(DAYS.to_numpy())[:, None],
            np.array([[day] for day in DAYS], dtype=object),
            [[day] for day in DAYS],
            [[np.datetime64("2024-01-01")]] * 40,
            [np.array(["2024-01-01"], dtype="datetime64[D]")] * 40,
            pd.DataFrame(DAYS).to_numpy(),
        ],
        ids=str,
    )
    def test_of_arrays_and_lists(self, table):
        with pytest.raises(ValueError, match="column 0 holds (dates|durations)"):
            LinearFlowDensity().fit(table)

    def test_after_the_fit(self):
        density = LinearFlowDensity().fit(pd.DataFrame({"a": X[:, 0], "b": X[:, 1]}))
        with pytest.raises(ValueError, match=r"column 1 \('b'\) holds dates"):
            density.score_samples(pd.DataFrame({"a": X[:, 0], "b": DAYS}))

    def test_of_weights_latents_and_y(self):
        with pytest.raises(ValueError, match="sample_weight holds dates"):
            LinearFlowDensity().fit(X, sample_weight=DAYS.to_numpy())
        with pytest.raises(ValueError, match="y holds durations"):
            ridge().fit(X, (DAYS - DAYS[0]).to_numpy())
        with pytest.raises(ValueError, match="y holds dates"):
            ridge().fit(X, pd.Series(DAYS))
        with pytest.raises(ValueError, match="column 0 holds dates"):
            LinearFlowDensity().fit(X[:, :1]).inverse_transform(DAYS.to_numpy()[:, None])

    def test_of_many_columns(self):
        table = pd.DataFrame({f"t{j}": DAYS for j in range(8)})
        with pytest.raises(ValueError, match=r"column 4 \('t4'\).*and 3 more"):
            LinearFlowDensity().fit(table)

    def test_what_holds_none_passes(self):
        table = pd.DataFrame({"a": [1.0, pd.NaT, 2.0], "b": pd.Series([1, 2, 3], dtype=object)})
        for one in (
            X,
            X.tolist(),
            table,
            pl.DataFrame(X),
            [],
            [[]],
            None,
            ["a"],
            [["2024-01-01"]],
        ):
            refuse_times(one)

    def test_tables_of_dates_stay_with_the_density_of_tables(self):
        table = pd.DataFrame({"a": X[:, 0], "arrival": DAYS})
        drawn = TableDensity(**SMALL).fit(table).sample(2, random_state=0)
        assert (drawn.dtypes == table.dtypes).all()
        objects = pd.DataFrame({"a": X[:, 0], "arrival": pd.Series(list(DAYS), dtype=object)})
        with pytest.raises(ValueError, match=r"'arrival'\) holds dates as objects.*to_datetime"):
            TableDensity(**SMALL).fit(objects)


class TestRows:
    NAMES = [f"r{i}" for i in range(40)]

    def frame(self, index):
        frame = pd.DataFrame(X.copy(), columns=list("abc"))
        frame.iloc[7, 1] = np.nan
        frame.index = index
        return frame

    @pytest.mark.parametrize(
        ("index", "said"),
        [
            (NAMES, r"row 7 \(index 'r7'\)"),
            (range(10, 50), r"row 7 \(index 17\)"),
            (DAYS, r"row 7 \(index Timestamp\('2024-01-08 00:00:00'\)\)"),
            (pd.MultiIndex.from_arrays([NAMES, range(40)]), r"row 7 \(index \('r7', 7\)\)"),
            (np.arange(40), "row 7[.]"),
            (pd.RangeIndex(40), "row 7[.]"),
            (["\x1b[31m"] * 40, r"row 7 \(index '\\x1b\[31m'\)"),
        ],
    )
    def test_of_an_index(self, index, said):
        for fit in (LinearFlowDensity().fit, lambda t: ridge().fit(t, np.arange(40.0))):
            with pytest.raises(ValueError, match=said):
                fit(self.frame(index))

    def test_in_every_message_about_rows(self):
        frame = self.frame(self.NAMES).fillna(0.0)
        image = pd.DataFrame(RNG.normal(size=(40, 8)), index=self.NAMES)
        calls = [
            lambda: LinearFlowDensity(support={"a": (5, None)}).fit(frame),
            lambda: LinearFlowDensity().fit(frame.astype(object).mask(frame == 0, "x")),
            lambda: skflow.GlowDensity(image_shape=(1, 2, 4), levels=9).fit(image),
            lambda: TableDensity(**SMALL).fit(frame.replace(0.0, np.inf)),
            lambda: LinearFlowDensity().fit(X, sample_weight=frame["a"]),
            lambda: KernelFlowDensity().fit(X, context=frame.replace(0.0, np.inf)),
            lambda: LinearFlowDensity().fit(frame).score_samples(frame.replace(0.0, np.inf)),
        ]
        for call in calls:
            with pytest.raises(ValueError, match=r"row \d+ \(index 'r\d+'\)"):
                call()

    def test_of_tables_without_one(self):
        for table in (X, X.tolist(), pl.DataFrame(X), None):
            assert row_label(np.int64(3), table) == "row 3"


class TestNames:
    RED = "\x1b[31mred"

    def test_are_shown_without_escapes(self):
        frame = pd.DataFrame(X.copy(), columns=[self.RED, "b", "c"])
        bad = frame.assign(**{self.RED: np.nan})
        other = frame.rename(columns={"b": "\x1b[2J"})
        density, table = LinearFlowDensity().fit(frame), TableDensity(**SMALL).fit(frame)
        one = skflow.MixtureFlowDensity(n_components=1)
        regressor = FlowRegressor(regressor=LinearRegression(), density=one, n_folds=2)
        regressor.fit(frame, X[:, 0])
        calls = [
            lambda: LinearFlowDensity().fit(bad),
            lambda: LinearFlowDensity().fit(frame.assign(**{self.RED: "\x1b[0m"})),
            lambda: LinearFlowDensity().fit(frame.assign(**{self.RED: DAYS})),
            lambda: LinearFlowDensity(support={self.RED: (5, None)}).fit(frame),
            lambda: LinearFlowDensity(support={"\x1b": (5, None)}).fit(frame),
            lambda: density.score_samples(other),
            lambda: table.score_samples(other),
            lambda: table.predict(frame, "\x1b"),
            lambda: TableDensity(kinds={self.RED: "number"}, **SMALL).fit(
                frame.assign(**{self.RED: [1.0] * 39 + ["\x1b"]})
            ),
            lambda: FlowImputer(density=TableDensity(**SMALL)).fit(frame).transform(other),
            lambda: regressor.predict(other),
        ]
        for call in calls:
            with pytest.raises(ValueError, match=r"\\x1b") as caught:
                call()
            assert "\x1b" not in str(caught.value)

    def test_of_columns(self):
        assert column_label(3) == "column 3"
        assert column_label(0, ["\x1b"]) == "column 0 ('\\x1b')"
