"""What a table looked like, so that others are read alike, and tables made that look the same."""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import issparse

from skflow._containers import as_table
from skflow._input import unmasked
from skflow._persistence import stored
from skflow.tables._dtypes import (
    arrow_array,
    arrow_bytes,
    arrow_field,
    dtype_name,
    has_holes,
    pandas_dtype,
    polars_dtype,
    polars_type,
    typed,
    within,
    without_nan,
)

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
    axes : tuple
        Names that pandas has for the names of the columns, one for each of their levels.
    """

    make: str
    names: tuple
    dtypes: tuple
    levels: tuple
    axes: tuple = ()

    @classmethod
    def read(cls, X):
        """Learn from a table with two dimensions."""
        X = as_table(X)
        make = _make(X)
        if make == NUMBERS:
            dtype = getattr(X, "dtype", None) if isinstance(X, np.ma.MaskedArray) else None
            X = _as_array(X)
            d, dtype = X.shape[1], X.dtype if dtype is None else dtype
            if not d:
                raise ValueError(
                    f"X has 0 feature(s) (shape={X.shape}) while a minimum of 1 is required."
                )
            return cls(make, tuple(range(d)), (dtype.str,) * d, (None,) * d)
        if make == ARROW:
            fields = list(X.schema)
            dtypes = tuple(arrow_bytes(field.name, field.type) for field in fields)
            return cls(make, tuple(X.column_names), dtypes, (None,) * len(fields))
        columns = [column for _, column in _named_columns(X, make)]
        if not columns:
            raise ValueError(f"X has no columns (shape {X.shape}): pass a table of one or more.")
        describe = pandas_dtype if make == PANDAS else polars_dtype
        dtypes, levels = zip(*(describe(column.dtype) for column in columns), strict=True)
        axes = tuple(X.columns.names) if make == PANDAS else ()
        return cls(make, tuple(X.columns), dtypes, levels, axes)

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
        X = as_table(X)
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
        return Schema(self.make, names, dtypes, levels, self.axes)

    def frame(self, cells, like=None):
        """Make a table of columns of cells (n,), all of them, as the fit's was.

        Parameters
        ----------
        cells : list of ndarray
            None, NaN or NaT in holes.
        like : table, optional
            Of as many rows, whose index the new one gets, if there is one.
        """
        cells = [
            within(column, dtype_name(self.make, dtype))
            for column, dtype in zip(cells, self.dtypes, strict=True)
        ]
        if self.make == NUMBERS:
            return _array_of(cells, self.dtypes[0])
        if self.make == PANDAS:
            return self._pandas(cells, like)
        if self.make == POLARS:
            return self._polars(cells)
        import pyarrow as pa

        fields = [arrow_field(dtype) for dtype in self.dtypes]
        arrays = [
            arrow_array(column, field.type) for column, field in zip(cells, fields, strict=True)
        ]
        return pa.Table.from_arrays(arrays, schema=pa.schema(fields))

    def _pandas(self, cells, like):
        import pandas as pd

        columns = [
            pd.Series(typed(column, dtype, levels))
            for column, dtype, levels in zip(cells, self.dtypes, self.levels, strict=True)
        ]
        table = pd.concat(columns, axis=1)
        like = as_table(like)
        if _make(like) == PANDAS:
            table.index = like.index
        tuples = self.names and all(isinstance(name, tuple) for name in self.names)
        names = list(self.names)
        levels = tuples and len(self.axes) in (0, len(names[0]))  # or names that are tuples
        flat = pd.Index(names, tupleize_cols=False)
        table.columns = pd.MultiIndex.from_tuples(names) if levels else flat
        if self.axes:
            table.columns.names = list(self.axes)
        return table

    def _polars(self, cells):
        import polars as pl

        columns = []
        for name, column, described in zip(self.names, cells, self.dtypes, strict=True):
            dtype = polars_type(described)
            series = pl.Series(name, without_nan(column), strict=False)
            columns.append(series.cast(dtype, strict=False) if series.dtype != dtype else series)
        return pl.DataFrame(columns)


def _make(X):
    module = type(X).__module__.partition(".")[0]
    return module if module in (PANDAS, POLARS, ARROW) and hasattr(X, "columns") else NUMBERS


def _as_array(X):
    if issparse(X):
        raise TypeError("X is sparse, and a table has all its cells: pass X.toarray().")
    X, _ = unmasked(X)
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


def _array_of(cells, dtype):
    dtype = np.dtype(dtype)
    if dtype.kind in "iub" and any(has_holes(column) for column in cells):
        dtype = np.dtype(object)
    return np.column_stack([np.asarray(column, dtype=dtype) for column in cells])
