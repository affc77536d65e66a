"""Rows of a table through a stack of bits, cell by cell in the orders of a TableDensity."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.special import softmax

from skflow._threads import one_thread
from skflow.codes._stack import Pops, Pushes
from skflow.estimators.frames._asked import log_probs, orders_asked

__all__ = ["OrderedRows"]

FIRST_BLOCK, LARGEST_BLOCK = 16, 2_048  # rows; each block has twice as many as the one before


@dataclass(frozen=True)
class OrderedRows:
    r"""Codes of rows with the probabilities of a density that is a mean over orders.

    A code names the order in which a row's cells follow, one of K. That would cost
    :math:`\log_2 K` bits more than the best order; but the name is itself popped from the stack
    with the probabilities that the orders have once the row is known, and what pops it comes
    back in decoding ("bits back" [1]_). What is left is :math:`-\log_2` of the mean over orders.

    Attributes
    ----------
    density : TableDensity
    symbols : list of LevelSymbols or WholeSymbols
        By the columns of the nets.

    References
    ----------
    .. [1] Townsend, Bird & Barber (2019), Practical lossless compression with latent variables
       using bits back coding, arXiv:1901.04866.
    """

    density: Any
    symbols: list

    def push(self, stack, codes):
        """Push rows of codes (n, d), NaN in holes."""
        orders = orders_asked(self.density)
        for block in _blocks(len(codes)):
            own = codes[block]
            picked = stack.pop(self._posterior(own))
            pushes = Pushes()
            for k, order in enumerate(orders):
                rows = own[picked == k]
                self._walk(order, ~np.isnan(rows), pushes, rows)
            pushes.flush(stack)
            stack.push(picked, _uniform(len(own), len(orders)))

    def pop(self, stack, seen):
        """Pop rows of codes (n, d), of which cells are seen (n, d)."""
        orders, codes = orders_asked(self.density), np.full(seen.shape, np.nan)
        for block in reversed(_blocks(len(seen))):
            own, there = codes[block], seen[block]
            picked = stack.pop(_uniform(len(own), len(orders)))
            for k, order in enumerate(orders):
                rows = picked == k
                own[rows] = self._walk(order, there[rows], Pops(stack))
            stack.push(picked, self._posterior(own))
        return codes

    def log_prob(self, codes):
        """Log probabilities (n_orders, n) of rows of codes (n, d), in nats."""
        scores, ends = np.full(codes.shape, np.nan), np.full((*codes.shape, 2), np.nan)
        for j in self.density.reader_.asked:
            scale = self.density.reader_.scales[j]
            scores[:, j] = scale.score(codes[:, j])[0]
            ends[:, j] = scale.ends(codes[:, j])
        ends[..., 1] -= ends[..., 0]
        scores, ends = (torch.from_numpy(each).float() for each in (scores, ends))
        return log_probs(self.density, scores, ends, [])

    def _posterior(self, codes):
        """Probabilities (n, n_orders) of the orders given whole rows."""
        return softmax(self.log_prob(codes).T, axis=1)

    @torch.no_grad()
    def _walk(self, order, seen, channel, codes=None):
        """Rows (n, d) through a channel, cell by cell; codes are None where they are unknown.

        All that the nets see is made of cells that have passed, so that what they say is the same
        to the last bit on the way back.
        """
        found = np.full(seen.shape, np.nan)
        values = torch.zeros(seen.shape)
        known = torch.zeros(seen.shape, dtype=torch.bool)
        scales = self.density.reader_.scales
        for j in order:
            rows = np.flatnonzero(seen[:, j])
            if not len(rows):
                continue
            with one_thread():
                cells = self.density.conditionals_.column(values[rows], known[rows], j)
                own = None if codes is None else codes[rows, j]
                own = self.symbols[j].code(cells, channel, own)
            found[rows, j] = own
            values[rows, j] = torch.from_numpy(scales[j].score(own)[0]).float()
            known[rows, j] = True
        return found


def _blocks(n):
    """Slices of n rows, few at first: there is little on the stack yet to pop orders from."""
    blocks, start, size = [], 0, FIRST_BLOCK
    while start < n:
        blocks.append(slice(start, min(n, start + size)))
        start, size = start + size, min(2 * size, LARGEST_BLOCK)
    return blocks


def _uniform(n, k):
    return np.full((n, k), 1 / k)
