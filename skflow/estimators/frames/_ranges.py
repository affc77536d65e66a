"""Draws of rows some of whose cells lie in ranges."""

import math

import numpy as np
import torch

from skflow._notices import warn
from skflow._random import seeded
from skflow._threads import threads
from skflow.conditionals._univariate import LEAST
from skflow.estimators.frames._asked import draws, settled

__all__ = ["drawn_within"]

SPARE = 8  # rows that are drawn for each that is kept, where several ranges hold
FEW = 0.1  # share of the draws to whose effective number a warning is due


@torch.no_grad()
def drawn_within(density, codes, ranges, rng):
    """Draw rows with cells in ranges, and say how many independent draws they are worth.

    The columns with ranges are drawn first, right after the known cells, each from its
    conditional cut off at the ends of its range. What its mass in there is, is the weight of a
    draw. Of one range all draws weigh the same: they are exact. With several, many more rows are
    drawn than asked for, and those to keep are picked by their weights.

    Parameters
    ----------
    density : TableDensity
    codes : ndarray of shape (n, n_columns)
        Equal rows, NaN where unknown.
    ranges : dict {int: (float, float)}
        Of scores, by column of the nets.
    rng : numpy.random.Generator

    Returns
    -------
    scores : tensor of shape (n, d)
    effective_size : float
        Kish's effective number of the weighted draws, at most n.
    """
    n, reader = len(codes), density.reader_
    start = reader.scores(codes[:1])[0]
    start[:, list(ranges)] = torch.nan
    n_tried = n if len(ranges) == 1 else SPARE * n
    with threads(1), seeded(int(rng.integers(2**31))):
        rows = start.repeat(n_tried, 1)
        drawn, log_mass = _ranged(density, rows, ranges)
    if log_mass[0].max() <= math.log(LEAST):
        raise ValueError(
            "a range in `given` is so far from what the density expects there that it holds next "
            "to nothing: widen it."
        )
    kept, effective = _pick(log_mass[1:].sum(0), n, rng)
    scores = draws(density, rows[kept], rng)
    scores[:, list(ranges)] = drawn[kept]
    return scores, effective


def _ranged(density, rows, ranges):
    """Draw the columns with ranges; return these cells and the log mass of each.

    Parameters
    ----------
    density : TableDensity
    rows : tensor of shape (n, d)
        NaN where unknown; what drawn cells are known by is filled in.
    ranges : dict {int: (float, float)}

    Returns
    -------
    drawn : tensor of shape (n, r)
    log_mass : ndarray of shape (r, n)
    """
    drawn, log_mass = [], []
    for place, ends in ranges.items():
        known = ~torch.isnan(rows)
        cells = density.conditionals_.column(rows.nan_to_num(0.0), known, place)
        own, mass = cells.draw_between(*ends)
        rows[:, place] = settled(density, place, own)
        drawn.append(own)
        log_mass.append(mass.double().numpy())
    return torch.stack(drawn, 1), np.stack(log_mass)


def _pick(log_weight, n, rng):
    """Pick n rows by their weights, evenly; and the effective number of those there were."""
    weight = np.exp(log_weight - log_weight.max())
    share = weight / weight.sum()
    effective = min(float(n), 1.0 / float(np.square(share).sum()))
    if len(share) == n:
        return np.arange(n), effective
    if effective < FEW * n:
        warn(
            f"rows in all ranges are rare: the {n} draws are worth {math.floor(effective)} "
            "independent ones. Ask for fewer, or widen the ranges.",
            UserWarning,
        )
    points = (rng.permutation(n) + rng.random()) / n
    return np.searchsorted(share.cumsum(), points).clip(max=len(share) - 1), effective
