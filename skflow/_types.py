"""What public signatures take and give: kinds of values, whose shapes docstrings say.

Answers are annotated for tables in memory. A Dask collection is answered by another one, and
``set_output`` makes frames of what ``transform`` returns, which no annotation tells.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from os import PathLike
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "Auto",
    "Bounds",
    "Cells",
    "Columns",
    "Context",
    "Floats",
    "Function",
    "Given",
    "Gradient",
    "HasSchema",
    "Path",
    "RandomState",
    "Rows",
    "Steps",
    "Table",
    "Weights",
    "Widths",
    "Words",
]


class HasSchema(Protocol):
    """What knows its columns: data frames, and tables elsewhere (pyarrow, polars)."""

    @property
    def schema(self) -> Any:
        """Names and dtypes."""


Auto: TypeAlias = Literal["auto"]
Floats: TypeAlias = NDArray[np.float64]
Cells: TypeAlias = NDArray[Any]
Function: TypeAlias = Callable[..., Any]
Gradient: TypeAlias = Function | Literal["numeric"] | bool | None
Path: TypeAlias = str | PathLike[str]
RandomState: TypeAlias = int | np.integer | np.random.RandomState | None
# arrays and data frames in memory
Table: TypeAlias = ArrayLike | HasSchema
# or what holds rows elsewhere: a path, a query, blocks
Rows: TypeAlias = Table | PathLike[str] | Iterable[Any]
# one number a row, and what each row is given
Weights: TypeAlias = ArrayLike | None
Context: TypeAlias = Table | None
Given: TypeAlias = Mapping[Any, Any] | Table | None
# by columns, whose keys are indices or names
Columns: TypeAlias = Sequence[Any] | NDArray[Any]
Bounds: TypeAlias = Mapping[Any, Sequence[float | None]]
Steps: TypeAlias = Mapping[Any, float]
Words: TypeAlias = Sequence[str] | NDArray[Any]
# of hidden layers
Widths: TypeAlias = Sequence[int]
