"""Which objects are sources: told by their classes, known by name so as to import nothing."""

import importlib
import os
from collections.abc import Mapping, Set

import numpy as np

from skflow._input import names_of, refuse_lazy
from skflow.sources._kinds import BlockSource, MappedSource
from skflow.sources._memory import is_small
from skflow.sources._parts import is_part
from skflow.sources._source import Source

__all__ = ["is_dask", "source_of"]

# module and name of the source of a class, by the package and name of the class
KINDS = {
    ("polars", "LazyFrame"): ("_polars", "QuerySource"),
    ("pyarrow", "Dataset"): ("_arrow", "DatasetSource"),
    ("dask", "Array"): ("_dask", "DaskArraySource"),
    ("dask", "DataFrame"): ("_dask", "DaskFrameSource"),
    ("dask_expr", "DataFrame"): ("_dask", "DaskFrameSource"),
}
OF_JOBLIB = "joblib_memmapping_folder"
# what an object has that numpy or scikit-learn make a table of
TABULAR = ("__array__", "__array_interface__", "__dataframe__", "shape", "columns")


def source_of(X, name="X"):
    """Return the source of rows that X is; None of a table in memory.

    Parameters
    ----------
    X : object
        A source is a numpy.memmap that does not fit in memory (see
        :func:`skflow.sources._memory.most_entries`), a pyarrow Dataset, the path of a parquet
        file or of a folder of them, a polars LazyFrame, a Dask array or DataFrame, and blocks: an
        object whose ``__iter__`` begins anew each time, or a list, of arrays of two dimensions or
        data frames.
    name : str
        How messages name X.

    Returns
    -------
    source : Source or None
        None of whatever else, be it a table or not.

    Raises
    ------
    TypeError
        For what can be read once only, and for queries of other packages.
    """
    if type(X) is np.ndarray or X is None:
        return None
    if isinstance(X, Source):
        return X
    if isinstance(X, np.memmap):
        return MappedSource(X) if _is_mapped(X) and not is_small(*X.shape) else None
    if isinstance(X, str | os.PathLike):
        from skflow.sources._arrow import parquet_source

        return parquet_source(X)
    return _of_class(X) or _of_blocks(X, name)


def is_dask(X):
    """Whether X is a Dask array of two dimensions, or a Dask DataFrame."""
    found = _kind(X)
    return found is not None and found[0] == "_dask" and len(X.shape) == 2


def _is_mapped(X):
    """Whether a memmap (n, d) is a user's: one of joblib is how arrays come to its processes."""
    return X.ndim == 2 and X._mmap is not None and OF_JOBLIB not in str(X.filename)


def _kind(X):
    for cls in type(X).__mro__[:-1]:
        found = KINDS.get((cls.__module__.partition(".")[0], cls.__name__))
        if found is not None:
            return found
    return None


def _of_class(X):
    found = _kind(X)
    if found is None or (found[0] == "_dask" and not is_dask(X)):
        return None
    module, name = found
    return getattr(importlib.import_module(f"skflow.sources.{module}"), name)(X)


def _of_blocks(X, name):
    if isinstance(X, list | tuple):
        return BlockSource(X) if len(X) and is_part(X[0]) else None
    if type(X).__module__.partition(".")[0] == "narwhals" and type(X).__name__ == "LazyFrame":
        return source_of(X.to_native(), name)
    refuse_lazy(X, name)
    if not _is_iterable(X):
        return None
    if hasattr(X, "__next__") or iter(X) is X:
        raise TypeError(
            f"{name} is a {type(X).__name__}, which can be read once, and a table is read several "
            "times: pass an object whose __iter__ begins anew each time, such as a small class "
            "with that one method, or feed blocks to partial_fit one by one."
        )
    if hasattr(X, "__len__") and hasattr(X, "__getitem__"):  # numpy reads it as rows
        return BlockSource(X) if len(X) and is_part(X[0]) else None
    return BlockSource(X)


def _is_iterable(X):
    if isinstance(X, type | bytes | bytearray | memoryview | Mapping | Set | range):
        return False
    if names_of(X) is not None or any(hasattr(X, name) for name in TABULAR):
        return False
    return hasattr(X, "__iter__")
