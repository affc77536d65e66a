"""Fitted flows, and what stands before them, for tensors where these lie: not on the host."""

import copy
from itertools import chain

import torch

__all__ = ["placed", "there", "turned"]


def there(flow, rows, context):
    """Flow and context for rows: as they are for arrays, on the device of tensors.

    Parameters
    ----------
    flow : Flow or Ensemble
        Fitted ones lie on the host. Nothing remembers a copy: it takes some milliseconds.
    rows : ndarray or tensor of shape (n, d)
    context : ndarray of shape (n, c) or None
    """
    if not isinstance(rows, torch.Tensor):
        return flow, context
    here = next(chain(flow.parameters(), flow.buffers()), rows)
    if here.device != rows.device:
        flow = copy.deepcopy(flow).to(rows.device)
    return flow, None if context is None else torch.from_numpy(context).to(rows.device)


def placed(observation, x):
    """Do as ``place`` of an Observation for tensors; what lies outside is moved inside as well."""
    x = turned(observation.circles, x)
    low, high, low_at, high_at = (torch.as_tensor(bound).to(x) for bound in observation.bounds)
    inside = torch.where(x <= low, low_at, torch.where(x >= high, high_at, x))
    return inside, ((x < low) | (x > high)).any(dim=1)


def turned(circles, x, *, back=False):
    """Tensors with periodic columns where the flow has them, or ``back`` where the table had."""
    if circles is None:
        return x
    x, columns = x.clone(), torch.as_tensor(circles.columns, device=x.device)
    start = torch.as_tensor(circles.starts if back else circles.cuts).to(x)
    period = torch.as_tensor(circles.periods).to(x)
    angle = x[:, columns] - period * ((x[:, columns] - start) / period).floor()
    x[:, columns] = torch.where((start <= angle) & (angle < start + period), angle, start)
    return x
