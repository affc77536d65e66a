"""Densities of the single columns of a data frame, and of frames of independent columns."""

import numpy as np
import pandas as pd
from scipy.special import ndtr

N_WIDTHS = 8
ROUNDS = 200  # of expectation and maximisation
BLOCK = 500  # points at a time


class Marginals:
    """The columns of a training frame without holes, each for itself.

    Numbers have densities, integers and categories probabilities. The levels of a category are
    those of the whole table, so that none of a test row is unknown.
    """

    def fit(self, train, table):
        self.levels_ = {
            name: list(table[name].unique())
            for name in table
            if not pd.api.types.is_numeric_dtype(table[name])
        }
        self.columns_ = [
            LevelMarginal(x, len(self.levels_[name]))
            if name in self.levels_
            else KernelMarginal(x, pd.api.types.is_integer_dtype(train[name]))
            for name, x in zip(train, self.codes(train).T, strict=True)
        ]
        return self

    def codes(self, table):
        """Cells (n, d) as numbers; those of categories are places among the levels."""
        columns = []
        for name in table:
            cells = table[name]
            if name in self.levels_:
                cells = cells.map({level: k for k, level in enumerate(self.levels_[name])})
            columns.append(cells.to_numpy(dtype=float))
        return np.column_stack(columns)

    def score_samples(self, table):
        """Log densities (n,) of rows whose columns are independent."""
        columns = zip(self.columns_, self.codes(table).T, strict=True)
        return sum(np.log(marginal.density(x)) for marginal, x in columns)


class LevelMarginal:
    """Shares of levels, each of which was seen half a time more."""

    kind = "level"

    def __init__(self, x, n_levels):
        counts = np.bincount(x.astype(int), minlength=n_levels) + 0.5
        self.shares = counts / counts.sum()

    def density(self, x):
        return self.shares[x.astype(int)]

    def cdf(self, x):
        """Shares of the levels up to x, in the order of their codes."""
        below = np.concatenate([[0.0], np.cumsum(self.shares)])
        return below[np.clip(np.floor(x) + 1, 0, len(self.shares)).astype(int)]


class KernelMarginal:
    """Gaussian kernels of several widths; their weights maximise the leave-one-out likelihood.

    Of integers they are integrated over the integer, and the narrowest are all on one of them,
    so that values that repeat, as many zeros, keep their probability.
    """

    def __init__(self, x, whole):
        self.kind = "integer" if whole else "number"
        self.values, counts = np.unique(x, return_counts=True)
        self.shares = counts / len(x)
        spread = x.std() or 1.0
        self.least = 0.1 if whole else 0.02 * spread
        self.widths = np.geomspace(self.least, 3 * max(spread, self.least), N_WIDTHS)
        self.weights = self._weights(counts)

    def density(self, x):
        return self._each(x, self._kernel) @ self.weights

    def cdf(self, x):
        return self._each(x, lambda distance, width: ndtr(distance / width)) @ self.weights

    def _kernel(self, distance, width):
        return cell(distance, width, self.kind)

    def _each(self, x, function):
        """Means (n, n_widths) over the training values, by each width."""
        x = np.asarray(x, dtype=float)
        answers = np.empty((len(x), N_WIDTHS))
        for start in range(0, len(x), BLOCK):
            distance = x[start : start + BLOCK, None] - self.values
            for k, width in enumerate(self.widths):
                answers[start : start + BLOCK, k] = function(distance, width) @ self.shares
        return answers

    def _weights(self, counts):
        n = counts.sum()
        own = self._kernel(np.zeros(N_WIDTHS), self.widths)
        others = np.maximum(self._each(self.values, self._kernel) * n - own, 0.0)
        weights = np.full(N_WIDTHS, 1 / N_WIDTHS)
        for _ in range(ROUNDS):
            joint = others * weights
            parts = joint / np.maximum(joint.sum(axis=1, keepdims=True), 1e-300)
            weights = counts @ parts + 1.0  # one row more for each, so that none is lost
            weights /= weights.sum()
        return weights


def cell(distance, width, kind):
    """Gaussian density at a distance from the mean, or probability of the integer there."""
    if kind == "integer":
        near = -np.abs(distance)  # in the tail that keeps its digits
        return ndtr((near + 0.5) / width) - ndtr((near - 0.5) / width)
    return np.exp(-0.5 * (distance / width) ** 2) / (width * np.sqrt(2 * np.pi))
