"""Rows of a TableDensity, cell by cell in its orders of the columns."""

import numpy as np
import torch

from skflow._threads import one_thread
from skflow.codes._cells import LevelSymbols, WholeSymbols, exact
from skflow.codes._parts import Parts
from skflow.estimators.frames._asked import log_probs, orders_asked

__all__ = ["OrderedCells"]


class OrderedCells(Parts):
    """The parts are orders of the columns.

    Parameters
    ----------
    density : TableDensity
    ranges : ndarray of shape (d, 2)
        Lowest and highest code of each column of the nets in the fit.
    """

    def __init__(self, density, ranges):
        self.density, self.scales = density, density.reader_.scales
        self.orders = orders_asked(density)
        self.n_parts = len(self.orders)
        self.symbols = [
            WholeSymbols.around(*map(int, ends))
            if scale.kind == "number"
            else LevelSymbols(len(scale.shares), scale.unseen)
            for scale, ends in zip(self.scales, ranges, strict=True)
        ]

    def log_prob(self, codes):
        """Log probabilities (n_orders, n) of rows of codes (n, d), in nats."""
        scores, ends = np.full(codes.shape, np.nan), np.full((*codes.shape, 2), np.nan)
        slopes = np.zeros(codes.shape)
        for j in self.density.reader_.asked:
            scores[:, j], slopes[:, j] = self.scales[j].score(codes[:, j])
            ends[:, j] = self.scales[j].ends(codes[:, j])
        ends[..., 1] -= ends[..., 0]
        scores, ends = (torch.from_numpy(each).float() for each in (scores, ends))
        return log_probs(self.density, scores, ends, []) + slopes.sum(axis=1)

    @torch.no_grad()
    def walk(self, k, seen, channel, codes=None):
        """Lead rows (n, d) through a channel in order k; codes are None where they are unknown."""
        found = np.full(seen.shape, np.nan)
        values = torch.zeros(seen.shape)
        known = torch.zeros(seen.shape, dtype=torch.bool)
        for j in self.orders[k]:
            rows = np.flatnonzero(seen[:, j])
            if not len(rows):
                continue
            with one_thread():
                cells = self.density.conditionals_.column(values[rows], known[rows], j)
                own = None if codes is None else codes[rows, j]
                own = self._code(j, cells, len(rows), channel, own)
            found[rows, j] = own
            score = torch.from_numpy(self.scales[j].score(own)[0]).float()
            # a level that the fit had not says nothing of the others
            values[rows, j], known[rows, j] = score.nan_to_num(0.0), ~score.isnan()
        return found

    def _code(self, j, cells, n, channel, codes):
        if isinstance(self.symbols[j], LevelSymbols):
            shares = cells.log_share.double().exp().mT.numpy()
            return self.symbols[j].code(shares, channel, codes)

        def scores(points):
            distinct, which = np.unique(points, return_inverse=True)
            return self.scales[j].edges(distinct)[which].reshape(points.shape)

        return self.symbols[j].code(scores, exact(cells), n, channel, codes)
