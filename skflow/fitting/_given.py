"""What stands between a context and the layers of a flow that it steers."""

import torch

from skflow.bijections import ActNorm, Chain, Conditioned, LinearShift, Standardize
from skflow.bijections._conditioned import StandardizedContext

__all__ = ["context_reader", "given_context", "residuals"]


def context_reader(rows):
    """Return what standardises the context of a Batch for nets; None if it has none."""
    if rows.context is None:
        return None
    scaling = Standardize.from_data(rows.context, rows.weight)
    return StandardizedContext(scaling, rows.x.dtype)


def given_context(reader, plan, layers):
    """Put before the layers what tells them of the context, if there is one.

    That are its standardisation, and a linear regression on it: layers start with residuals.
    """
    if reader is None:
        return Chain(layers) if len(layers) > 1 else layers[0]
    start = LinearShift(plan.n_features, plan.n_context), ActNorm(plan.n_features)
    return Conditioned(reader, Chain([*start, *layers]))


@torch.no_grad()
def residuals(rows, reader, plan):
    """Rows of a Batch as the layers of a flow start with them."""
    if reader is None:
        return rows.x
    start = given_context(reader, plan, []).to(rows.x.device)
    return start.initialize(rows.x, rows.context, rows.weight)
