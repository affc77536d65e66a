"""What users pass in the place of a table of numbers, told before anything is made of it.

Lazy frames hold no rows yet; masks of numpy's masked arrays would be lost in any conversion, with
what lay below them taken for numbers; times would become counts of nanoseconds. And how messages
name a column and a row, by the names that they have.
"""

import datetime

import numpy as np

from skflow._escapes import escaped

__all__ = [
    "as_python",
    "column_label",
    "names_of",
    "refuse_lazy",
    "refuse_masked",
    "refuse_times",
    "row_label",
    "time_in",
    "unmasked",
]

# what makes rows of a class, by package and name; these are only known by name, so as to import
# nothing
LAZY = {
    ("polars", "LazyFrame"): "collect()",
    ("narwhals", "LazyFrame"): "collect()",
    ("dask", "DataFrame"): "compute()",
    ("dask", "Series"): "compute()",
    ("dask_expr", "DataFrame"): "compute()",
    ("dask_expr", "Series"): "compute()",
    ("pyarrow", "Dataset"): "to_table()",
    ("pyarrow", "Scanner"): "to_table()",
    ("pyarrow", "RecordBatchReader"): "read_all()",
    ("pyspark", "DataFrame"): "toPandas()",
    ("duckdb", "DuckDBPyRelation"): "df()",
    ("ibis", "Table"): "to_pandas()",
}
# how the names of dtypes of times begin, in numpy, pandas, polars and pyarrow
MOMENTS = ("datetime", "timestamp", "date", "period")
SPANS = ("timedelta", "duration")
CLOCKS = ("time",)
MOST_COLUMNS, MOST_CHARACTERS = 5, 80  # in a message


def column_label(index, feature_names=None):
    """How messages name a column: ``column 3`` or ``column 3 ('age')``."""
    return f"column {index}" + (
        "" if feature_names is None else f" ({str(feature_names[index])!r})"
    )


def row_label(row, like=None):
    """How messages name a row: ``row 3``, or ``row 3 (index 'Rome')``.

    Parameters
    ----------
    row : int
    like : table or column, optional
        Where the row lies; pandas' have an index, which is left out if it is the row's number.
    """
    row = int(row)
    index = getattr(like, "index", None) if hasattr(like, "iloc") else None
    if index is None:
        return f"row {row}"
    label = index[row]
    label = tuple(map(as_python, label)) if isinstance(label, tuple) else as_python(label)
    if type(label) is int and label == row:
        return f"row {row}"
    return f"row {row} (index {escaped(repr(label), MOST_CHARACTERS)})"


def as_python(cell):
    """Python's own value of a scalar of numpy; all else as it is."""
    return cell.item() if isinstance(cell, np.generic) else cell


def refuse_lazy(X, name="X"):
    """Raise a TypeError if X is a query whose rows were not asked for yet."""
    for cls in type(X).__mro__[:-1]:
        call = LAZY.get((cls.__module__.partition(".")[0], cls.__name__))
        if call is not None:
            own = f"{cls.__module__.partition('.')[0]}.{cls.__name__}"
            raise TypeError(
                f"{name} is lazy, a {own}, and holds no rows yet: call .{call} on it first, and "
                "pass what that returns."
            )


def unmasked(X, *, numbers=False):
    """Take the mask of a masked array for missing entries.

    Parameters
    ----------
    X : object
        Anything; only masked arrays, and lists of their rows or with masked cells, are changed.
    numbers : bool
        Whether floats are wanted, of integers and booleans too; otherwise these become objects,
        so that they stay what they are beside holes.

    Returns
    -------
    X : object
        With NaN, NaT or None in the place of what was masked.
    mask : ndarray of bool or None
        Where that is; None if it is nowhere.
    """
    if isinstance(X, list | tuple):
        X = _masked_rows(X)
    if not isinstance(X, np.ma.MaskedArray):
        return X, None
    mask, data = np.ma.getmaskarray(X), np.ma.getdata(X)
    if not mask.any():
        return data, None
    kind = data.dtype.kind
    if kind in "fcMm":
        filled = np.array(data)
        filled[mask] = np.nan if kind in "fc" else np.array("NaT", dtype=data.dtype)
        return filled, mask
    filled = data.astype(np.float64 if numbers and kind in "biu" else object)
    filled[mask] = None
    return filled, mask


def refuse_masked(values, name, remedy="Pass numbers in all places."):
    """Return values without a mask; a ValueError if it hides any of them."""
    plain, mask = unmasked(values, numbers=True)
    if mask is None:
        return plain
    row = int(mask.reshape(len(mask), -1).any(axis=1).argmax()) if mask.ndim else 0
    raise ValueError(
        f"{name} must hold numbers: {int(mask.sum())} are missing (masked), the first in row "
        f"{row}. {remedy}"
    )


