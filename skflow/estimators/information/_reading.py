"""Two blocks of columns as a user has them, and as continuous rows."""

import numpy as np
from sklearn.utils.validation import check_array

from skflow._containers import as_table
from skflow._input import refuse_masked, refuse_times

__all__ = ["continuous", "read_halves"]

FEWEST_ROWS = 20


def read_halves(X, Y):
    """Read both blocks as float64 arrays (n, d_x) and (n, d_y) of as many rows."""
    X, Y = _read(X, "X"), _read(Y, "Y")
    if len(X) != len(Y):
        raise ValueError(
            f"X has {len(X)} rows and Y {len(Y)}: pass the rows that belong together, in the "
            "same order."
        )
    return X, Y


def continuous(half, rng):
    """Rows (n, d) with repeated values spread over the gaps between them."""
    from skflow.tables._observation import ContinuousRows

    observation = ContinuousRows.read(half, np.ones(len(half)))
    return observation.made_continuous(half, rng)


def _read(half, name):
    half = as_table(half, name)
    refuse_times(half, name)
    half = np.asarray(refuse_masked(half, name))
    if half.ndim == 1:
        half = half[:, None]
    return check_array(half, dtype=np.float64, ensure_min_samples=FEWEST_ROWS, input_name=name)
