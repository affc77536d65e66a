"""Random tables of all makes and dtypes, as hypothesis strategies."""

import datetime as dt

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
from hypothesis import strategies as st

__all__ = ["BAD", "frames"]

WHOLE = [f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)]
SHARES_OF_HOLES = [0.0, 0.1, 0.5, 0.9, 1.0]


def floats(rng, n):
    """Finite numbers of one of many shapes."""
    makers = [
        lambda: rng.normal(size=n),
        lambda: rng.standard_cauchy(n),
        lambda: rng.normal(size=n).round(1),
        lambda: np.where(rng.random(n) < 0.6, 0.0, rng.normal(size=n)),
        lambda: 1e9 + rng.normal(size=n),
        lambda: 10.0 ** rng.integers(-30, 30, n),
        lambda: rng.integers(0, 5, n).astype(float),
        lambda: np.full(n, rng.normal()),
    ]
    return makers[rng.integers(len(makers))]()


def whole(rng, n, dtype):
    """Whole numbers: small, few, all over the dtype's range, at its end."""
    info = np.iinfo(np.int64 if dtype == "uint64" else dtype)  # 2**63 and more are refused
    low = 0 if dtype[0] == "u" else info.min
    makers = [
        lambda: rng.integers(0, 100, n),
        lambda: rng.integers(0, 3, n),
        lambda: rng.integers(low, info.max, n, endpoint=True),
        lambda: info.max - rng.integers(0, 20, n),
        lambda: low + rng.integers(0, 20, n),
        lambda: np.full(n, info.max),
    ]
    return makers[rng.integers(len(makers))]().astype(dtype)


def labels(rng, n):
    """Text, in part empty or with signs."""
    pool = [["a", "b", "c"], ["", " ", "nan"], ["é", "漢", "🙂"], [f"name {k}" for k in range(60)]]
    return np.array(pool[rng.integers(len(pool))], dtype=object)[rng.integers(0, 3, n)]