def _masked_rows(X):
    """Make a masked array of a list that holds masks, which conversions of lists leave out."""
    if any(isinstance(row, np.ma.MaskedArray) for row in X):
        rows = [np.ma.asarray(row) for row in X]
        return np.ma.stack(rows) if len({row.shape for row in rows}) == 1 else X
    lists = [row for row in X if isinstance(row, list | tuple)]
    if not any(cell is np.ma.masked for row in lists for cell in row):
        return X
    return [
        [np.nan if cell is np.ma.masked else cell for cell in row]
        if isinstance(row, list | tuple)
        else row
        for row in X
    ]


def refuse_times(X, name="X"):
    """Raise a ValueError that names the columns of X that hold times, if there are any."""
    found = _time_columns(X)
    if not found:
        return
    names = names_of(X)
    told = [
        f"{column_label(j, names) if j is not None else name} holds {what} ({dtype})"
        for j, what, dtype in found
    ]
    more = f"; and {len(told) - MOST_COLUMNS} more" if len(told) > MOST_COLUMNS else ""
    raise ValueError(
        f"Expected numbers in {name}; {'; '.join(told[:MOST_COLUMNS])}{more}. Make numbers of "
        "them, such as days since the first, or drop them; skflow.TableDensity takes tables with "
        "dates as they are."
    )


def names_of(X):
    """Names of the columns of a table, None of an array."""
    if hasattr(X, "column_names"):
        return list(X.column_names)  # of pyarrow, whose columns are the cells
    return list(X.columns) if hasattr(X, "columns") else None


def _time_columns(X):
    """Index (None without columns), kind and dtype of each column of times."""
    if hasattr(X, "schema") and hasattr(X, "column_names"):
        columns = [(str(field.type), ()) for field in X.schema]
    elif hasattr(X, "columns") and hasattr(X, "dtypes"):
        columns = [_described(dtype, X, j) for j, dtype in enumerate(X.dtypes)]
    elif hasattr(X, "dtype"):
        return _time_columns_of_array(X)
    elif isinstance(X, list | tuple):
        return _time_columns_of_lists(X)
    else:
        return []
    found = ((j, _kind_of(dtype, cells), dtype) for j, (dtype, cells) in enumerate(columns))
    return [one for one in found if one[1]]


def _described(dtype, X, j):
    """Name of the dtype of a column, and cells of it if that does not say what they are."""
    levels = getattr(dtype, "categories", ())
    if not isinstance(levels, tuple) and hasattr(levels, "dtype"):
        return str(levels.dtype), levels if levels.dtype == object else ()
    if str(dtype).lower() != "object":
        return str(dtype), ()
    return "object", X.iloc[:, j] if hasattr(X, "iloc") else X[X.columns[j]]


def _time_columns_of_array(X):
    dtype = str(X.dtype)
    if getattr(X, "ndim", 2) != 2:
        kind = _kind_of(dtype, X if dtype == "object" else ())
        return [(None, kind, dtype)] if kind else []
    if dtype == "object":
        found = [(j, _kind_of(dtype, column), dtype) for j, column in enumerate(np.asarray(X).T)]
        return [one for one in found if one[1]]
    kind = _kind_of(dtype, ())
    return [(j, kind, dtype) for j in range(X.shape[1])] if kind else []


def _time_columns_of_lists(X):
    kinds = {}
    for row in X:
        if isinstance(row, np.ndarray) and row.dtype.kind in "MmO":
            row = row.ravel().tolist() if row.dtype.kind == "O" else list(row.ravel())
        if not isinstance(row, list | tuple):
            kind = time_in(row)
            kinds |= {None: (kind, type(row).__name__)} if kind else {}
            continue
        for j, cell in enumerate(row):
            kind = time_in(cell)
            if kind:
                kinds.setdefault(j, (kind, type(cell).__name__))
    return [(j, *kinds[j]) for j in sorted(kinds, key=lambda j: -1 if j is None else j)]


def _kind_of(dtype, cells):
    """Say what kind of times a column holds; "" if none."""
    lower = dtype.lower()
    for kind, names in (("dates", MOMENTS), ("durations", SPANS), ("times of day", CLOCKS)):
        if lower.startswith(names):
            return kind
    # a set first: columns of objects are mostly of one class
    first = {type(cell): cell for cell in cells}
    return next(filter(None, map(time_in, first.values())), "")


def time_in(cell):
    """Say what kind of time a cell is; "" if none."""
    if isinstance(cell, float | int) or type(cell).__name__ == "NaTType":  # which is a hole
        return ""
    if isinstance(cell, datetime.date | np.datetime64) or type(cell).__name__ == "Period":
        return "dates"
    if isinstance(cell, datetime.timedelta | np.timedelta64):
        return "durations"
    return "times of day" if isinstance(cell, datetime.time) else ""
