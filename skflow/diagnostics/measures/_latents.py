"""Whether the latents are what the base says they are."""

from dataclasses import dataclass

import numpy as np
from scipy import stats
from sklearn.utils.validation import check_array

from skflow.diagnostics.measures._checks import check_whole_density
from skflow.diagnostics.measures._finding import Finding, shown_p

__all__ = ["LatentNormality", "latent_normality", "standard_latents"]


def standard_latents(estimator, X):
    """Latents of rows, standard normal if the fit is good, whatever the base.

    ``estimator.transform`` sends rows to the space of the base. From there each column goes
    through the base's own distribution function given the columns before it (Rosenblatt 1952)
    and the normal quantile function. Of an ensemble these are the latents of one member, the one
    that ``transform`` takes.

    Parameters
    ----------
    estimator : fitted flow
        With ``transform`` and ``flow_``, as all of skflow's but :class:`skflow.StackedDensity`.
    X : array-like of shape (n_samples, n_features)

    Returns
    -------
    Z : ndarray of shape (n_samples, n_features)

    Raises
    ------
    TypeError
        If the estimator has no latents.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skflow import MixtureFlowDensity
    >>> from skflow.diagnostics import standard_latents
    >>> X = load_iris().data
    >>> Z = standard_latents(MixtureFlowDensity(n_components=3).fit(X), X)
    >>> Z.shape, bool(abs(Z.std() - 1) < 0.1)
    ((150, 4), True)
    """
    check_whole_density(estimator)
    if not hasattr(estimator, "flow_") or not hasattr(estimator, "transform"):
        raise TypeError(
            f"expected a fitted flow, got {type(estimator).__name__}, which has no latents"
        )
    from skflow.fitting._blocks import normal_scores

    latents = np.asarray(estimator.transform(X))  # transform may have been set to give a table
    return normal_scores(estimator.flow_, latents)


@dataclass(frozen=True, repr=False)
class LatentNormality(Finding):
    """What :func:`latent_normality` finds.

    Attributes
    ----------
    squared_norms : ndarray of shape (n_samples,)
        Of the rows, from the smallest to the largest.
    chi2_quantiles : ndarray of shape (n_samples,)
        What they would be near if rows were standard normal.
    ks_statistics, ks_p_values : ndarray of shape (n_features,)
        Kolmogorov and Smirnov's test of each column.
    correlation : float
        The largest correlation between two columns, or between two columns' squares, in absolute
        value; 0 with one column.
    correlation_p_value : float
        Of the largest correlation, for all pairs together.
    norm_p_value : float
        Kolmogorov and Smirnov's test of the squared norms, which is the multivariate one.
    p_value : float
        Of all tests together: the smallest p-value times their number.
    reading : str
    """

    squared_norms: np.ndarray
    chi2_quantiles: np.ndarray
    ks_statistics: np.ndarray
    ks_p_values: np.ndarray
    correlation: float
    correlation_p_value: float
    norm_p_value: float
    p_value: float
    reading: str


def latent_normality(Z):
    """Test whether rows are independent standard normal numbers.

    Give it :func:`standard_latents` of held-out rows: those of training rows look better than
    they are. With thousands of rows every real fit fails such a test; look at the size of the
    deviations then.

    Parameters
    ----------
    Z : array-like of shape (n_samples, n_features)
        At least 8 rows.

    Returns
    -------
    LatentNormality

    Examples
    --------
    >>> import numpy as np
    >>> from skflow.diagnostics import latent_normality
    >>> Z = np.random.default_rng(0).normal(size=(500, 3))
    >>> print(latent_normality(Z))
    latents agree with independent standard normals (p = 0.16)
    >>> print(latent_normality(1.5 * Z))  # doctest: +ELLIPSIS
    latents are not standard normal (p < 0.001), most clearly: the median squared norm is ...
    """
    Z = check_array(Z, dtype=np.float64, ensure_min_samples=8, input_name="Z")
    n, d = Z.shape
    ks = [stats.kstest(column, "norm") for column in Z.T]
    statistics, p_values = np.array([(test.statistic, test.pvalue) for test in ks]).T
    norms = np.sort(np.square(Z).sum(axis=1))
    norm_p = float(stats.kstest(norms, stats.chi2(d).cdf).pvalue)
    correlation, correlation_p = _largest_correlation(Z)
    tests = [*p_values, norm_p] + [correlation_p] * (d > 1)
    p_value = float(min(1.0, min(tests) * len(tests)))
    quantiles = stats.chi2(d).ppf((np.arange(n) + 0.5) / n)
    return LatentNormality(
        norms,
        quantiles,
        statistics,
        p_values,
        correlation,
        correlation_p,
        norm_p,
        p_value,
        _read(p_value, norm_p, correlation_p, norms, p_values, correlation),
    )


def _largest_correlation(Z):
    """Of columns or of their squares, with its p-value over all pairs."""
    n, d = Z.shape
    if d == 1:
        return 0.0, 1.0
    # ranks: a far row must not decide
    ranks = [stats.rankdata(part, axis=0).T for part in (Z, np.square(Z))]
    with np.errstate(divide="ignore", invalid="ignore"):  # constant ones correlate with none
        parts = [np.corrcoef(part) for part in ranks]
    pairs = np.triu_indices(d, 1)
    largest = max(float(np.nanmax(np.abs(part[pairs]), initial=0.0)) for part in parts)
    p = 2 * stats.norm.sf(largest * np.sqrt(n - 1))
    return largest, float(min(1.0, p * 2 * len(pairs[0])))


def _read(p_value, norm_p, correlation_p, norms, p_values, correlation):
    if p_value > 0.01:
        return f"latents agree with independent standard normals (p = {p_value:.2f})"
    column = int(p_values.argmin())
    reasons = {
        "norms": (norm_p, f"the median squared norm is {np.median(norms):.3g}"),
        "correlation": (correlation_p, f"columns or their squares correlate, {correlation:.2f}"),
        "column": (p_values[column], f"latent {column} is not normal"),
    }
    reason = min(reasons.values())[1]
    return f"latents are not standard normal ({shown_p(p_value)}), most clearly: {reason}"
