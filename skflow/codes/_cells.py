"""Cells of one column as symbols, by the probabilities that a density gives them."""

from dataclasses import dataclass

import numpy as np
import torch

from skflow.conditionals._univariate import Mixture
from skflow.tables._cells import UNSEEN

__all__ = ["LevelSymbols", "WholeSymbols"]

BRANCHES = 4  # of an interval of whole numbers, at each step
BESIDE = 64  # whole numbers, at least, on either side of those of the fit
BEYOND = 1.0  # of the range of the fit, likewise


@dataclass(frozen=True)
class LevelSymbols:
    """Levels: one symbol a cell.

    Attributes
    ----------
    n_levels : int
    unseen : float
        Probability of a level that the fit had not, which has one symbol more.
    """

    n_levels: int
    unseen: float

    def holds(self, codes):
        """Whether (n,) codes have a symbol."""
        return (codes == UNSEEN) | ((codes >= 0) & (codes < self.n_levels))

    def code(self, shares, channel, codes):
        """Codes (n,) through a channel, by the shares (n, n_levels) of those that were seen."""
        rest = np.full((len(shares), 1), self.unseen)
        shares = np.concatenate([(1 - self.unseen) * shares, rest], axis=1)
        symbols = None if codes is None else np.where(codes == UNSEEN, self.n_levels, codes)
        symbols = channel.code(shares, None if symbols is None else symbols.astype(np.int64))
        return np.where(symbols == self.n_levels, UNSEEN, symbols).astype(float)


@dataclass(frozen=True)
class WholeSymbols:
    """Whole numbers: a symbol for the quarter of an interval in which they lie, again and again.

    Attributes
    ----------
    first : int
    n_steps : int
        There are 4 ** n_steps numbers, from the first on.
    """

    first: int
    n_steps: int

    @classmethod
    def around(cls, low, high):
        """Cover the whole numbers of a fit, from low to high, and as many beside them."""
        n = high - low + 1
        wanted = n + 2 * (int(BEYOND * n) + BESIDE)
        n_steps = 1
        while BRANCHES**n_steps < wanted:
            n_steps += 1
        return cls(low - (BRANCHES**n_steps - n) // 2, n_steps)

    def holds(self, codes):
        """Whether (n,) codes are whole numbers in the range that is covered."""
        above = codes - self.first
        return (codes == np.round(codes)) & (above >= 0) & (above < BRANCHES**self.n_steps)

    def code(self, scores, cells, n, channel, codes):
        """Whole numbers (n,) through a channel.

        Parameters
        ----------
        scores : callable
            Of points (5, n), each half a number below a whole one, to their scores, float64.
        cells : Mixture
            The distribution of the score in each row.
        n : int
        channel : Pushes or Pops
        codes : ndarray of shape (n,) or None
        """
        low = np.full(n, float(self.first))
        for step in reversed(range(self.n_steps)):
            width = float(BRANCHES**step)
            ends = torch.from_numpy(scores(low + width * np.arange(BRANCHES + 1)[:, None] - 0.5))
            symbols = None if codes is None else ((codes - low) // width).astype(np.int64)
            low = low + width * channel.code(_shares(cells, ends), symbols)
        return low


def _shares(cells, ends):
    """Probabilities (n, 4) of what lies between ends (5, n)."""
    pairs = zip(ends[:-1], ends.diff(dim=0), strict=True)
    log_mass = torch.stack([cells.log_mass(low, width) for low, width in pairs], dim=1)
    # where a declared bound leaves nothing, anything
    log_mass = torch.where(log_mass.amax(1, keepdim=True) > -torch.inf, log_mass, 0.0)
    return torch.softmax(log_mass, 1).numpy()


def exact(cells):
    """Return the mixture in float64."""
    return Mixture(*(t.double() for t in (cells.log_weight, cells.loc, cells.log_scale)))
