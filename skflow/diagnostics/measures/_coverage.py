"""What highest-density regions claim, and the share of rows that they hold."""

from dataclasses import dataclass

import numpy as np
from scipy import stats
from sklearn.utils.validation import check_array

from skflow.diagnostics.measures._finding import Finding

__all__ = ["Coverage", "hdr_coverage"]

LOWEST = np.finfo(np.float64).min / 2


@dataclass(frozen=True, repr=False)
class Coverage(Finding):
    """What :func:`hdr_coverage` finds.

    Attributes
    ----------
    nominal : ndarray of shape (n_levels,)
        Probability of each region under the density.
    observed : ndarray of shape (n_levels,)
        Share of the rows inside.
    band : tuple of two ndarray of shape (n_levels,)
        Where 95 % of the shares at each level would lie if the density were true; holds the
        spread of both the rows and the samples.
    p_value : float
        Kolmogorov and Smirnov's two-sample test of the scores.
    bias : float
        Mean of nominal minus observed: positive if regions are too small (overconfident),
        negative if they are too large.
    reading : str
    """

    nominal: np.ndarray
    observed: np.ndarray
    band: tuple
    p_value: float
    bias: float
    reading: str


def hdr_coverage(scores_of_samples, scores_of_rows, levels=None):
    """Compare what highest-density regions claim with what they hold.

    The smallest region of probability a is where the density exceeds the (1 - a) quantile of its
    own log density [1]_, which draws from it tell. A density that is too sure of itself
    (overfitted) holds fewer rows than it claims at all levels, one with tails too light
    only at the highest.

    Parameters
    ----------
    scores_of_samples : array-like of shape (m,)
        ``density.score_samples(density.sample(m))``.
    scores_of_rows : array-like of shape (n,)
        ``density.score_samples(X)`` of held-out rows.
    levels : array-like of shape (n_levels,), optional
        Between 0 and 1; by default 0.05 to 0.95 in twentieths, and 0.99.

    Returns
    -------
    Coverage

    Raises
    ------
    ValueError
        For fewer than 8 scores of either, for NaN, and for levels that do not lie between 0 and 1.

    References
    ----------
    .. [1] Hyndman (1996), Computing and graphing highest density regions, The American
       Statistician 50(2).

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.stats import norm
    >>> from skflow.diagnostics import hdr_coverage
    >>> rng = np.random.default_rng(0)
    >>> rows, samples = rng.normal(size=1000), rng.normal(size=2000)
    >>> print(hdr_coverage(norm.logpdf(samples), norm.logpdf(rows)))
    regions hold the rows that they claim (p = 0.27)
    >>> narrow = norm(scale=0.7)
    >>> print(hdr_coverage(narrow.logpdf(0.7 * samples), narrow.logpdf(rows)))
    regions are too small: those that claim 85 % hold 69 % of the rows
    """
    samples, rows = _scores(scores_of_samples, "samples"), _scores(scores_of_rows, "rows")
    levels = np.append(np.arange(1, 20) / 20, 0.99) if levels is None else np.ravel(levels)
    if not ((levels > 0) & (levels < 1)).all():
        raise ValueError(f"levels must lie strictly between 0 and 1, got {levels}")
    thresholds = np.quantile(samples, 1 - levels)
    observed = (rows >= thresholds[:, np.newaxis]).mean(axis=1)
    spread = np.sqrt(levels * (1 - levels) * (1 / len(rows) + 1 / len(samples)))
    reach = stats.norm.ppf(0.975) * spread
    band = (np.maximum(levels - reach, 0), np.minimum(levels + reach, 1))
    p_value = float(stats.ks_2samp(samples, rows).pvalue)
    bias = float((levels - observed).mean())
    worst = int(np.abs(levels - observed).argmax())
    reading = _read(p_value, levels[worst], observed[worst])
    return Coverage(levels, observed, band, p_value, bias, reading)


def _scores(values, name):
    values = check_array(
        values,
        dtype=np.float64,
        ensure_2d=False,
        ensure_all_finite=False,
        input_name=f"scores_of_{name}",
    )
    if values.ndim != 1 or len(values) < 8 or np.isnan(values).any():
        raise ValueError(f"expected at least 8 scores of {name} in one array, none of them NaN")
    return np.maximum(values, LOWEST)  # between two of -inf there is no quantile


def _read(p_value, claimed, held):
    if p_value > 0.01:
        return f"regions hold the rows that they claim (p = {p_value:.2f})"
    kind = "too small" if held < claimed else "too large"
    return (
        f"regions are {kind}: those that claim {100 * claimed:.0f} % hold {100 * held:.0f} % of "
        "the rows"
    )
