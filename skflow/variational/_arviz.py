"""Draws for arviz, if it is there."""

import numpy as np

__all__ = ["to_arviz"]


def to_arviz(draws, names=None):
    """Draws (n, d), or chains of them (n_chains, n, d), as arviz's data.

    d variables if there are names, else one, z.
    """
    try:
        from arviz_base import from_dict
    except ImportError:
        from_dict = _older_from_dict()
    chains = draws if draws.ndim == 3 else draws[None]
    d = chains.shape[2]
    if names is None:
        return from_dict({"posterior": {"z": chains}})
    if len(names) != d:
        raise ValueError(f"names must be {d} names, got {len(names)}.")
    columns = {str(name): chains[..., j] for j, name in enumerate(names)}
    if len(columns) != len(names):
        raise ValueError(f"names must differ from each other, got {list(names)}.")
    return from_dict({"posterior": {k: np.ascontiguousarray(v) for k, v in columns.items()}})


def _older_from_dict():
    try:
        import arviz
    except ImportError as error:
        raise ImportError(
            "to_arviz needs arviz: pip install arviz-base (or arviz). The draws themselves need "
            "none: draws_, or sample(resample=True) of an approximation."
        ) from error
    return lambda groups: arviz.from_dict(**groups)
