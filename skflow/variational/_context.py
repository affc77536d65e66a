"""The context of a posterior: checked, and the dtype in which its flow takes it."""

import numpy as np
import torch

from skflow._containers import on_host
from skflow.bijections import Conditioned
from skflow.bijections._conditioned import StandardizedContext

__all__ = ["check_context", "input_dtype"]


def input_dtype(flow):
    """Return the dtype in which a conditional flow takes rows and context.

    That is float64 where it standardises its context. Flows of earlier versions do not, and take
    both in the dtype of their nets.
    """
    bijection = flow.bijection
    standardizes = isinstance(bijection, Conditioned) and isinstance(
        bijection.net, StandardizedContext
    )
    return torch.float64 if standardizes else flow.dtype


def check_context(context, n_columns=None):
    """Context rows as a finite float64 array (n, c), of ``n_columns`` if that is given."""
    rows = np.array(on_host(context), dtype=np.float64)  # a copy: torch warns of what is read-only
    wanted = "n_context" if n_columns is None else n_columns
    if rows.ndim != 2 or not rows.size or (n_columns is not None and rows.shape[1] != n_columns):
        raise ValueError(f"context must have shape (n_rows, {wanted}), got {rows.shape}.")
    if not np.isfinite(rows).all():
        row, column = np.argwhere(~np.isfinite(rows))[0]
        raise ValueError(
            f"context must be finite: {rows[row, column]} in row {row}, column {column}."
        )
    return rows
