"""Dtypes of the columns of tables: in words that can be saved, and back."""

import re

import numpy as np

__all__ = [
    "arrow_array",
    "arrow_bytes",
    "arrow_field",
    "dtype_name",
    "has_holes",
    "pandas_dtype",
    "polars_dtype",
    "polars_type",
    "typed",
    "within",
    "without_nan",
]

# what arrow calls floats
FLOATS = {"halffloat": "float16", "float": "float32", "double": "float64"}
LARGEST = np.iinfo(np.int64).max
EXACT_END = 2.0**63 - 1_024  # the last float before it


def pandas_dtype(dtype):
    """Return a dtype of pandas in words, and the levels it declares."""
    import pandas as pd

    if isinstance(dtype, pd.CategoricalDtype):
        return "category", (tuple(dtype.categories.tolist()), bool(dtype.ordered))
    if isinstance(dtype, pd.ArrowDtype):  # the name of which may be that of another dtype
        return arrow_bytes("", dtype.pyarrow_dtype), None
    if isinstance(dtype, pd.StringDtype) and dtype.na_value is pd.NA:
        return f"string[{dtype.storage}]", None  # the name leaves out where it is kept
    return str(dtype), None


def polars_dtype(dtype):
    """Return a dtype of polars in words."""
    name = str(dtype.base_type())
    levels = tuple(dtype.categories) if name == "Enum" else None
    unit, zone = (getattr(dtype, key, None) for key in ("time_unit", "time_zone"))
    return (name, unit, zone, levels), None


def polars_type(described):
    """Return the dtype of polars that words describe."""
    import polars as pl

    name, unit, zone, levels = described
    if name == "Enum":
        return pl.Enum(list(levels))
    if name == "Datetime":
        return pl.Datetime(unit, zone)
    return pl.Duration(unit) if name == "Duration" else getattr(pl, name)


def arrow_bytes(name, dtype):
    """Return the bytes of a field of pyarrow, as numbers."""
    import pyarrow as pa

    return tuple(pa.schema([(name, dtype)]).serialize().to_pybytes())


def arrow_field(described):
    """Return the field of pyarrow that bytes describe."""
    import pyarrow as pa

    return pa.ipc.read_schema(pa.py_buffer(bytes(described))).field(0)


def arrow_array(column, dtype):
    """Give a column of cells its dtype of pyarrow, to which times are in UTC."""
    import pyarrow as pa

    return pa.array(without_nan(column), dtype, from_pandas=True)


def typed(column, dtype, levels):
    """Give a column of cells its pandas dtype."""
    import pandas as pd

    if levels is not None:
        return pd.Categorical(column, *levels)
    if isinstance(dtype, tuple):
        return pd.arrays.ArrowExtensionArray(arrow_array(column, arrow_field(dtype).type))
    if dtype.startswith("datetime64") and "," in dtype:  # of a zone; cells are in UTC
        return pd.Series(column).dt.tz_localize("UTC").astype(dtype)
    holes = has_holes(column)
    if holes and _is_numpy(dtype) and np.dtype(dtype).kind in "iub":
        # this dtype holds no holes
        return pd.Series(column, dtype=object if np.dtype(dtype).kind == "b" else float)
    return pd.Series(without_nan(column) if holes else column).astype(dtype)


def _is_numpy(dtype):
    try:
        np.dtype(dtype)
    except TypeError:
        return False
    return True


def has_holes(column):
    """Whether any cell of an array is missing."""
    if column.dtype.kind in "Mm":
        return bool(np.isnat(column).any())
    return any(cell is None or cell != cell for cell in column)  # noqa: PLR0124


def without_nan(column):
    """Cells with None in holes, as a list; times as they are."""
    if column.dtype.kind in "Mm":
        return column
    return [None if cell is None or cell != cell else cell for cell in column.tolist()]  # noqa: PLR0124


def dtype_name(make, described):
    """Name of a dtype of the columns of numpy, pandas, polars or pyarrow."""
    if make == "numpy":
        return np.dtype(described).name
    if isinstance(described, str):
        return described
    return described[0] if make == "polars" else str(arrow_field(described).type)


def within(column, name):
    """Numbers within what a dtype holds: what lies beyond would wrap around."""
    name = FLOATS.get(name, name).lower()
    if column.dtype.kind not in "iuf" or not re.fullmatch(r"u?int\d+|float\d+", name):
        return column
    if name[0] == "f":
        most = np.finfo(name).max if column.dtype.kind == "f" else np.inf
        return column if np.isinf(most) else np.clip(column, -float(most), float(most))
    info = np.iinfo(name)
    if column.dtype.kind != "f":
        return np.clip(column, info.min, min(info.max, LARGEST))
    column = np.round(column)
    if np.isnan(column).any():
        return np.clip(column, info.min, info.max)
    inside = np.clip(column, -EXACT_END, EXACT_END).astype(np.int64)
    return np.clip(inside, info.min, min(info.max, LARGEST))
