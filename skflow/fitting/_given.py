"""What stands between a context and the layers of a flow that it steers."""

import torch

from skflow.bijections import (
    ActNorm,
    Affine,
    Chain,
    ConditionalElementwise,
    Conditioned,
    LinearShift,
    Standardize,
)
from skflow.bijections._conditioned import StandardizedContext
from skflow.nets import MLP

__all__ = ["beside_context", "context_reader", "given_context", "noise_of", "residuals"]


def context_reader(rows):
    """Return what standardises the context of a Batch for nets; None if it has none."""
    if rows.context is None:
        return None
    scaling = Standardize.from_data(rows.context, rows.weight)
    return StandardizedContext(scaling, rows.x.dtype)


def given_context(bijection, reader, plan):
    """Put before the layers what tells them of the context, if there is one.

    That are its standardisation, a linear regression on it, so that layers start with residuals,
    and a scale and shift of each column by a net: a spread that changes with the context is what
    most rows have.
    """
    if reader is None:
        return bijection
    spread = Affine()
    sizes = plan.n_context, plan.n_features, spread.n_params, plan.hidden_features
    scaling = ConditionalElementwise(spread, MLP(*sizes, dropout=plan.dropout or 0.0))
    return Conditioned(reader, Chain([*_regression(plan), scaling, bijection]))


def noise_of(flow, plan):
    """Deviation of the noise that smooths training rows: a number, or of columns (*members, 1, d).

    Given a context its unit is what the regression leaves of a column, and not the column's own
    spread: noise of a small share of that would drown what the context nearly settles.
    """
    if not (plan.n_context and plan.input_noise):
        return plan.input_noise
    _, left, *_ = flow.bijection.bijection.bijections
    return plan.input_noise * left.log_scale.detach().neg().exp().unsqueeze(-2)


def beside_context(rows, reader):
    """Columns of the context of a Batch, as it is read, and then those of its rows."""
    return rows.x if reader is None else torch.cat([reader(rows.context), rows.x], dim=-1)


@torch.no_grad()
def residuals(rows, reader, plan):
    """Rows of a Batch as the layers of a flow start with them."""
    if reader is None:
        return rows.x
    start = Conditioned(reader, Chain(_regression(plan))).to(rows.x)
    return start.initialize(rows.x, rows.context, rows.weight)


def _regression(plan):
    return LinearShift(plan.n_features, plan.n_context), ActNorm(plan.n_features)
