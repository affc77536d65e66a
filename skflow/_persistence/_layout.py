"""What writer and reader must agree on beside the nodes of the document."""

import inspect
from dataclasses import fields, is_dataclass

from torch import nn

from skflow.exceptions import ModelFileError

__all__ = [
    "FORMAT",
    "MODULE_STATE",
    "can_name_part",
    "dense_axes",
    "insist",
    "may_have_holes",
    "settable",
    "wastes_memory",
]

FORMAT = 3  # raised when older files could be misread; see _file.MIGRATIONS

MISSING = object()
MODULE_STATE = frozenset(vars(nn.Module()))

# Bytes that an array of strings may take: so many at any rate, or this many times its characters.
SMALL, RATIO = 2**13, 32
CHARACTER = 4  # bytes, in arrays of numpy


def insist(condition, what):
    """Raise a ModelFileError of a file that is not as ``save`` writes files."""
    if not condition:
        raise ModelFileError(f"the file is malformed: {what}.")


def wastes_memory(strings):
    """Whether an array of numpy's strings, all as long as the longest, dwarfs what they hold."""
    padded = CHARACTER * len(strings) * max(map(len, strings), default=0)
    written = sum(map(len, strings)) + 3 * len(strings)
    return padded > max(SMALL, RATIO * written)


def dense_axes(shape, strides):
    """Order of the axes in memory, None if it is the usual one or there are gaps.

    Matrix products take another route for a transposed matrix, which rounds differently: loaded
    arrays must lie in memory as the saved ones did.
    """
    order = sorted(range(len(shape)), key=lambda axis: (-strides[axis], axis))
    if order == list(range(len(shape))):
        return None
    size = strides[order[-1]]
    for axis in reversed(order):
        if strides[axis] != size:
            return None
        size *= shape[axis]
    return order


def settable(cls, name):
    """Whether a file may set the attribute of an object of the class.

    It may not if that hid a method, a property or anything else of the class but a default of
    one of its parameters or, in a torch module, a plain value.
    """
    if not name.isidentifier() or name.startswith("__"):
        return False
    if is_dataclass(cls) and name in {field.name for field in fields(cls)}:
        return True
    default = inspect.getattr_static(cls, name, MISSING)
    if not issubclass(cls, nn.Module):
        return default is MISSING
    if name in MODULE_STATE or hasattr(nn.Module, name):
        return False
    return default is MISSING or default is None or isinstance(default, bool | int | float | str)


def may_have_holes(cls, name):
    """Whether a buffer of a module of the class may hold NaN, as rows of a table with holes do."""
    return name in getattr(cls, "buffers_with_holes", ())


def can_name_part(cls, name):
    """Whether a file may give a module of the class a parameter, buffer or module of the name."""
    return name.isdecimal() or settable(cls, name)
