"""Rows of flows whose columns follow from those before, cell by cell."""

import copy

import numpy as np
import torch

from skflow._threads import one_thread
from skflow.codes._cells import WholeSymbols
from skflow.codes._parts import Parts
from skflow.conditionals._univariate import Mixture
from skflow.members import select_member

__all__ = [
    "TriangularCells",
    "members_of",
    "normal_rows",
    "normal_scores_of",
    "order_of",
    "standard_normal",
]

LEAST = 1e-9  # of the largest change, below which there is none
ROWS = 4_096  # at a time


class TriangularCells(Parts):
    r"""The parts are the members of a density, which share an order of the columns or do not.

    A flow behind which the Rosenblatt transformation of its base stands leads rows to standard
    normal ones. Where column j of these depends on the first j columns of the rows alone, in some
    order, the probability of a cell given what came before is

    .. math:: P(x_j \mid x_{<j}) = \Phi(e_j(x_{<j}, x_j + h)) - \Phi(e_j(x_{<j}, x_j - h))

    with half the step h of the column's grid: a product of these is a distribution of whole rows.

    Parameters
    ----------
    flows : list of Flow
        In float64.
    grids : list of DecimalCells
        From rows to whole numbers.
    observation : ContinuousRows
    ranges : ndarray of shape (d, 2)
        Lowest and highest whole number of each column in the fit.
    orders : list of (list of int, list of int)
        Of each flow: its columns, and which score follows from each of them and those before.
    """

    def __init__(self, flows, grids, observation, ranges, orders):
        self.flows, self.grids, self.observation = flows, grids, observation
        self.n_parts, self.orders = len(flows), orders
        self.symbols = [WholeSymbols.around(*map(int, ends)) for ends in ranges]
        self.middle = ranges.mean(axis=1).round()

    def holds(self, codes):
        """Whether (n,) all cells of rows of codes (n, d) have symbols."""
        each = [one.holds(own) for one, own in zip(self.symbols, codes.T, strict=True)]
        return np.all(each, axis=0)

    def log_prob(self, codes):
        """Log probabilities (n_members, n) of rows of codes (n, d), in nats."""
        return np.stack([self._log_prob(k, codes) for k in range(self.n_parts)])

    def walk(self, k, seen, channel, codes=None):
        """Lead rows (n, d) through a channel by member k; codes are None if unknown."""
        n = len(seen)
        found = np.tile(self.middle, (n, 1))
        for j, score in zip(*self.orders[k], strict=True):

            def scores(points, j=j, score=score):
                return self._scores(k, found, j, score, points)

            own = None if codes is None else codes[:, j]
            found[:, j] = self.symbols[j].code(scores, standard_normal(n), n, channel, own)
        return found

    def _log_prob(self, k, codes):
        total = np.zeros(len(codes))
        for j, score in zip(*self.orders[k], strict=True):
            points = codes[:, j] + np.array([[-0.5], [0.5]])
            low, high = torch.from_numpy(self._scores(k, codes, j, score, points))
            total += standard_normal(len(codes)).log_mass(low, high - low).numpy()
        return total

    def _scores(self, k, codes, j, score, points):
        """Make normal scores (m, n) of column j, at points (m, n) in rows of codes (n, d)."""
        rows = np.tile(codes, (len(points), 1))
        rows[:, j] = points.ravel()
        rows = np.column_stack([g.decode(own) for g, own in zip(self.grids, rows.T, strict=True)])
        return normal_rows(self.flows[k], self.observation, rows)[:, score].reshape(points.shape)


@torch.no_grad()
def normal_rows(flow, observation, rows):
    """Make rows (n, d) standard normal, by a flow and its base."""
    rows, _ = observation.place(rows)
    with one_thread():
        latents = [flow.to_noise(block)[0] for block in torch.from_numpy(rows).split(ROWS)]
    return normal_scores_of(flow.base, torch.cat(latents).numpy())


@torch.no_grad()
def normal_scores_of(base, latents):
    """Make latents (n, d) of a base standard normal."""
    with one_thread():
        parts = [base.normal_scores(block) for block in torch.from_numpy(latents).split(ROWS)]
    return torch.cat(parts).numpy()


def members_of(density):
    """Members of a fitted density, as flows in float64."""
    flow = density.flow_
    if not hasattr(flow, "n_members"):
        return [copy.deepcopy(flow).double().eval()]
    members = (select_member(flow.members, k) for k in range(flow.n_members))
    return [copy.deepcopy(member).double().eval() for member in members]


def order_of(scores_of, rows, steps):
    """Order in which columns follow from those before, and their scores; None if there is none.

    Parameters
    ----------
    scores_of : callable
        Of rows (n, d), to standard normal ones.
    rows : ndarray of shape (n, d)
        Where it is tried which scores change with which columns.
    steps : ndarray of shape (d,)
        By which columns are changed.

    Returns
    -------
    columns, scores : list of int
    """
    before, d = scores_of(rows), rows.shape[1]
    changes = np.empty((d, d))  # of a score by a column
    for j in range(d):
        moved = rows.copy()
        moved[:, j] += steps[j]
        changes[:, j] = np.abs(scores_of(moved) - before).max(axis=0)
    depends = changes > LEAST * changes.max(axis=1, keepdims=True)
    columns, scores, left = [], [], list(range(d))
    while left:
        new = {s: set(np.flatnonzero(depends[s]).tolist()) - set(columns) for s in left}
        score = next((s for s in left if len(new[s]) == 1), None)
        if score is None:
            return None
        columns += new[score]
        scores.append(score)
        left.remove(score)
    return columns, scores


def standard_normal(n):
    """Return a standard normal in each of n rows."""
    return Mixture(*torch.zeros(3, 1, n, dtype=torch.float64))
