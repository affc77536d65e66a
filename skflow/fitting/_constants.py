"""Constant columns of a flow that does not spread repeated values."""

import numpy as np
import torch

from skflow._rounding import is_rounding
from skflow.bijections import Chain, Standardize
from skflow.tables._ties import find_ties

__all__ = ["Constants"]

N_PLACES = 101  # over the spread of a constant
EPS = np.finfo(np.float64).eps
LARGEST = np.finfo(np.float64).max


class Constants:
    """The constant columns of a table, as wide as if their values were spread.

    There is no likelihood of a constant to be maximised, and noise would make what is in closed
    form random. So the column counts as independent of the others, with the mean and the deviation
    that an even spread over the usual width has behind the preprocessing: 5 % of the value, or
    0.05 where it is 0, divided by the root of 12 where the preprocessing is linear.

    Parameters
    ----------
    table : Table

    Attributes
    ----------
    which : ndarray of shape (d,), bool
    """

    def __init__(self, table):
        self.low, self.high = table.observation.bounds[2:]
        self.which = is_rounding(table.values.min(axis=0), table.values.max(axis=0), EPS)
        self.row = table.rows(slice(0, 1))
        self.widths = find_ties(self.row).widths  # of a single row all columns are constant

    def fill(self, rows, kind):
        """Set the constants in rows (n, d) that a preprocessing of this kind is fitted to.

        Margins are fitted to the spread. All else gets one value, which correlates with nothing.
        """
        spread = self._spread(len(rows) if kind == "gaussianize" else 1)
        return np.where(self.which, spread, rows)

    def behind(self, preprocessing):
        """Return a preprocessing (Chain) behind which each constant has deviation 1."""
        if not self.which.any():
            return preprocessing
        u = preprocessing(torch.from_numpy(self._spread(N_PLACES)))[0]
        scaling = Standardize.from_data(u).only(torch.from_numpy(self.which))
        return Chain([*preprocessing.bijections, scaling])

    def _spread(self, n):
        """Rows (n, d): the constants at even distances over their widths, all else as it is."""
        places = (np.arange(n) + 0.5) / n - 0.5
        limit = LARGEST - self.widths
        rows = self.row.clip(-limit, limit)
        rows = rows + np.where(self.which, self.widths, 0.0) * places[:, None]
        return rows.clip(self.low, self.high)
