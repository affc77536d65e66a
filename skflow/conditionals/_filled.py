"""Rows of a fit with their holes drawn, which nets are then fitted to."""

import numpy as np
import torch

from skflow._clock import time_is_up
from skflow._random import generator, seeded
from skflow._side_by_side import side_by_side
from skflow._threads import threads
from skflow.conditionals._orders import draw_in_order

__all__ = ["filled"]

MOST_COPIES, MOST_ROWS = 8, 16_000
BLOCK = 2_048  # rows at a time


def filled(conditionals, cells, orders, settled, seed, n_jobs=None):
    r"""Copy rows, with a cell drawn in each hole given the known ones.

    Nets that then learn to say what is known by what is known or drawn take a step up the
    likelihood of the known cells: of an EM algorithm whose expectation is a mean over draws [1]_.

    Parameters
    ----------
    conditionals : Blend
    cells : tensor of shape (n, 2 d)
        Scores and codes as :func:`rows_given` takes them, NaN in holes.
    orders : ndarray of shape (n_orders, d)
        Of the columns, in which the copies are drawn in turn.
    settled : callable
        Makes of scores (n,) that are drawn in a column j those that they are known by.
    seed : int
    n_jobs : int or None

    Returns
    -------
    filled : tensor of shape (n_copies n, 2 d)
        The rows once and again: eight times, of many rows less often. Holes are filled where
        cells are known to others, and stay holes where they are asked for. When time is up the
        rest stay holes altogether.

    References
    ----------
    .. [1] Wei & Tanner (1990), A Monte Carlo implementation of the EM algorithm, JASA 85(411),
       section 2.
    """
    n_copies = int(np.clip(MOST_ROWS // len(cells), 1, MOST_COPIES))
    seeds = np.random.SeedSequence(seed).generate_state(n_copies).tolist()
    points, spread = cells.chunk(2, dim=1)
    holes = torch.isnan(points)

    def draw(rows, order):
        if time_is_up():
            return rows
        u = torch.rand(rows.shape, generator=generator())
        return draw_in_order(conditionals, rows, order, u, settled)

    def copy(task):
        order, own = task
        with threads(1), seeded(own):
            known = torch.cat([draw(rows, order) for rows in points.split(BLOCK)])
        drawn = holes & ~torch.isnan(known)
        for j in drawn.any(0).nonzero()[:, 0].tolist():
            known[drawn[:, j], j] = settled(j, known[drawn[:, j], j])
        return torch.cat([known, spread], 1)

    tasks = [(orders[k % len(orders)].tolist(), own) for k, own in enumerate(seeds)]
    return torch.cat(side_by_side(copy, tasks, n_jobs))
