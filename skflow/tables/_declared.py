"""What users declare of single columns, as mappings from index or name to what they know."""

from collections.abc import Mapping
from difflib import get_close_matches

import numpy as np

__all__ = ["by_column"]

MAX_NAMES = 10  # of columns in a message


def by_column(parameter, declared, value, n_features, feature_names=None):
    """Read a mapping of columns as one by index.

    Parameters
    ----------
    parameter : str
        Its name, for messages.
    declared : None or mapping {column index or name: value}
    value : str
        What the mapping's values are, for messages.
    n_features : int
    feature_names : sequence of str, optional
        Needed for columns given by name.

    Returns
    -------
    by_index : dict {int: value}

    Raises
    ------
    TypeError, ValueError
        If it is no mapping, or names a column that is not there, or one twice.
    """
    if declared is None:
        return {}
    if not isinstance(declared, Mapping):
        raise TypeError(
            f"{parameter} must be None or a mapping {{column index or name: {value}}}, "
            f"got {type(declared).__name__}."
        )
    keys, by_index = {}, {}
    for key, item in declared.items():
        j = _index(parameter, key, n_features, feature_names)
        if j in keys:
            raise ValueError(f"{parameter} names column {j} twice: as {keys[j]!r} and as {key!r}.")
        keys[j], by_index[j] = key, item
    return by_index


def _index(parameter, key, n_features, feature_names):
    if isinstance(key, str):
        names = [] if feature_names is None else [str(name) for name in feature_names]
        if key in names:
            return names.index(key)
        raise ValueError(
            f"{parameter} names an unknown column {key!r}: {_known_columns(key, names)}."
        )
    if not isinstance(key, int | np.integer) or isinstance(key, bool):
        raise TypeError(f"{parameter}: a column is an index or a name, got {key!r}.")
    if not 0 <= key < n_features:
        raise ValueError(
            f"{parameter} names an unknown column {key!r}: X has {n_features} columns, "
            f"numbered 0 to {n_features - 1}."
        )
    return int(key)


def _known_columns(key, names):
    """Say in words which columns there are, the one that is most like ``key`` before all."""
    if not names:
        return "X came without column names; use the column's index, or fit a table with names"
    alike = {name.lower(): name for name in names}
    nearest = [alike[low] for low in get_close_matches(key.lower(), alike, n=1)]
    guess = f"did you mean {nearest[0]!r}? All columns" if nearest else "the columns"
    more = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
    return f"{guess} are {', '.join(map(repr, names[:MAX_NAMES]))}{more}"
