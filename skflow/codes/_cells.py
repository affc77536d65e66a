"""Cells of one column as symbols, by what a density says of them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from skflow.conditionals._univariate import Mixture

__all__ = ["LevelSymbols", "WholeSymbols", "symbols_of"]

BRANCHES = 4  # of an interval of whole numbers, at each step
BESIDE = 64  # whole numbers, at least, on either side of those of the fit
BEYOND = 1.0  # of the range of the fit, likewise


@dataclass(frozen=True)
class LevelSymbols:
    """Levels: one symbol a cell.

    Attributes
    ----------
    n_levels : int
    """

    n_levels: int

    def holds(self, codes):
        """Whether (n,) codes have a symbol."""
        return (codes >= 0) & (codes < self.n_levels)

    def code(self, cells, channel, codes):
        """Codes (n,) through a channel, by their distributions in each row."""
        share = cells.log_share.double().exp().mT.numpy()
        symbols = None if codes is None else codes.astype(np.int64)
        return channel.code(share, symbols).astype(float)


@dataclass(frozen=True)
class WholeSymbols:
    """Whole numbers: a symbol for the quarter of an interval in which they lie, again and again.

    Attributes
    ----------
    scale : NumberScale
        From whole numbers to normal scores.
    first : int
    n_steps : int
        There are 4 ** n_steps numbers, from the first on.
    """

    scale: Any
    first: int
    n_steps: int

    @classmethod
    def around(cls, scale, low, high):
        """Cover the whole numbers of a fit, from low to high, and as many beside them."""
        room = int(BEYOND * (high - low)) + BESIDE
        n = high - low + 1 + 2 * room
        n_steps = 1
        while BRANCHES**n_steps < n:
            n_steps += 1
        return cls(scale, low - (BRANCHES**n_steps - (high - low + 1)) // 2, n_steps)

    def holds(self, codes):
        """Whether (n,) codes are whole numbers in the range that is covered."""
        above = codes - self.first
        return (codes == np.round(codes)) & (above >= 0) & (above < BRANCHES**self.n_steps)

    def code(self, cells, channel, codes):
        """Whole numbers (n,) through a channel, by the distributions of their scores."""
        cells = Mixture(*(t.double() for t in (cells.log_weight, cells.loc, cells.log_scale)))
        n = cells.loc.shape[1]
        low = np.full(n, float(self.first))
        for step in reversed(range(self.n_steps)):
            width = float(BRANCHES**step)
            ends = low + width * np.arange(BRANCHES + 1)[:, None]
            symbols = None if codes is None else ((codes - low) // width).astype(np.int64)
            low = low + width * channel.code(self._shares(cells, ends), symbols)
        return low

    def _shares(self, cells, ends):
        """Probabilities (n, 4) of what lies between ends (5, n)."""
        distinct, which = np.unique(ends, return_inverse=True)
        ends = torch.from_numpy(self.scale.edges(distinct)[which].reshape(ends.shape))
        pairs = zip(ends[:-1], ends.diff(dim=0), strict=True)
        log_mass = torch.stack([cells.log_mass(low, width) for low, width in pairs], dim=1)
        # where a declared bound leaves nothing, anything
        log_mass = torch.where(log_mass.max(1, keepdim=True).values > -torch.inf, log_mass, 0.0)
        return torch.softmax(log_mass, 1).numpy()


def symbols_of(scale, low, high):
    """Return the symbols of a column whose codes in the fit went from low to high."""
    if scale.kind != "number":
        return LevelSymbols(len(scale.shares))
    return WholeSymbols.around(scale, int(low), int(high))
