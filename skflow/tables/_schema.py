"""What a table looked like, so that others are read alike, and tables made that look the same."""

from dataclasses import dataclass

import numpy as np

from skflow._persistence import stored

__all__ = ["Schema"]

NUMBERS, PANDAS, POLARS, ARROW = "numpy", "pandas", "polars", "pyarrow"


@stored
@dataclass(frozen=True)
class Schema:
    """Make and columns of a table.

    Attributes
    ----------
    make : {"numpy", "pandas", "polars", "pyarrow"}
        Anything else counts as an array.
    names : tuple
        Of the columns, as they came: numbers for an array.
    dtypes : tuple of str or tuple
        Of the columns, as far as they are needed to make them again.
    levels : tuple of tuple or None
        Those that a categorical dtype declares, by column, with whether they are ordered.
    """

    make: str
    names: tuple
    dtypes: tuple
    levels: tuple

    @classmethod
    def read(cls, X):
        """Learn from a table with two dimensions."""
        make = _make(X)
        if make == NUMBERS:
            X = _as_array(X)
            d = X.shape[1]
            return cls(make, tuple(range(d)), (X.dtype.str,) * d, (None,) * d)
        if make == ARROW:
            fields = list(X.schema)
            dtypes = tuple(_arrow_bytes(field.name, field.type) for field in fields)
            return cls(make, tuple(X.column_names), dtypes, (None,) * len(fields))
        columns = [column for _, column in _named_columns(X, make)]
        describe = _pandas_dtype if make == PANDAS else _polars_dtype
        dtypes, levels = zip(*(describe(column.dtype) for column in columns), strict=True)
        return cls(make, tuple(X.columns), dtypes, levels)

    def __len__(self):
        return len(self.names)

    @property
    def labels(self):
        """Names of the columns for messages; None for an array."""
        return None if self.make == NUMBERS else self.names

    def columns(self, X):
        """Columns of a table that must have those of the fit; a frame's may be in any order.

        A frame may lack columns: None stands for these.
        """
        make = _make(X)
        if make == NUMBERS:
            X = _as_array(X)
            if X.shape[1] != len(self):
                raise ValueError(
                    f"X has {X.shape[1]} features, but the fit had {len(self)} features as "
                    "input: pass the same columns."
                )
            return list(X.T)
        found = _named_columns(X, make)
        if self.make == NUMBERS:
            if len(found) != len(self):
                raise ValueError(f"X has {len(found)} columns, and the fit had {len(self)}.")
            return [column for _, column in found]
        if [name for name, _ in found] == list(self.names):
            return [column for _, column in found]
        unknown = [name for name, _ in found if name not in self.names]
        if unknown or len(set(self.names)) < len(self):
            raise ValueError(
                f"X has columns {[name for name, _ in found]}, and the fit had "
                f"{list(self.names)}: pass these."
            )
        if not found:
            raise ValueError(f"X has no columns; the fit had {list(self.names)}.")
        by_name = dict(found)
        return [by_name.get(name) for name in self.names]

    def index_of(self, name):
        """Index of a column, by name or by number."""
        if name in self.names:
            return self.names.index(name)
        if isinstance(name, int | np.integer) and -len(self) <= name < len(self):
            return int(name) % len(self)
        raise ValueError(f"there is no column {name!r}; the fit had {list(self.names)}.")

    def part(self, which):
        """Return the schema of some of the columns, by number."""
        names, dtypes, levels = (
            tuple(each[j] for j in which) for each in (self.names, self.dtypes, self.levels)
        )
        names = tuple(range(len(which))) if self.make == NUMBERS else names
        return Schema(self.make, names, dtypes, levels)

    def frame(self, cells, like=None):
        """Make a table of columns of cells (n,), all of them, as the fit's was.

        Parameters
        ----------
        cells : list of ndarray
            None, NaN or NaT in holes.
        like : table, optional
            Of as many rows, whose index the new one gets, if there is one.
        """
        if self.make == NUMBERS:
            return _array_of(cells, self.dtypes[0])
        if self.make == PANDAS:
            return self._pandas(cells, like)
        if self.make == POLARS:
            return self._polars(cells)
        import pyarrow as pa

        fields = [_arrow_field(dtype) for dtype in self.dtypes]
        arrays = [
            pa.array(_without_nan(column), field.type, from_pandas=True)
            for column, field in zip(cells, fields, strict=True)
        ]
        return pa.Table.from_arrays(arrays, schema=pa.schema(fields))

    def _pandas(self, cells, like):
        import pandas as pd

        columns = [
            pd.Series(_typed(column, dtype, levels))
            for column, dtype, levels in zip(cells, self.dtypes, self.levels, strict=True)
        ]
        table = pd.concat(columns, axis=1)
        if _make(like) == PANDAS:
            table.index = like.index
        tuples = self.names and all(isinstance(name, tuple) for name in self.names)
        table.columns = pd.MultiIndex.from_tuples(self.names) if tuples else list(self.names)
        return table

    def _polars(self, cells):
        import polars as pl

        columns = []
        for name, column, described in zip(self.names, cells, self.dtypes, strict=True):
            dtype = _polars_type(described)
            series = pl.Series(name, _without_nan(column), strict=False)
            columns.append(series.cast(dtype, strict=False) if series.dtype != dtype else series)
        return pl.DataFrame(columns)


