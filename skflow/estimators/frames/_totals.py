"""Columns that are sums of two others: kept out of the nets, and told by what is known.

Where a total is known and neither of its summands is, candidates of the first, points of its
distribution given the other cells that hold the same mass each, are weighted by the density of
what is left for the second. Their mean weight is the density of the total, and picked by their
weights they are draws given it.
"""

import math

import numpy as np
import torch

from skflow._threads import threads
from skflow.conditionals._orders import log_prob_in_order
from skflow.estimators.frames._asked import middles, of_column

__all__ = ["column_cells", "given_places", "log_density_of_totals", "total_cells", "with_summands"]

N_CANDIDATES = 32
ROWS = 256  # at a time
LEAST = float(np.log(np.finfo(float).tiny))


def given_places(reader, columns):
    """Columns of the nets that are conditions, and places of which nothing is asked.

    Of a sum two columns that are given give the third; that these do not add up is asked for,
    unless all three are named.
    """
    named = {reader.index_of(column) for column in columns}
    places = set(named)
    for one in reader.sums:
        total, *parts = one.places
        if total not in named:
            continue
        if not named & set(parts):
            raise ValueError(
                "`given` has a sum and neither of its summands: give one of these, too."
            )
        places.update(parts)
        if not named >= set(parts):
            places.discard(total)
    return [place for place in places if place < len(reader.scales)], list(places)


def with_summands(density, codes, level):
    """Codes (n, n_columns) with summands of totals that are known alone.

    Parameters
    ----------
    density : TableDensity
    codes : ndarray of shape (n, n_columns)
    level : float or numpy.random.Generator
        Of the mass, given the total, at which the first summand is taken; or it is drawn.
    """
    for one in density.reader_.sums:
        alone = np.flatnonzero(one.alone(density.reader_.known(codes)))
        if not len(alone):
            continue
        codes = codes.copy()
        place = density.reader_.columns_at(one.places[1])[0]
        for rows in np.split(alone, range(ROWS, len(alone), ROWS)):
            candidates, log_weight = _candidates(density, one, codes[rows], level)
            log_weight = np.maximum(log_weight, LEAST)  # if nothing is possible, all are alike
            upto = np.exp(log_weight - log_weight.max(axis=1, keepdims=True)).cumsum(axis=1)
            u = np.full(len(rows), level) if isinstance(level, float) else level.random(len(rows))
            pick = (upto < u[:, None] * upto[:, -1:]).sum(axis=1)
            codes[rows, place] = candidates[np.arange(len(rows)), pick]
    return codes


def log_density_of_totals(density, codes, given):
    """Log densities (n,) of totals known alone, each given the other known cells of its row.

    Those that are conditions, being among the columns ``given``, count nothing.
    """
    total = np.zeros(len(codes))
    given = {density.reader_.index_of(column) for column in given}
    for one in density.reader_.sums:
        if one.places[0] in given:
            continue
        alone = np.flatnonzero(one.alone(density.reader_.known(codes)))
        for rows in np.split(alone, range(ROWS, len(alone), ROWS)) if len(alone) else []:
            log_weight = _candidates(density, one, codes[rows], 0.5)[1]
            total[rows] += np.logaddexp.reduce(log_weight, axis=1) - math.log(N_CANDIDATES)
    return total


def _candidates(density, one, codes, level):
    """Candidates (n, N_CANDIDATES) of the first summand, ascending, and their log weights."""
    reader, (_, first, second), n = density.reader_, one.places, len(codes)
    shift = np.full(n, 0.5) if isinstance(level, float) else level.random(n)
    q = torch.from_numpy((np.arange(N_CANDIDATES)[:, None] + shift) / N_CANDIDATES).float()
    q = q.clamp(1e-6, 1 - 1e-6)

    def points(cell, _):
        return torch.stack([cell.quantile(each) for each in q], dim=1)

    scores = of_column(density, reader.scores(codes)[0], first, points)
    each = np.repeat(codes, N_CANDIDATES, axis=0)
    candidates = reader.scales[first].codes(scores.reshape(-1).double().numpy(), True)
    each[:, reader.columns_at(first)[0]] = candidates
    scores, slopes = reader.scores(each)
    known = ~torch.isnan(scores)
    known[:, second] = False
    with threads(1):
        log_weight = log_prob_in_order(
            density.conditionals_, scores, known, [second], reader.ends(each)
        ).numpy()
    log_weight = log_weight + slopes[:, second]
    left = reader.known(each)[:, second]
    if one.cells[2].step:
        log_weight[left != np.round(left)] = LEAST  # between two whole numbers
    return candidates.reshape(n, -1), log_weight.reshape(n, -1)


def column_cells(density, codes, column, answer, levels):
    """Cells (n,) of a column, for each of some levels, given the others.

    Parameters
    ----------
    density : TableDensity
    codes : ndarray of shape (n, n_columns)
    column : name or index
    answer : callable
        As of :func:`of_column`: one for each level, side by side.
    levels : sequence of float
        Shares of the mass below, for summands of totals that are known alone.
    """
    reader = density.reader_
    if reader.is_total(column):
        raise ValueError(
            f"column {column!r} is the sum of two others: ask impute with n_draws for draws."
        )
    place, cells = reader.index_of(column), reader.cells[reader.schema.index_of(column)]
    codes = reader.without(codes, column)
    answers = of_column(density, reader.scores(codes)[0], place, answer).double().numpy()
    answers = np.ascontiguousarray(answers.reshape(len(codes), len(levels)).T)
    each = [reader.scales[place].codes(own, True) for own in answers]
    if not any(place in one.places for one in reader.sums):
        return [cells.decode(own) for own in each]
    # the more the second has, the less is left for the first
    second = any(place == one.places[2] for one in reader.sums)
    for own, level in zip(each, levels, strict=True):
        level = float(1 - level if second else level)
        known = reader.known(with_summands(density, codes, level))[:, place]
        own[:] = np.where(np.isnan(known), own, known)
    return [cells.decode(own) for own in each]


def total_cells(density, codes, column):
    """Cells (n,) of a column that is a sum: that of its summands, or of what each may be."""
    reader, j = density.reader_, density.reader_.schema.index_of(column)
    codes = reader.without(codes, column)
    scores = middles(density, reader.scores(codes)[0])
    return reader.cells[j].decode(reader.filled(codes, scores)[:, j])