def moments(rng, n):
    """Whole nanoseconds of days, seconds, or of no grid at all."""
    day = 86_400 * 10**9
    steps = [day, 10**9, 1_000, 7 * day]
    step = steps[rng.integers(len(steps))]
    return (rng.integers(-(10**18), 10**18, n) // step * step).astype("M8[ns]")


def days(rng, n):
    return [dt.date(1970, 1, 1) + dt.timedelta(int(k)) for k in rng.integers(-9_999, 40_000, n)]


def with_holes(column, rng, share):
    """The column of pandas with holes, if its dtype has any."""
    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "iub":
        return column
    return column.mask(rng.random(len(column)) < share)


def category(rng, n, ordered=False):
    pool = [["low", "mid", "high", "never"], [3, 1, 2, 9], [0.5, 2.5, -1.0], [True, False]]
    levels = pool[rng.integers(len(pool))]
    codes = rng.integers(0, min(3, len(levels)), n)
    return pd.Categorical.from_codes(codes, levels, ordered=ordered)


def arrow(values, dtype):
    return pd.Series(pd.array(values, dtype=pd.ArrowDtype(dtype)))


def nullable(dtype):
    return lambda rng, n: pd.Series(whole(rng, n, dtype.lower())).astype(dtype)


PANDAS = {
    "float64": lambda rng, n: pd.Series(floats(rng, n)),
    "float32": lambda rng, n: pd.Series(floats(rng, n).astype(np.float32)),
    **{name: lambda rng, n, name=name: pd.Series(whole(rng, n, name)) for name in WHOLE},
    "bool": lambda rng, n: pd.Series(rng.random(n) < 0.5),
    "objects": lambda rng, n: pd.Series(labels(rng, n), dtype=object),
    "object bools": lambda rng, n: pd.Series((rng.random(n) < 0.5).tolist(), dtype=object),
    "object integers": lambda rng, n: pd.Series(rng.integers(0, 99, n).tolist(), dtype=object),
    "object floats": lambda rng, n: pd.Series(floats(rng, n).tolist(), dtype=object),
    "str": lambda rng, n: pd.Series(labels(rng, n), dtype="str"),
    "string": lambda rng, n: pd.Series(labels(rng, n), dtype="string"),
    "string[python]": lambda rng, n: pd.Series(labels(rng, n), dtype="string[python]"),
    "string[pyarrow]": lambda rng, n: pd.Series(labels(rng, n), dtype="string[pyarrow]"),
    "category": lambda rng, n: pd.Series(category(rng, n)),
    "ordered": lambda rng, n: pd.Series(category(rng, n, ordered=True)),
    "Int64": nullable("Int64"),
    "UInt8": nullable("UInt8"),
    "Int16": nullable("Int16"),
    "sparse": lambda rng, n: pd.Series(pd.arrays.SparseArray(floats(rng, n))),
    "boolean": lambda rng, n: pd.Series(rng.random(n) < 0.5, dtype="boolean"),
    "Float64": lambda rng, n: pd.Series(floats(rng, n), dtype="Float64"),
    "Float32": lambda rng, n: pd.Series(floats(rng, n).astype(np.float32), dtype="Float32"),
    "moments": lambda rng, n: pd.Series(moments(rng, n)),
    "moments, seconds": lambda rng, n: pd.Series(moments(rng, n).astype("M8[s]")),
    "moments, far": lambda rng, n: pd.Series(
        np.array(["0001-01-01", "2024-05-01", "9999-12-31"], dtype="M8[us]")[rng.integers(0, 3, n)]
    ),
    "moments, zone": lambda rng, n: (
        pd.Series(moments(rng, n)).dt.tz_localize("UTC").dt.tz_convert("Europe/Paris")
    ),
    "spans": lambda rng, n: pd.Series(moments(rng, n).astype(np.int64).astype("m8[ns]")),
    "empty": lambda rng, n: pd.Series(np.full(n, np.nan)),
    "empty objects": lambda rng, n: pd.Series([None] * n, dtype=object),
    "empty moments": lambda rng, n: pd.Series(np.full(n, "NaT", dtype="M8[us]")),
    "arrow, int32": lambda rng, n: arrow(whole(rng, n, "int32"), pa.int32()),
    "arrow, double": lambda rng, n: arrow(floats(rng, n), pa.float64()),
    "arrow, text": lambda rng, n: arrow(labels(rng, n), pa.string()),
    "arrow, bool": lambda rng, n: arrow(rng.random(n) < 0.5, pa.bool_()),
    "arrow, days": lambda rng, n: arrow(days(rng, n), pa.date32()),
    "arrow, moments": lambda rng, n: arrow(moments(rng, n), pa.timestamp("ns", "Asia/Tokyo")),
    "arrow, spans": lambda rng, n: arrow(
        moments(rng, n).astype(np.int64).astype("m8[ns]"), pa.duration("ns")
    ),
}

POLARS = {
    "Float64": lambda rng, n: pl.Series(floats(rng, n)),
    "Float32": lambda rng, n: pl.Series(floats(rng, n).astype(np.float32)),
    **{name: lambda rng, n, name=name: pl.Series(whole(rng, n, name)) for name in WHOLE},
    "Boolean": lambda rng, n: pl.Series(rng.random(n) < 0.5, dtype=pl.Boolean),
    "String": lambda rng, n: pl.Series(labels(rng, n), dtype=pl.String),
    "Categorical": lambda rng, n: pl.Series(labels(rng, n), dtype=pl.String).cast(pl.Categorical),
    "Enum": lambda rng, n: pl.Series(
        np.array(["low", "mid"])[rng.integers(0, 2, n)].tolist(),
        dtype=pl.Enum(["low", "mid", "high"]),
    ),
    "Date": lambda rng, n: pl.Series(days(rng, n), dtype=pl.Date),
    "Datetime, ns": lambda rng, n: pl.Series(moments(rng, n)),
    "Datetime, ms": lambda rng, n: pl.Series(moments(rng, n).astype("M8[ms]")),
    "Datetime, zone": lambda rng, n: pl.Series(
        moments(rng, n).astype("M8[us]")
    ).dt.replace_time_zone("Asia/Tokyo"),
    "Duration": lambda rng, n: pl.Series(moments(rng, n).astype(np.int64).astype("m8[ns]")),
    "empty": lambda rng, n: pl.Series([None] * n, dtype=pl.Float64),
    "Null": lambda rng, n: pl.Series([None] * n, dtype=pl.Null),
}

ARROW = {
    "double": lambda rng, n: pa.array(floats(rng, n)),
    "float": lambda rng, n: pa.array(floats(rng, n).astype(np.float32)),
    **{name: lambda rng, n, name=name: pa.array(whole(rng, n, name)) for name in WHOLE},
    "bool": lambda rng, n: pa.array(rng.random(n) < 0.5),
    "string": lambda rng, n: pa.array(labels(rng, n), pa.string()),
    "large_string": lambda rng, n: pa.array(labels(rng, n), pa.large_string()),
    "dictionary": lambda rng, n: pa.array(labels(rng, n), pa.string()).dictionary_encode(),
    "date32": lambda rng, n: pa.array(days(rng, n), pa.date32()),
    "timestamp": lambda rng, n: pa.array(moments(rng, n)),
    "timestamp, zone": lambda rng, n: pa.array(
        moments(rng, n).astype("M8[us]"), pa.timestamp("us", "Europe/Paris")
    ),
    "duration": lambda rng, n: pa.array(moments(rng, n).astype(np.int64).astype("m8[ns]")),
    "null": lambda rng, n: pa.nulls(n),
}

ARRAYS = {
    "float64": lambda rng, n, d: np.stack([floats(rng, n) for _ in range(d)], axis=1),
    "float32": lambda rng, n, d: np.stack([floats(rng, n) for _ in range(d)], axis=1).astype(
        np.float32
    ),
    "integers": lambda rng, n, d: np.stack([whole(rng, n, "int16") for _ in range(d)], axis=1),
    "large integers": lambda rng, n, d: np.stack(
        [whole(rng, n, "int64") for _ in range(d)], axis=1
    ),
    "bool": lambda rng, n, d: rng.random((n, d)) < 0.5,
    "text": lambda rng, n, d: np.stack([labels(rng, n) for _ in range(d)], axis=1).astype(str),
    "objects": lambda rng, n, d: np.stack(
        [
            (labels, floats, lambda rng, n: rng.integers(0, 99, n))[rng.integers(3)](
                rng, n
            ).astype(object)
            for _ in range(d)
        ],
        axis=1,
    ),
}

# columns that no density takes
BAD = {
    "complex": lambda n: pd.Series(np.arange(n) * 1j),
    "infinite": lambda n: pd.Series([np.inf, *range(n - 1)]),
    "lists": lambda n: pd.Series([[1, 2]] * n),
    "beyond 2**63": lambda n: pd.Series(np.full(n, 2**64 - 1, dtype=np.uint64)),
    "mixed": lambda n: pd.Series([dt.date(2024, 1, 1), *range(n - 1)], dtype=object),
}


def some_names(draw, d):
    """Names of the columns of a pandas frame: unusual ones, repeated ones, of several levels."""
    kind = draw(st.sampled_from(["text", "twice", "numbers", "levels", "mixed", "days"]))
    if kind == "text":
        return [f"x{j}" for j in range(d)]
    if kind == "twice":
        return [f"x{j // 2}" for j in range(d)]
    if kind == "numbers":
        return [3 * j - 2 for j in range(d)][::-1]
    if kind == "levels":
        pairs = [("ab"[j % 2], j) for j in range(d)]
        return pd.MultiIndex.from_tuples(pairs, names=["first", None])
    if kind == "mixed":
        return pd.Index([(0, "a", 2.5, "", "a b", "ü")[j % 6] for j in range(d)], dtype=object)
    return pd.date_range("2024-01-01", periods=d, name="day")


def some_index(draw, n):
    kind = draw(st.sampled_from(["default", "text", "twice", "levels", "moments"]))
    if kind == "text":
        return pd.Index([f"row {i}" for i in range(n)], name="rows", dtype=object)
    if kind == "twice":
        return pd.Index([7] * n, dtype=np.int64)
    if kind == "levels":
        return pd.MultiIndex.from_arrays([np.arange(n), np.arange(n) % 2], names=["i", "j"])
    if kind == "moments":
        return pd.date_range("2024-01-01", periods=n, tz="UTC")
    return pd.RangeIndex(n)


@st.composite
def frames(draw):
    """Tables of pandas, polars and pyarrow, and arrays."""
    n = draw(st.one_of(st.sampled_from([5, 6, 12, 30, 60]), st.sampled_from([0, 1, 4])))
    make = draw(st.sampled_from(["pandas", "pandas", "polars", "pyarrow", "numpy"]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    share = draw(st.sampled_from(SHARES_OF_HOLES))
    if make == "numpy":
        X = ARRAYS[draw(st.sampled_from(sorted(ARRAYS)))](rng, n, draw(st.integers(1, 5)))
        if X.dtype.kind in "fO":
            X[rng.random(X.shape) < share] = np.nan
        return X
    makers = {"pandas": PANDAS, "polars": POLARS, "pyarrow": ARROW}[make]
    kinds = draw(st.lists(st.sampled_from(sorted(makers)), min_size=1, max_size=6))
    columns = [makers[kind](rng, n) for kind in kinds]
    shares = [share * (rng.random() < 0.7) for _ in columns]
    copied = draw(st.booleans())
    if make == "pandas":
        columns = [with_holes(*each) for each in zip(columns, [rng] * 9, shares, strict=False)]
        table = pd.concat(columns + columns[:copied], axis=1)
        table.columns = some_names(draw, table.shape[1])
        return table.set_index(some_index(draw, n))
    holes = [rng.random(n) < share for share in shares]
    if make == "polars":
        columns = [
            pl.select(pl.when(pl.Series(~hole)).then(column)).to_series()
            for column, hole in zip(columns, holes, strict=True)
        ]
        columns += columns[:copied]
        return pl.DataFrame([column.alias(f"x{j}") for j, column in enumerate(columns)])
    columns = [
        column.take(pa.array(np.arange(n), mask=hole))
        for column, hole in zip(columns, holes, strict=True)
    ]
    columns += columns[:copied]
    return pa.table({f"x{j}": column for j, column in enumerate(columns)})
