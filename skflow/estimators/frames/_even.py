"""Rows picked from more than are needed, so that together they are even."""

import numpy as np
import torch

__all__ = ["evenly_picked", "times_drawn"]

# Rows that are drawn for each that is kept, and up to how many rows in all.
MOST_TIMES, MOST_DRAWN = 16, 8_192
BLOCK = 512  # rows among which partners are looked for


def times_drawn(n):
    """How many times n rows are drawn, a power of two: many of few rows, once of thousands."""
    times = MOST_TIMES
    while times > 1 and times * n > MOST_DRAWN:
        times //= 2
    return times


def evenly_picked(points, n, rng):
    r"""Pick n of the points, each as likely as any other, and no two that are near if it can be.

    Points are paired with near ones and a fair coin keeps one of each pair, again and again. It
    is a local pivotal method [1]_: where each point is a draw from a density, so is each
    that is kept, but of two neighbours there is hardly more than one.

    Cost: O(m b d) for m points in d dimensions and blocks of b.

    Parameters
    ----------
    points : tensor of shape (m, d)
        With m = n times a power of two.
    n : int
    rng : numpy.random.Generator

    Returns
    -------
    picked : ndarray of shape (n,)
        Indices, in random order.

    References
    ----------
    .. [1] Grafström, Lundström & Schelin (2012), Spatially balanced sampling through the pivotal
       method, Biometrics 68(2).
    """
    kept = np.arange(len(points))
    while len(kept) > n:
        pairs = _pairs(points[kept], rng)
        kept = kept[pairs[np.arange(len(pairs)), rng.integers(2, size=len(pairs))]]
    return rng.permutation(kept)


def _pairs(points, rng):
    """Pair points, (m / 2, 2) indices, each with the nearest in L1 that its block has left."""
    pairs = []
    for rows in _blocks(points, rng.permutation(len(points))):
        distance = torch.cdist(points[rows], points[rows], p=1).fill_diagonal_(torch.inf).numpy()
        left = np.ones(len(rows), dtype=bool)
        for i in range(len(rows)):
            if left[i]:
                j = distance[i].argmin()
                left[[i, j]] = False
                distance[:, [i, j]] = np.inf
                pairs.append(rows[[i, j]])
    return np.array(pairs)


def _blocks(points, rows):
    """Split rows at medians of the widest column into blocks of an even number of near points."""
    if len(rows) <= BLOCK:
        return [rows]
    own = points[rows]
    order = own[:, own.var(dim=0).argmax()].argsort(stable=True).numpy()
    low, high = np.split(rows[order], [len(rows) // 4 * 2])
    return _blocks(points, low) + _blocks(points, high)