def _make(X):
    module = type(X).__module__.partition(".")[0]
    return module if module in (PANDAS, POLARS, ARROW) and hasattr(X, "columns") else NUMBERS


def _as_array(X):
    X = X if hasattr(X, "dtype") else np.asarray(X, dtype=_dtype_of(X))
    if len(X.shape) != 2:
        raise ValueError(
            f"Expected 2D array, got an array of shape {X.shape}: reshape your data, "
            ".reshape(-1, 1) for one column or .reshape(1, -1) for one row."
        )
    return np.asarray(X)


def _dtype_of(rows):
    """Objects for lists that hold labels or holes, so that numbers stay numbers."""
    plain = np.asarray(rows)
    return object if plain.dtype.kind in "US" else None


def _named_columns(X, make):
    if make == PANDAS:
        return [(name, X.iloc[:, j]) for j, name in enumerate(X.columns)]
    if make == POLARS:
        return [(name, X[name]) for name in X.columns]
    import pandas as pd

    table = X.to_pandas(types_mapper=pd.ArrowDtype)
    return [(name, table.iloc[:, j]) for j, name in enumerate(X.column_names)]


def _pandas_dtype(dtype):
    import pandas as pd

    if isinstance(dtype, pd.CategoricalDtype):
        return "category", (tuple(dtype.categories.tolist()), bool(dtype.ordered))
    if isinstance(dtype, pd.ArrowDtype):  # the name of which may be that of another dtype
        return _arrow_bytes("", dtype.pyarrow_dtype), None
    return str(dtype), None


def _polars_dtype(dtype):
    name = str(dtype.base_type())
    levels = tuple(dtype.categories) if name == "Enum" else None
    unit, zone = (getattr(dtype, key, None) for key in ("time_unit", "time_zone"))
    return (name, unit, zone, levels), None


def _polars_type(described):
    import polars as pl

    name, unit, zone, levels = described
    if name == "Enum":
        return pl.Enum(list(levels))
    if name == "Datetime":
        return pl.Datetime(unit, zone)
    return pl.Duration(unit) if name == "Duration" else getattr(pl, name)


def _arrow_bytes(name, dtype):
    import pyarrow as pa

    return tuple(pa.schema([(name, dtype)]).serialize().to_pybytes())


def _arrow_field(described):
    import pyarrow as pa

    return pa.ipc.read_schema(pa.py_buffer(bytes(described))).field(0)


def _array_of(cells, dtype):
    dtype = np.dtype(dtype)
    if dtype.kind in "iub" and any(_has_holes(column) for column in cells):
        dtype = np.dtype(object)
    return np.column_stack([np.asarray(column, dtype=dtype) for column in cells])


def _typed(column, dtype, levels):
    """Give a column of cells its pandas dtype."""
    import pandas as pd

    if levels is not None:
        return pd.Categorical(column, *levels)
    if isinstance(dtype, tuple):
        dtype = pd.ArrowDtype(_arrow_field(dtype).type)
        return pd.array(_without_nan(column), dtype=dtype)
    if dtype.startswith("datetime64") and "," in dtype:  # of a zone; cells are in UTC
        return pd.Series(column).dt.tz_localize("UTC").astype(dtype)
    holes = _has_holes(column)
    if holes and _is_numpy(dtype) and np.dtype(dtype).kind in "iub":
        return pd.Series(column)  # this dtype holds no holes
    return pd.Series(_without_nan(column) if holes else column).astype(dtype)


def _is_numpy(dtype):
    try:
        np.dtype(dtype)
    except TypeError:
        return False
    return True


def _has_holes(column):
    if column.dtype.kind in "Mm":
        return bool(np.isnat(column).any())
    return any(cell is None or cell != cell for cell in column)  # noqa: PLR0124


def _without_nan(column):
    """Cells with None in holes, as a list; times as they are."""
    if column.dtype.kind in "Mm":
        return column
    return [None if cell is None or cell != cell else cell for cell in column.tolist()]  # noqa: PLR0124
