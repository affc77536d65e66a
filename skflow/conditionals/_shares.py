"""The shares that nets and neighbours get, by cells of rows that the nets have not seen."""

import math

import numpy as np
import torch

from skflow._clock import time_is_up
from skflow._random import seeded
from skflow._threads import threads
from skflow.conditionals._all_neighbours import AllNeighbours
from skflow.conditionals._blend import Blend
from skflow.conditionals._kernels import Kernels, likeliest_bandwidths
from skflow.conditionals._neighbours import Neighbours
from skflow.conditionals._points import Points
from skflow.conditionals._training import draw_known, rows_given

__all__ = ["blend"]

MOST_ROWS, MOST_NUMBERS = 4_000, 2**24  # of the fit that may be neighbours, and what they hold
# rows whose cells decide, those held out being repeated: fewer of many columns
LEAST_ASKED, MOST_ASKED, ASKED_CELLS = 4_000, 8_000, 800_000
MOST_REPEATS = 64
BLOCK = 1_000
STEPS = 50
STRENGTH = 20.0  # rows that what is common to all columns counts for in each
BEFORE = 0.9  # share of the nets before any cell is seen
# by how much the components of several nets are narrowed, and up to how many rows it is all that
NARROWER, NARROWER_ROWS = 0.1, 250


