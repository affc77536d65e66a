"""What the nets of a fitted table density say of scores, by members and orders."""

import numpy as np
import torch

from skflow._random import seeded
from skflow._side_by_side import side_by_side
from skflow._threads import threads
from skflow.conditionals._orders import draw_in_order, log_prob_in_order
from skflow.conditionals._univariate import Levels, pooled

__all__ = ["cell_quantiles", "draws", "log_probs", "middle", "middles", "of_column", "surprise"]

BLOCK = 4_096  # rows at a time


def log_probs(density, scores, given):
    """Log densities (n_members * n_orders, n) of rows (n, d) by each member and order.

    Parameters
    ----------
    density : TableDensity
    scores : tensor of shape (n, d)
        NaN in holes.
    given : list of int
        Columns that are conditions.
    """
    known = torch.zeros(scores.shape, dtype=torch.bool)
    known[:, given] = ~torch.isnan(scores[:, given])

    def run(task):
        net, order = task
        with threads(1):
            pieces = zip(scores.split(BLOCK), known.split(BLOCK), strict=True)
            return torch.cat([log_prob_in_order(net, *piece, order) for piece in pieces])

    return torch.stack(side_by_side(run, _ways(density), density.n_jobs)).numpy()


def draws(density, scores, rng, member=None):
    """Rows (n, d) with their holes drawn, each by one member in one of its orders.

    Members (n,) share the rows equally, unless it is said which one draws each.
    """
    ways, scores = _ways(density), scores.clone()
    which = rng.permutation(len(scores)) % len(ways)
    if member is not None:
        n_orders = density.orders_.shape[1]
        which = member * n_orders + which % n_orders
    tasks = [(k, int(rng.integers(2**31))) for k in range(len(ways))]

    def run(task):
        k, seed = task
        rows = np.flatnonzero(which == k)
        net, order = ways[k]
        with threads(1), seeded(seed):
            return rows, [draw_in_order(net, piece, order) for piece in scores[rows].split(BLOCK)]

    for rows, pieces in side_by_side(run, tasks, density.n_jobs):
        if len(rows):
            scores[rows] = torch.cat(pieces)
    return scores


def middles(density, scores):
    """Rows (n, d) with holes filled by medians and modes, each given the known cells."""
    filled = scores.clone()
    for place in density.reader_.asked:
        holes = torch.isnan(scores[:, place]).nonzero()[:, 0]
        if len(holes):
            filled[holes, place] = of_column(density, scores[holes], place, middle)
    return filled


@torch.no_grad()
def of_column(density, scores, place, answer):
    """Answers about the cells of a column given all others of rows (n, d).

    Parameters
    ----------
    density : TableDensity
    scores : tensor of shape (n, d)
        NaN in holes; what is in the column itself does not matter.
    place : int
    answer : callable
        Of the distribution of the cells of some rows, by all members at equal shares, and of
        these cells, (m,) each.

    Returns
    -------
    answers : tensor with n rows
    """
    answers = []
    with threads(1):
        for block in scores.split(BLOCK):
            known = ~torch.isnan(block)
            known[:, place] = False
            filled = block.nan_to_num(0.0)
            cell = pooled([net.column(filled, known, place) for net in density.nets_])
            answers.append(answer(cell, filled[:, place]))
    return torch.cat(answers)


def middle(cell, own=None):
    """Medians of numbers, the most probable of levels."""
    return cell.mode() if isinstance(cell, Levels) else cell.quantile(0.5)


def cell_quantiles(quantiles):
    """Return an answer: the quantiles of cells, side by side."""
    return lambda cell, _: torch.stack([cell.quantile(float(q)) for q in quantiles], dim=1)


def surprise(density, scores, place):
    """By how many nats (n,) cells are less likely, given the rest, than is usual there.

    Of a cell whose level the fit had not, which is no score, it is what is usual.
    """

    def answer(cell, own):
        return torch.stack([cell.usual(), cell.log_prob(own)], dim=1)

    usual, own = of_column(density, scores, place, answer).double().unbind(1)
    return torch.where(torch.isnan(scores[:, place]), usual, usual - own).numpy()


def _ways(density):
    """All pairs of a member and one of its orders, without columns that the table lacks."""
    asked = set(density.reader_.asked)
    return [
        (net, [int(j) for j in order if j in asked])
        for net, orders in zip(density.nets_, density.orders_, strict=True)
        for order in orders
    ]
