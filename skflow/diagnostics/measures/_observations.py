"""Observations as a few columns that tests and references can lean on."""

import numpy as np
from scipy import stats
from sklearn.decomposition import PCA

__all__ = ["ObservationScores", "observations"]

CLIP = 0.5  # of a row, beyond the outermost


def observations(x, n_rows):
    """Return x as columns (n_rows, k).

    Several observations of a row become means and deviations. Missing cells stay NaN.
    """
    x = np.asarray(x, dtype=np.float64)
    if x.ndim < 2 or len(x) != n_rows:
        raise ValueError(f"x must hold an observation for each of {n_rows} rows, got {x.shape}.")
    if np.isinf(x).any():
        raise ValueError("x holds infinite values.")
    if x.ndim == 2:
        return x
    several = x.reshape(n_rows, x.shape[1], -1)
    known = np.isfinite(several)
    n = np.maximum(known.sum(axis=1), 1)
    mean = np.where(known, several, 0.0).sum(axis=1) / n
    square = np.square(np.where(known, several - mean[:, np.newaxis], 0.0)).sum(axis=1) / n
    return np.concatenate([mean, np.sqrt(square)], axis=1)


class ObservationScores:
    """Normal scores of columns of observations (m, k), of many columns the main components.

    Missing cells count as the median. What lies outside the rows of the fit is taken to their
    edge.
    """

    def __init__(self, columns, n_components):
        self.sorted = [np.sort(column[np.isfinite(column)]) for column in columns.T]
        self.components = None
        scores = self._scores(columns)
        self.varies = scores.std(axis=0) > 0
        scores = scores[:, self.varies]
        if scores.shape[1] > n_components:
            n = min(n_components, len(scores))
            self.components = PCA(n, whiten=True, svd_solver="full").fit(scores)

    def __call__(self, columns):
        """Scores (n, p) of columns (n, k)."""
        scores = self._scores(columns)[:, self.varies]
        return scores if self.components is None else self.components.transform(scores)

    def _scores(self, columns):
        scores = np.zeros(columns.shape)
        for j, values in enumerate(self.sorted):
            n = len(values)
            if n == 0:
                continue
            low = np.searchsorted(values, columns[:, j], side="left")
            middle = (low + np.searchsorted(values, columns[:, j], side="right")) / 2
            share = np.clip(middle, CLIP, n - CLIP) / n
            scores[:, j] = np.where(np.isnan(columns[:, j]), 0.0, stats.norm.ppf(share))
        return scores
