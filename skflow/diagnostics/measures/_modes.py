"""Rows in clusters far apart, and draws between them."""

from dataclasses import dataclass

import numpy as np
from scipy import stats
from sklearn.cluster import KMeans

from skflow.diagnostics.measures._checks import check_tables
from skflow.diagnostics.measures._finding import Finding

__all__ = ["Bridge", "bridge"]

MAX_CLUSTERS = 6
# width of a gap in deviations of the clusters beside it, that makes them far
FAR = 1.5
FARTHEST = 20  # interquartile ranges


@dataclass(frozen=True, repr=False)
class Bridge(Finding):
    """What :func:`bridge` finds in the gap with most draws too many.

    Attributes
    ----------
    centres : ndarray of shape (2, n_features)
        Of the two clusters of rows.
    width : float
        Of the gap, in deviations of the clusters along the line between them.
    share_of_rows, share_of_draws : float
        In the gap.
    p_value : float
        Fisher's exact test that the shares are equal, for all pairs of clusters together.
    reading : str
    """

    centres: np.ndarray
    width: float
    share_of_rows: float
    share_of_draws: float
    p_value: float
    reading: str


def bridge(X, samples, random_state=0):
    """Look for draws in the empty space between clusters of rows.

    Half of the rows are clustered and show the gaps, on the lines between the centres of two
    clusters; the other half and the draws are counted in them.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Held-out rows.
    samples : array-like of shape (m, n_features)
        Draws from the density.
    random_state : int, default=0

    Returns
    -------
    Bridge or None
        None if no two clusters are far apart.

    Examples
    --------
    >>> import numpy as np
    >>> from skflow.diagnostics import bridge
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(400, 2)) + 10 * rng.integers(2, size=(400, 1))
    >>> samples = np.concatenate([X, rng.uniform(3, 7, size=(40, 1)) + np.zeros(2)])
    >>> print(bridge(X, samples))
    9.1 % of the draws and 0.0 % of the rows lie in the gap between two clusters
    >>> bridge(X, X).share_of_draws
    0.0
    """
    samples, X = check_tables(samples, X)
    scale = stats.iqr(X, axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    middle = np.median(X, axis=0)
    # one row that is very far must not be a cluster
    X, samples = (np.clip((rows - middle) / scale, -FARTHEST, FARTHEST) for rows in (X, samples))
    rows = np.random.default_rng(random_state).permutation(X)
    shown, counted = np.array_split(rows, 2)
    gaps = [gap for k in range(2, MAX_CLUSTERS + 1) for gap in _gaps(shown, k, random_state)]
    if not gaps:
        return None
    found = [_count(gap, counted, samples, len(gaps)) for gap in gaps]
    p_value, share_of_rows, share_of_draws, gap = min(found, key=lambda one: one[:2])
    reading = (
        f"{share_of_draws:.1%} of the draws and {share_of_rows:.1%} of the rows lie in the gap "
        "between two clusters"
    ).replace("%", " %")
    centres = np.stack([gap.centre, gap.centre + gap.axis * gap.length]) * scale + middle
    return Bridge(centres, gap.width, share_of_rows, share_of_draws, p_value, reading)


@dataclass(frozen=True)
class _Gap:
    """Between ``low`` and ``high`` on the line from a centre to another at ``length``."""

    centre: np.ndarray
    axis: np.ndarray
    length: float
    low: float
    high: float
    width: float

    def holds(self, rows):
        along = (rows - self.centre) @ self.axis
        return (along > self.low) & (along < self.high)


def _gaps(rows, n_clusters, seed):
    """Empty stretches between two neighbouring clusters of rows."""
    if len(rows) < 10 * n_clusters:
        return
    if len(np.unique(rows, axis=0)) <= n_clusters:
        return
    cluster = KMeans(n_clusters, n_init=3, random_state=seed).fit_predict(rows)
    centres = [rows[cluster == k].mean(axis=0) for k in range(n_clusters)]
    for a in range(n_clusters):
        for b in range(a):
            gap = _gap(rows, centres[a], centres[b])
            if gap is not None:
                yield gap


def _gap(rows, start, end):
    """Find the widest stretch without rows on the line through two centres, if it is wide."""
    length = np.linalg.norm(end - start)
    if length == 0:
        return None
    axis = (end - start) / length
    along = np.sort((rows - start) @ axis)
    between = along[(along > 0) & (along < length)]
    if len(between) < 2:
        return None
    at = int(np.diff(between).argmax())
    low, high = between[at], between[at + 1]
    left, right = along[along <= low], along[along >= high]
    if min(len(left), len(right)) < 5:
        return None
    width = (high - low) / max(left.std(), right.std(), 1e-12)
    if width < FAR:
        return None
    margin = 0.15 * (high - low)  # the clusters' own tails
    return _Gap(start, axis, length, low + margin, high - margin, float(width))


def _count(gap, rows, draws, n_gaps):
    held, drawn = int(gap.holds(rows).sum()), int(gap.holds(draws).sum())
    table = [[held, len(rows) - held], [drawn, len(draws) - drawn]]
    p_value = stats.fisher_exact(table, alternative="less")[1]
    return min(1.0, p_value * n_gaps), held / len(rows), drawn / len(draws), gap
