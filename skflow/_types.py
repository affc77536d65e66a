"""What public signatures take and give: kinds of values, whose shapes docstrings say.

Answers are annotated for tables in memory. A Dask collection is answered by another one, a tensor
by a tensor where scikit-learn dispatches, and ``set_output`` makes frames of rows, which no
annotation tells.
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
    "FilePath",
    "Floats",
    "Function",
    "Given",
    "Gradient",
    "HasSchema",
    "Names",
    "RandomState",
    "Rows",
    "Sizes",
    "Steps",
    "Table",
    "Weights",
]


class HasSchema(Protocol):
    """What knows its columns: data frames, and tables elsewhere (pyarrow, polars)."""

    @property
    def schema(self) -> Any:
        """Names and dtypes."""


Auto: TypeAlias = Literal["auto"]
Function: TypeAlias = Callable[..., Any]
Gradient: TypeAlias = Function | Literal["numeric"] | bool | None
FilePath: TypeAlias = str | PathLike[str]
RandomState: TypeAlias = int | np.integer | np.random.RandomState | None

# answers: numbers, and whatever a table holds
Floats: TypeAlias = NDArray[np.float64]
Cells: TypeAlias = NDArray[Any]

# arrays and data frames in memory; or what holds rows elsewhere: a path, a query, blocks
Table: TypeAlias = ArrayLike | HasSchema
Rows: TypeAlias = Table | PathLike[str] | Iterable[Any]
# a number for each row, and what each row is given
Weights: TypeAlias = ArrayLike | None
Context: TypeAlias = Table | None
Given: TypeAlias = Mapping[Any, Any] | Table | None

# columns, by indices or names, and what dicts say of some of them; Mapping, as a
# dict[str, tuple[int, int]] is one of sequences of floats, and no dict of them
Columns: TypeAlias = Sequence[Any] | NDArray[Any]
Names: TypeAlias = Sequence[str] | NDArray[Any]
Bounds: TypeAlias = Mapping[Any, Sequence[float | None]]
Steps: TypeAlias = Mapping[Any, float]
# of hidden layers, of images
Sizes: TypeAlias = Sequence[int]
