"""The context of a conditional flow: checked, and scaled before a net reads it."""

import numpy as np
import torch
from torch import nn

from skflow.bijections import Conditioned

__all__ = ["StandardizedContext", "check_context", "input_dtype"]


class StandardizedContext(nn.Module):
    """Standardises a context (*members, n, c) by the moments of the rows it was fitted to.

    It works in float64, and nets get the result in the dtype that they have: a column at 1e6
    with a spread of 1 keeps its digits only if it is centred before the cast to float32. The
    moments are not trained. A column that was constant is 0 at its constant.

    Parameters
    ----------
    standardize : Standardize
    dtype : torch.dtype
        Of the nets.
    """

    def __init__(self, standardize, dtype):
        super().__init__()
        self.standardize = standardize
        # moves and is cast as the nets are, and so knows their dtype
        self.register_buffer("origin", torch.zeros(0, dtype=dtype))

    def forward(self, context):
        return self.standardize(context.double())[0].to(self.origin.dtype)


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
    rows = np.array(context, dtype=np.float64)  # a copy: torch warns of what is read-only
    wanted = "n_context" if n_columns is None else n_columns
    if rows.ndim != 2 or not rows.size or (n_columns is not None and rows.shape[1] != n_columns):
        raise ValueError(f"context must have shape (n_rows, {wanted}), got {rows.shape}.")
    if not np.isfinite(rows).all():
        row, column = np.argwhere(~np.isfinite(rows))[0]
        raise ValueError(
            f"context must be finite: {rows[row, column]} in row {row}, column {column}."
        )
    return rows
