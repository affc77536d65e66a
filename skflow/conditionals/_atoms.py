"""Normal scores of a column in which some values hold much of the rows each."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from skflow._persistence import stored
from skflow.numerics import LOG_ROOT_2_PI, normal_of_logit

__all__ = ["AtomScores", "find_atoms"]

LEAST_SHARE, LEAST_COUNT = 0.05, 10  # of the rows that an atom holds
MOST_WIDTH = 0.1  # of its cell, in spreads of the other values: else a smooth fit will do
FEWEST = 10  # other values that are fitted by themselves
TINY = 1e-300


def find_atoms(values, widths, weight=None):
    """Find values that hold much of the rows in a cell that is narrow beside the others' spread.

    Parameters
    ----------
    values, widths : ndarray of shape (n,)
        Values, and over what each is spread in training.
    weight : ndarray of shape (n,) or None

    Returns
    -------
    atoms, widths, shares : ndarray of shape (k,)
        Ascending.
    """
    weight = np.ones(len(values)) if weight is None else weight
    found, first, which = np.unique(values, return_index=True, return_inverse=True)
    count, mass = np.bincount(which), np.bincount(which, weights=weight)
    often = (count >= LEAST_COUNT) & (mass >= LEAST_SHARE * mass.sum()) & (widths[first] > 0)
    rest = values[~often[which]]
    if len(rest) >= FEWEST:
        low, high = np.quantile(rest, [0.16, 0.84])
        often &= widths[first] <= MOST_WIDTH * (high - low)
    return found[often], widths[first][often], mass[often] / mass.sum()


@stored
@dataclass(frozen=True, eq=False)
class AtomScores:
    """The map to normal scores of atoms, each uniform in its cell, and of all other values.

    A mixture that is to hold both spikes and what lies between them is hard to fit: here spikes
    get their shares of the axis of scores, and a smooth map the rest.

    Attributes
    ----------
    ends : tensor of shape (k, 2)
        Of the cells, ascending, which do not overlap.
    share : tensor of shape (k,)
        Of the rows in each cell that are its atom's.
    rest : Bijection
        Normal scores of the other values.
    """

    ends: torch.Tensor
    share: torch.Tensor
    rest: Any

    def __call__(self, x):
        """Scores (n, 1) of values (n, 1), and the logs (n,) of their slopes."""
        own, slope = self.rest(x)
        x, own = x[:, 0], own[:, 0]
        place = torch.searchsorted(self.ends.flatten(), x, right=True)
        sides = self._log_masses(own, (place + 1) // 2)
        log_density = self._log_left + slope - 0.5 * own.square() - LOG_ROOT_2_PI
        inside = (place % 2 == 1).nonzero()[:, 0]
        k = (place[inside] - 1) // 2
        start, stop = self.ends[k].unbind(1)
        masses = self._masses_of_cells()[:, :, k]
        sides[:, inside] = torch.lerp(*masses, (x[inside] - start) / (stop - start)).log()
        log_density[inside] = (_between(masses) / (stop - start)).log()
        z, _ = normal_of_logit(sides[0] - sides[1])
        return z[:, None], log_density + 0.5 * z.square() + LOG_ROOT_2_PI

    def inverse(self, z):
        """Values (n, 1) of scores (n, 1), and None."""
        z = z[:, 0]
        masses = self._masses_of_cells()
        edges = normal_of_logit(masses[:, 0].log() - masses[:, 1].log())[0].mT.flatten()
        place = torch.searchsorted(edges, z, right=True)
        passed = self._passed(place // 2)
        sides = torch.stack([torch.special.log_ndtr(z), torch.special.log_ndtr(-z)])
        # what is left of a mass when that of the atoms is taken off; without any, all of its log
        rest = (sides.exp() - passed).clamp(min=TINY).log().where(passed > 0, sides)
        own, _ = normal_of_logit(rest[0] - rest[1])
        x = self.rest.inverse(own[:, None])[0][:, 0]
        inside = (place % 2 == 1).nonzero()[:, 0]
        k = (place[inside] - 1) // 2
        masses = masses[:, :, k]
        part = _between(torch.stack([masses[0], sides[:, inside].exp()])) / _between(masses)
        x[inside] = torch.lerp(*self.ends[k].unbind(1), part.clamp(0, 1))
        return x[:, None], None

    @property
    def _log_left(self):
        return math.log(1 - float(self.share.sum()))

    def _passed(self, k):
        """Mass (2, n) of the first k (n,) atoms, and of all others."""
        passed = torch.cat([torch.zeros(1).double(), self.share.cumsum(0)])[k]
        others = torch.cat([self.share.flip(0).cumsum(0).flip(0), torch.zeros(1).double()])[k]
        return torch.stack([passed, others])

    def _log_masses(self, own, k):
        """Log masses (2, n) below and above values with own scores by the rest, behind k atoms."""
        sides = torch.stack([torch.special.log_ndtr(own), torch.special.log_ndtr(-own)])
        return torch.logaddexp(self._passed(k).log(), self._log_left + sides)

    def _masses_of_cells(self):
        """Masses (2, 2, k) at the low and high ends of the cells, below and above them."""
        own = self.rest(self.ends.reshape(-1, 1))[0].view(-1, 2)
        k = torch.arange(len(self.share))
        ends = self._log_masses(own[:, 0], k), self._log_masses(own[:, 1], k + 1)
        return torch.stack(ends).exp()


def _between(masses):
    """Mass (n,) between points with masses (2, 2, n): low and high ones, below and above."""
    (low, low_above), (high, high_above) = masses
    return torch.where(low < low_above, high - low, low_above - high_above).clamp(min=TINY)
