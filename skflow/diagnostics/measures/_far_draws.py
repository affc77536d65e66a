"""Draws that lie where no row would."""

from dataclasses import dataclass

import numpy as np

from skflow.diagnostics.measures._checks import check_names, check_tables
from skflow.diagnostics.measures._finding import Finding

__all__ = ["FarDraws", "far_draws"]

# of the rows' range, beyond which a draw counts as beyond the rows
BEYOND = 0.5
CHANCE = 1e-3  # of the extrapolated reach, for all columns together
# Rows, and share of them, of which the distances tell how heavy a tail is.
MIN_OUTER, OUTER_SHARE = 10, 0.1
LIGHTEST = 0.1  # tail index: lighter ones reach little less far
# ranges within which a single draw is never far: rare rows that a fit knew may lie there
NEVER_WITHIN = 10.0


@dataclass(frozen=True, repr=False)
class FarDraws(Finding):
    """What :func:`far_draws` finds.

    Attributes
    ----------
    farthest : ndarray of shape (n_features,)
        How far the farthest draw lies outside the range of the rows, in such ranges; 0 if inside.
    limits : ndarray of shape (n_features,)
        How far, likewise, the tails of the rows would let it lie: 10 at least, and infinite where
        rows do not vary.
    shares : ndarray of shape (n_features,)
        Of draws more than half a range outside.
    p_values : ndarray of shape (n_features,)
        Of as many draws outside on one side as there are, if rows and draws were of one
        distribution; times two for two sides.
    spreads : ndarray of shape (n_features,)
        Standard deviation of draws over that of rows; 1 where rows do not vary.
    n_not_finite : int
        Draws with NaN or an infinity; the other figures are without them.
    far : ndarray of shape (n_features,), bool
        Where a draw lies beyond its limit, or draws outside are no chance (p below 0.001 for all
        columns together).
    reading : str
    """

    farthest: np.ndarray
    limits: np.ndarray
    shares: np.ndarray
    p_values: np.ndarray
    spreads: np.ndarray
    n_not_finite: int
    far: np.ndarray
    reading: str


def far_draws(samples, X, feature_names=None, n_not_finite=0):
    r"""Look for draws farther out than the tails of held-out rows explain.

    Of distributions alike, each of k draws beyond all n rows on one side is a draw rather than a
    row with probability m / (m + n), so that k of them have the p-value
    :math:`(m / (m + n))^k`. A single draw is judged by the tail: with Hill's index :math:`\xi` of
    the outer tenth of the rows, the farthest of m draws lies beyond

    .. math:: r_{\max} \Bigl(\frac{m d}{n p}\Bigr)^{\xi}

    in one of a thousand tables (p = 0.001), where r is the distance from the median ([1]_,
    equation 4.3.3). So a Cauchy's draws may lie thousands of ranges out, and a
    normal's may not.

    Parameters
    ----------
    samples : array-like of shape (m, n_features)
        Draws from the density.
    X : array-like of shape (n_samples, n_features)
        Held-out rows.
    feature_names : sequence of str of length n_features, optional
        What the reading calls the columns; by default their numbers.
    n_not_finite : int, default=0
        Draws that were left out as they are no numbers.

    Returns
    -------
    FarDraws

    Raises
    ------
    ValueError
        For tables of other columns than each other's, NaN and infinities.

    Notes
    -----
    Cost: one sort of each column of X.

    References
    ----------
    .. [1] de Haan & Ferreira (2006), Extreme value theory, Springer.

    Examples
    --------
    >>> import numpy as np
    >>> from skflow.diagnostics import far_draws
    >>> rng = np.random.default_rng(0)
    >>> rows, draws = rng.normal(size=(500, 2)), rng.normal(size=(4000, 2))
    >>> print(far_draws(draws, rows))
    draws lie no farther out than rows would
    >>> draws[0, 1] = 700
    >>> print(far_draws(draws, rows))
    the farthest draw lies 102 ranges of the rows outside them in column 1
    """
    samples, X = check_tables(samples, X)
    names = check_names(feature_names, X.shape[1])
    n, d = X.shape
    low, high = X.min(axis=0), X.max(axis=0)
    size = _range(X, low, high)
    # in ranges, so that squares of draws at 1e200 are numbers
    out = np.maximum(np.maximum(low / size - samples / size, samples / size - high / size), 0.0)
    beyond = out > BEYOND
    above = samples > high
    most = np.maximum((beyond & above).sum(axis=0), (beyond & ~above).sum(axis=0))
    p_values = np.minimum(1.0, 2 * (len(samples) / (len(samples) + n)) ** most)
    p_values = np.where(high > low, p_values, 1.0)
    limits = np.where(high > low, _limits(X, len(samples)) / size, np.inf)
    limits = np.maximum(limits, NEVER_WITHIN)
    farthest = out.max(axis=0)
    spreads = _deviation(samples / size) / np.maximum(_deviation(X / size), 1e-300)
    spreads = np.where(high > low, spreads, 1.0)
    far = (farthest > limits) | (p_values * d < CHANCE)
    shares = beyond.mean(axis=0)
    reading = _read(far, farthest, shares, p_values, names, n_not_finite)
    return FarDraws(farthest, limits, shares, p_values, spreads, n_not_finite, far, reading)


def _range(X, low, high):
    """Range of each column; of one value, its size, so that a draw elsewhere is not far yet."""
    size = high - low
    return np.where(size > 0, size, np.maximum(np.abs(high), 1.0))


def _deviation(rows):
    return np.minimum(np.abs(rows), 1e150).std(axis=0)


def _limits(X, n_draws):
    """Distance (d,) outside the range of the rows that their tails still explain."""
    n, d = X.shape
    if n == 1:
        return np.full(d, np.inf)  # which has no tail
    distance = np.sort(np.abs(X - np.median(X, axis=0)), axis=0)
    outer = min(n - 1, max(MIN_OUTER, int(OUTER_SHARE * n)))
    farthest = distance[-1]
    logs = np.log(np.maximum(distance[-outer - 1 :], np.finfo(float).tiny))
    index = (logs[1:] - logs[0]).mean(axis=0)
    # an index is known to within its error, which is granted
    index = np.maximum(index, LIGHTEST) * (1 + 1 / np.sqrt(outer))
    times = max(1.0, n_draws * d / (n * CHANCE))
    with np.errstate(over="ignore", invalid="ignore"):
        return farthest * times**index


def _read(far, farthest, shares, p_values, names, n_not_finite):
    if n_not_finite:
        return f"{n_not_finite} draws hold values that are not finite"
    if not far.any():
        return "draws lie no farther out than rows would"
    column = int(np.where(far, farthest, -1.0).argmax())
    if p_values[column] * len(names) >= CHANCE:
        return (
            f"the farthest draw lies {farthest[column]:.3g} ranges of the rows outside them in "
            f"column {names[column]}"
        )
    return (
        f"{100 * shares[column]:.2g} % of the draws lie more than {BEYOND:g} ranges of the rows "
        f"outside them in column {names[column]}, the farthest {farthest[column]:.3g}"
    )
