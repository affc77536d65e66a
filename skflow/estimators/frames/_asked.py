"""What the conditionals of a fitted table density say of scores, in its orders."""

from functools import partial

import numpy as np
import torch
from torch.quasirandom import SobolEngine

from skflow._random import generator, seeded
from skflow._side_by_side import side_by_side
from skflow._threads import threads
from skflow.conditionals._orders import draw_in_order, log_prob_in_order
from skflow.conditionals._univariate import Levels
from skflow.estimators.frames._even import evenly_picked, times_drawn

__all__ = [
    "cell_quantiles",
    "draws",
    "log_probs",
    "middle",
    "middles",
    "of_column",
    "read_levels",
    "settled",
    "surprises",
]

BLOCK = 2_048  # rows at a time
ROWS_AN_ORDER = 256  # that are drawn together, at least, so that they are even


def log_probs(density, scores, ends, given):
    """Log densities (n_orders, n) of rows (n, d) in each order.

    Parameters
    ----------
    density : TableDensity
    scores : tensor of shape (n, d)
        NaN in holes.
    ends : tensor of shape (n, d, 2)
        Of whole numbers, whose mass is asked for, as :func:`log_prob_in_order` takes them.
    given : list of int
        Columns that are conditions.
    """
    known = torch.zeros(scores.shape, dtype=torch.bool)
    known[:, given] = ~torch.isnan(scores[:, given])
    blocks = list(zip(*(each.split(BLOCK) for each in (scores, known, ends)), strict=True))

    def run(order):
        with threads(1):
            return torch.cat(
                [
                    log_prob_in_order(density.conditionals_, rows, known, order, ends)
                    for rows, known, ends in blocks
                ]
            )

    return torch.stack(side_by_side(run, orders_asked(density), density.n_jobs)).numpy()


def draws(density, scores, rng, even=True):
    """Rows (n, d) with their holes drawn.

    Each is a draw from the density; together they are more even than independent ones, since the
    uniform numbers that they are made from are scrambled Sobol points (Owen 1998), which lie in
    each order evenly. Of few rows only some orders, chosen anew, draw any. Where nothing is known
    more rows are drawn than are asked for, and picked evenly.

    With ``even=False`` rows are independent, as they have to be where several tables are to show
    how much is left open: what is worked out from even ones varies less.
    """
    times = times_drawn(len(scores)) if even and torch.isnan(scores).all() else 1
    if times == 1:
        return _drawn(density, scores, rng, even)
    many = _drawn(density, scores.repeat(times, 1), rng, even)
    points = density.conditionals_.nets[0].encoding(many).nan_to_num(0.0)
    return many[evenly_picked(points, len(scores), rng)]


def _drawn(density, scores, rng, even):
    """Rows (n, d) with their holes drawn, by all orders or, of few rows, by some."""
    orders, scores = orders_asked(density), scores.clone()
    if not len(scores):
        return scores
    n_used = int(np.clip(len(scores) // ROWS_AN_ORDER, 1, len(orders)))
    used = rng.permutation(len(orders))[:n_used]
    parts = np.array_split(rng.permutation(len(scores)), n_used)
    seeds = rng.integers(2**31, size=n_used).tolist()
    tasks = list(zip([orders[k] for k in used], parts, seeds, strict=True))
    known_by = partial(settled, density)

    def run(task):
        order, rows, seed = task
        uniform = _uniform(max(1, len(order)), seed, even)
        with threads(1), seeded(seed):
            return [
                draw_in_order(density.conditionals_, piece, order, uniform(len(piece)), known_by)
                for piece in scores[rows].split(BLOCK)
            ]

    for (_, rows, _), pieces in zip(tasks, side_by_side(run, tasks, density.n_jobs), strict=True):
        scores[rows] = torch.cat(pieces)
    return scores


def _uniform(d, seed, even):
    """Return what makes uniform numbers (n, d), even or independent ones."""
    if even:
        return SobolEngine(d, scramble=True, seed=seed).draw
    return lambda n: torch.rand(n, d, generator=generator())


def settled(density, place, scores):
    """Scores (n,) by which drawn cells of a column of the nets are known to others."""
    return density.reader_.scales[place].settled(scores)


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
        Of the distribution of the cells of some rows, and of these cells, (m,) each.

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
            cell = density.conditionals_.column(filled, known, place)
            answers.append(answer(cell, filled[:, place]))
    return torch.cat(answers)


def middle(cell, own=None):
    """Medians of numbers, the most probable of levels."""
    return cell.mode() if isinstance(cell, Levels) else cell.quantile(0.5)


def read_levels(quantiles):
    """Levels of quantiles as an array (n,); a ValueError for what is none."""
    levels = np.atleast_1d(np.asarray(quantiles, dtype=float))
    if not ((levels > 0) & (levels < 1)).all():
        raise ValueError(f"quantiles must lie between 0 and 1; got {levels.tolist()}.")
    return levels


def cell_quantiles(quantiles):
    """Return an answer: the quantiles of cells, side by side."""
    return lambda cell, _: torch.stack([cell.quantile(float(q)) for q in quantiles], dim=1)


def surprises(density, codes):
    """By how many nats each cell of codes (n, d) is less likely than usual; NaN in holes."""
    scores, slopes = density.reader_.scores(codes)
    nats = -slopes
    for place in density.reader_.asked:
        nats[:, place] = _surprise(density, scores, place)
        # what the scale says of a level is whether the fit had it
        nats[:, place] -= np.where(scores[:, place].isnan(), slopes[:, place], 0.0)
    return np.where(np.isnan(codes), np.nan, density.reader_.by_column(nats))


def _surprise(density, scores, place):
    """By how many nats (n,) cells are less likely, given the rest, than is usual there.

    Of a cell whose level the fit had not, which is no score, it is what is usual.
    """

    def answer(cell, own):
        return torch.stack([cell.usual(), cell.log_prob(own)], dim=1)

    usual, own = of_column(density, scores, place, answer).double().unbind(1)
    return torch.where(torch.isnan(scores[:, place]), usual, usual - own).numpy()


def orders_asked(density):
    """Orders of the columns, without those that the table lacks."""
    asked = set(density.reader_.asked)
    return [[int(j) for j in order if j in asked] for order in density.orders_]
