"""Names of parameters, as a user gives them."""

from skflow._input import column_label

__all__ = ["checked_names", "label_of"]


def checked_names(names, n_features):
    """Return names of parameters as a list of str, None if there are none."""
    if names is None:
        return None
    wanted = f"feature_names must be {n_features} different names (n_features={n_features})"
    if isinstance(names, str) or not all(isinstance(name, str) for name in names):
        raise TypeError(f"{wanted}, each a str; got {names!r}.")
    names = [str(name) for name in names]
    twice = sorted({name for name in names if names.count(name) > 1})
    if len(names) != n_features or twice:
        got = f"{twice[0]!r} twice" if twice else f"{len(names)} of them: {names}"
        raise ValueError(f"{wanted}, got {got}.")
    return names


def label_of(column, names):
    """Name of a parameter in a message: its own, or its column's if there are no names."""
    return column_label(int(column)) if names is None else repr(names[column])
