"""How far rows and draws reach out."""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from skflow.diagnostics.measures._checks import check_names, check_tables
from skflow.diagnostics.measures._finding import Finding

__all__ = ["TailComparison", "tail_comparison"]

# the share of the reference that lies beyond a threshold
SHARE = 0.01


@dataclass(frozen=True, repr=False)
class TailComparison(Finding):
    """What :func:`tail_comparison` finds.

    Attributes
    ----------
    share : float
        Of draws beyond the thresholds, in each tail: what the others are compared with.
    lower, upper : ndarray of shape (n_features,)
        Shares of rows beyond the draws' quantiles ``share`` and ``1 - share`` of each column.
    p_values : ndarray of shape (2, n_features)
        Fisher's exact test that the shares of rows and draws beyond are equal, lower tails
        first.
    feature_names : list of str
        What the reading calls the columns.
    reach : ndarray of shape (n_features,)
        Distance of the 0.5th to the 99.5th percentile of draws over that of rows: below 1 if
        draws stay too near, 1 where rows do not vary.
    reading : str
    """

    share: float
    lower: np.ndarray
    upper: np.ndarray
    p_values: np.ndarray
    feature_names: list
    reach: np.ndarray
    reading: str


def tail_comparison(samples, X, feature_names=None):
    """Compare the outer hundredths of each column of draws and of held-out rows.

    Parameters
    ----------
    samples : array-like of shape (m, n_features)
        Draws from the density.
    X : array-like of shape (n_samples, n_features)
        Held-out rows; with fewer than some 300 only gross differences show.
    feature_names : sequence of str of length n_features, optional
        What the reading calls the columns; by default their numbers.

    Returns
    -------
    TailComparison

    Examples
    --------
    >>> import numpy as np
    >>> from skflow.diagnostics import tail_comparison
    >>> rng = np.random.default_rng(0)
    >>> draws, rows = rng.normal(size=(4000, 1)), rng.standard_t(2, size=(1000, 1))
    >>> print(tail_comparison(draws, rows))
    draws stay too near: 7.9 % of the rows lie below their outer 1 % in column 0
    """
    samples, X = check_tables(samples, X)
    names = check_names(feature_names, X.shape[1])
    low, high = np.quantile(samples, [SHARE, 1 - SHARE], axis=0)
    counts, ours = _beyond(X, low, high), _beyond(samples, low, high)
    p_values = np.array(
        [_fisher(counts[tail], len(X), ours[tail], len(samples)) for tail in (0, 1)]
    )
    lower, upper = counts / len(X)
    near = _span(X)
    reach = np.divide(_span(samples), near, out=np.ones_like(near), where=near > 0)
    reading = _read(lower, upper, p_values, names)
    return TailComparison(SHARE, lower, upper, p_values, names, reach, reading)


def _beyond(rows, low, high):
    """Count rows below low and above high, (2, n_features)."""
    return np.stack([(rows < low).sum(axis=0), (rows > high).sum(axis=0)])


def _fisher(counts, n, others, m):
    return [
        stats.fisher_exact([[a, n - a], [b, m - b]])[1]
        for a, b in zip(counts, others, strict=True)
    ]


def _span(rows):
    return np.diff(np.quantile(rows, [0.005, 0.995], axis=0), axis=0)[0]


def _read(lower, upper, p_values, names):
    p_value = min(1.0, float(p_values.min()) * p_values.size)
    if p_value > 0.01:
        return f"tails of draws and rows agree (p = {p_value:.2f})"
    side, column = np.unravel_index(p_values.argmin(), p_values.shape)
    beyond = (lower, upper)[side][column]
    kind = "stay too near" if beyond > SHARE else "reach too far"
    return (
        f"draws {kind}: {100 * beyond:.1f} % of the rows lie {('below', 'above')[side]} their "
        f"outer {100 * SHARE:.0f} % in column {names[column]}"
    )
