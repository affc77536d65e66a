"""Draws for arviz, if it is there."""

import numpy as np

__all__ = ["to_arviz"]


def to_arviz(draws, names=None):
    """One chain of draws (n, d) as arviz's data; d variables if there are names, else one, z."""
    try:
        from arviz_base import from_dict
    except ImportError:
        from_dict = _older_from_dict()
    if names is None:
        return from_dict({"posterior": {"z": draws[None]}})
    if len(names) != draws.shape[1]:
        raise ValueError(f"names must be {draws.shape[1]} names, got {len(names)}.")
    columns = {str(name): column[None] for name, column in zip(names, draws.T, strict=True)}
    if len(columns) != len(names):
        raise ValueError(f"names must differ from each other, got {list(names)}.")
    return from_dict({"posterior": {k: np.ascontiguousarray(v) for k, v in columns.items()}})


def _older_from_dict():
    try:
        import arviz
    except ImportError as error:
        raise ImportError(
            "to_arviz needs arviz: pip install arviz-base (or arviz). The draws themselves are "
            "those of sample(resample=True)."
        ) from error
    return lambda groups: arviz.from_dict(**groups)
