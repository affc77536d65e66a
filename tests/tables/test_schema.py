"""Tables made as those that were read."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse

from skflow.tables._cells import read_cells
from skflow.tables._schema import Schema

COLUMNS = {
    "number": [1.5, None, 3.0, 2.25, 8.0],
    "text": ["a", "b", None, "a", "c"],
    "flag": [True, False, True, True, False],
    "count": [3, 700, 20, 90_000, 5],
    "day": pd.to_datetime(["2024-01-01", "2024-01-05", None, "2024-02-01", "2023-01-01"]),
}
PANDAS = pd.DataFrame(COLUMNS)
DAYS = [None if pd.isna(day) else day.to_pydatetime() for day in COLUMNS["day"]]

TABLES = {
    "numpy": np.array([[1.0, 2.0], [3.0, np.nan], [0.5, 7.0]]),
    "numpy, integers": np.arange(10).reshape(5, 2),
    "numpy, float32": np.array([[0.1, 2.0], [3.0, 4.0]], dtype=np.float32),
    "pandas": PANDAS,
    "pandas, nullable": PANDAS.convert_dtypes(),
    "pandas, category": PANDAS.astype({"text": "category"}),
    "pandas, zone": PANDAS.assign(day=PANDAS.day.dt.tz_localize("UTC")),
    "pandas, arrow": PANDAS.convert_dtypes(dtype_backend="pyarrow"),
    "pandas, names twice": PANDAS[["number", "count"]].set_axis(["x", "x"], axis=1),
    "pandas, two levels of names": PANDAS[["number", "count"]].set_axis(
        pd.MultiIndex.from_tuples([("a", 1), ("b", 2)]), axis=1
    ),
    "pandas, names of names": PANDAS[["number", "count"]].set_axis(
        pd.MultiIndex.from_tuples([("a", 1), ("b", 2)], names=["letter", None]), axis=1
    ),
    "pandas, text of Python": PANDAS[["text"]].astype("string[python]"),
    "pandas, arrow and zone": PANDAS[["day"]].astype(
        pd.ArrowDtype(pa.timestamp("us", "Asia/Tokyo"))
    ),
    "polars": pl.DataFrame(COLUMNS | {"day": DAYS}),
    "polars, dates": pl.DataFrame({"day": DAYS}).cast(pl.Date),
    "polars, categories": pl.DataFrame({"text": COLUMNS["text"]}).cast(pl.Categorical),
    "polars, enum": pl.DataFrame({"text": COLUMNS["text"]}).cast(pl.Enum(["a", "b", "c"])),
    "pyarrow": pa.Table.from_pandas(PANDAS, preserve_index=False),
}


def remade(table):
    schema = Schema.read(table)
    columns = schema.columns(table)
    cells = [read_cells(column, "column") for column in columns]
    pairs = zip(cells, columns, strict=True)
    return schema.frame([one.decode(one.encode(column, "column")) for one, column in pairs])


@pytest.mark.parametrize("name", TABLES)
def test_tables_come_back_as_they_were(name):
    table, again = TABLES[name], remade(TABLES[name])
    if isinstance(table, np.ndarray):
        np.testing.assert_array_equal(again, table, strict=True)
    elif isinstance(table, pd.DataFrame):
        pd.testing.assert_frame_equal(again, table)
    else:
        assert again.equals(table)
        assert again.schema == table.schema


def test_the_index_of_a_frame_is_kept():
    table = PANDAS.set_axis(list("vwxyz"))
    schema = Schema.read(table)
    again = schema.frame([PANDAS[name].to_numpy() for name in PANDAS], like=table)
    pd.testing.assert_frame_equal(again, table)


def test_columns_of_frames_go_by_name():
    schema = Schema.read(PANDAS)
    columns = schema.columns(PANDAS[["count", "number"]])
    assert columns[1] is None
    assert columns[0].name == "number"
    with pytest.raises(ValueError, match="has columns .*'age'.* and the fit had"):
        schema.columns(PANDAS.rename(columns={"count": "age"}))


@pytest.mark.parametrize("dtype", ["int8", "uint8", "Int8", "uint8[pyarrow]", "float32"])
def test_cells_beyond_their_dtype_do_not_wrap(dtype):
    table = pd.DataFrame({"x": [1, 2]}).astype(dtype)
    far = np.array([1e300, -1e300]) if dtype == "float32" else np.array([400, -400])
    again = Schema.read(table).frame([far])
    assert again.dtypes.equals(table.dtypes)
    high, low = again["x"].astype(float)
    if dtype == "float32":
        assert np.isfinite([high, low]).all()
    else:
        assert (high, low) == (255, 0) if dtype.startswith("u") else (127, -128)


def test_no_columns():
    for table in (pd.DataFrame(index=range(5)), pl.DataFrame(), np.empty((5, 0))):
        with pytest.raises(ValueError, match="no columns|0 feature"):
            Schema.read(table)


def test_other_widths():
    with pytest.raises(ValueError, match="X has 3 features, but the fit had 2"):
        Schema.read(np.zeros((4, 2))).columns(np.zeros((4, 3)))
    with pytest.raises(ValueError, match="Expected 2D array.*reshape"):
        Schema.read(np.zeros(4))


def test_sparse_matrices_are_told():
    with pytest.raises(TypeError, match=r"X is sparse.*pass X.toarray\(\)"):
        Schema.read(scipy.sparse.eye(3, format="csr"))


def test_columns_by_name_or_number():
    schema = Schema.read(PANDAS)
    assert [schema.index_of("flag"), schema.index_of(-1)] == [2, 4]
    with pytest.raises(ValueError, match="no column 'age'; the fit had"):
        schema.index_of("age")