@torch.no_grad()
def blend(nets, shares, cells, middles, weight, holder, seed):
    """Mix nets with neighbours, each as the likelihood of held-out cells has it; say what that is.

    The cells are asked for given random others of their rows, as in training, each by the net
    that holds its row out and by rows of other folds. In each column the shares are those of the
    largest likelihood (EM), drawn towards those of all columns.

    A mixture of forecasts is wider than what it is right about, even of forecasts that each are as
    wide as they should be [1]_; and a row's density is one more mixture, over orders. So the
    components of nets are narrowed. By how much was found on many tables: held-out rows cannot
    tell, since of all nets only one has not seen them. Of more rows less, by the root of their
    number.

    Parameters
    ----------
    nets : list of AnyOrderNet
    shares : list of ndarray
        Of the labels of each column that has labels.
    cells : tensor of shape (n, 2 d)
        Scores and codes as :func:`rows_given` takes them, NaN in holes.
    middles : tensor of shape (n, 2 d)
        Means and deviations of what repeated numbers are spread over; others, and 0.
    weight : tensor of shape (n,) or None
    holder : ndarray of shape (n,)
        The net that holds each row out, -1 for none.
    seed : int

    Returns
    -------
    blend : Blend
    held_out : float
        Mean log probability of a held-out cell, in nats of scores, by nets that are not narrowed;
        NaN where none was asked for.

    References
    ----------
    .. [1] Gneiting & Ranjan (2013), Combining predictive distributions, Electronic Journal of
       Statistics 7, arXiv:1106.1638, on linear pools and those that are adjusted for spread.
    """
    d, width = cells.shape[1] // 2, _width(len(nets), len(cells))
    with threads(1), seeded(seed):
        rng = np.random.default_rng(seed)
        some = _some(nets[0].encoding, len(cells), rng)
        own = None if weight is None else weight[some]
        rows = cells[some], middles[some], own
        neighbours = _neighbours(nets, shares, *rows)
        alone = torch.eye(1, 1 + neighbours.n_kinds)
        rows = np.flatnonzero(holder >= 0)
        if time_is_up() or not len(rows) or not d:
            return Blend(nets, neighbours, alone.repeat(d, 1), width), math.nan
        n_asked = int(np.clip(ASKED_CELLS // d, LEAST_ASKED, MOST_ASKED))
        repeats = int(np.clip(n_asked // len(rows), 1, MOST_REPEATS))
        rows = np.sort(rng.permutation(rows)[:n_asked]).repeat(repeats)
        fold = torch.from_numpy(holder[some])
        logs = _log_probs(nets, neighbours, cells[rows], holder[rows], fold)
        counts = torch.ones(len(rows)) if weight is None else weight[rows]
        own = _shares(logs, counts / repeats)
        return Blend(nets, neighbours, own, width), _mean_log_prob(logs, counts, own)


def _width(n_nets, n_rows):
    """Share of their widths that the components of nets keep; that of one net is as it is."""
    if n_nets == 1:
        return 1.0
    return 1 - NARROWER * min(1.0, math.sqrt(NARROWER_ROWS / n_rows))


def _some(encoding, n, rng):
    """Numbers of the rows that may be neighbours, in ascending order."""
    n_numbers = 5 * len(encoding.scores) + 2 * sum(encoding.sizes)
    n_most = min(MOST_ROWS, MOST_NUMBERS // max(1, n_numbers))
    return np.sort(rng.permutation(n)[:n_most])


def _neighbours(nets, shares, cells, middles, weight):
    """Both kinds of neighbours among rows whose cells and middles (N, 2 d) are these."""
    values, spread = cells.chunk(2, dim=1)
    middle, deviation = middles.chunk(2, dim=1)
    encoding, points = nets[0].encoding, Points.expected(nets, shares, values)
    bandwidths = likeliest_bandwidths(encoding, shares, values, points, weight)
    return AllNeighbours(
        [
            Neighbours(encoding, shares, points, spread, weight),
            Kernels(encoding, shares, points, middle, weight, bandwidths, deviation),
        ]
    )


def _log_probs(nets, neighbours, cells, holder, fold):
    """Log probabilities (m, d, 1 + n_kinds) of cells (m, 2 d); NaN where none is asked for."""
    seen = ~torch.isnan(cells.chunk(2, dim=1)[0])
    known = draw_known(*seen.shape) & seen
    asked = seen & ~known & known.any(1, keepdim=True)
    logs = torch.full((*seen.shape, 1 + neighbours.n_kinds), torch.nan)
    filled = rows_given(cells, known).nan_to_num(0.0)
    for k, net in enumerate(nets):
        for block in torch.from_numpy(np.flatnonzero(holder == k)).split(BLOCK):
            piece = filled[block], known[block]
            barred = (fold == k).expand(len(block), -1)
            nearest = neighbours.nearest(*piece, barred)
            each = [
                neighbours.log_prob(nearest, j, own) for j, own in enumerate(piece[0].unbind(1))
            ]
            both = torch.cat([net.log_prob(*piece)[None], torch.stack(each, 2)])
            logs[block] = both.permute(1, 2, 0)
    return logs.where(asked[..., None], torch.nan)


def _shares(logs, weight):
    """Shares (d, e) of what has log probabilities (m, d, e) for cells of rows of a weight (m,)."""
    cells = ~torch.isnan(logs[..., 0])
    n_others = logs.shape[-1] - 1
    start = torch.tensor([BEFORE] + [(1 - BEFORE) / n_others] * n_others)
    weights = weight[:, None].expand(cells.shape)
    common = _likeliest(logs[cells], weights[cells], start)
    each = [_likeliest(logs[own, j], weight[own], common) for j, own in enumerate(cells.unbind(1))]
    return torch.stack(each)


def _mean_log_prob(logs, weight, shares):
    """Mean log probability of a cell, by shares (d, e) of what has those of :func:`_shares`."""
    mixed = torch.logsumexp(logs + shares.log(), 2)
    asked = ~torch.isnan(mixed)
    weights = weight[:, None].expand(asked.shape)[asked]
    return float(weights @ mixed[asked] / weights.sum())


def _likeliest(logs, weight, start):
    """Shares (e,) by EM, with the prior that some rows like the start were seen before."""
    share = start
    for _ in range(STEPS):
        found = torch.softmax(logs + share.log(), 1)
        share = (weight @ found + STRENGTH * start) / (weight.sum() + STRENGTH)
    return share
