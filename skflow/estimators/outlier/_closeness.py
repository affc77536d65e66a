"""How near a row is to the nearest of a few others, on average over who these are."""

import math

import numpy as np
import torch

__all__ = ["closeness", "some_rows"]

BLOCK_ENTRIES = 2**22
FARTHEST = 1e100  # its square is a number


def some_rows(rng, z, weight, size):
    """Rows (size, d) of z drawn without replacement, or all if there are no more, and weights.

    The chance of a row grows with its weight w, the largest log(u) / w, u uniform, are drawn
    [1]_, and those that are weigh the same. The weights have sum 1.

    References
    ----------
    .. [1] Efraimidis & Spirakis (2006), Weighted random sampling with a reservoir, Information
       Processing Letters 97(5), algorithm A.
    """
    if len(z) <= size:
        return z, torch.as_tensor(weight / weight.sum())
    keys = np.log1p(-rng.random(len(z))) / weight
    drawn = np.argpartition(-keys, size)[:size]
    return z[drawn], z.new_full((size,), 1 / size)


def closeness(z, points, weight, n_few, floor):
    r"""Minus the mean logarithm of the distance to the nearest of m rows drawn at random.

    .. math::
        c(z) = -\sum_k \left((1 - W_{k-1})^m - (1 - W_k)^m\right) \log |z - z_{(k)}|

    over the rows in the order of their distance, with :math:`W_k` the weight of the first k: the
    expectation over the draws of [1]_. Among few, rows of a small clump are rarely found: what is
    far from most rows stays far, however many lie beside it.

    Parameters
    ----------
    z : tensor of shape (n, d)
    points : tensor of shape (m, d)
    weight : tensor of shape (m,)
        With sum 1.
    n_few : int
        The number m.
    floor : float
        Distance, in units of sqrt(d), below which rows count as equal.

    Returns
    -------
    closeness : tensor of shape (n,)

    References
    ----------
    .. [1] Pang, Ting & Albrecht (2015), LeSiNN: Detecting anomalies by identifying least similar
       nearest neighbours, ICDM workshops, eq. 1; with the logarithm of the distance here.
    """
    floor = floor * math.sqrt(z.shape[1])
    z, points = z.clamp(-FARTHEST, FARTHEST), points.clamp(-FARTHEST, FARTHEST)
    parts = []
    for block in z.split(max(1, BLOCK_ENTRIES // len(points))):
        distance, order = torch.cdist(block, points).sort(dim=1)
        beyond = (1 - weight[order].cumsum(dim=1)).clamp(min=0) ** n_few
        share = -torch.diff(beyond, dim=1, prepend=torch.ones_like(beyond[:, :1]))
        parts.append(-(share * distance.clamp(min=floor).log()).sum(dim=1))
    return torch.cat(parts)
