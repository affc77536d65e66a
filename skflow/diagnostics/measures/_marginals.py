"""Each column alone: where held-out values lie among draws."""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from skflow.diagnostics.measures._checks import check_names, check_tables
from skflow.diagnostics.measures._finding import Finding

__all__ = ["MarginalPITs", "marginal_pits"]


@dataclass(frozen=True, repr=False)
class MarginalPITs(Finding):
    """What :func:`marginal_pits` finds.

    Attributes
    ----------
    values : ndarray of shape (n_samples, n_features)
        Probability integral transforms: between 0 and 1, uniform if the margins are right.
    ks_statistics, p_values : ndarray of shape (n_features,)
        Kolmogorov and Smirnov's two-sample test of each column.
    shifts : ndarray of shape (n_features,)
        Mean transform less one half: positive where rows are larger than draws.
    feature_names : list of str
        What the reading calls the columns.
    reading : str
    """

    values: np.ndarray
    ks_statistics: np.ndarray
    p_values: np.ndarray
    shifts: np.ndarray
    feature_names: list
    reading: str


def marginal_pits(samples, X, feature_names=None):
    """Probability integral transforms of each column of X under the margins of a density.

    A value's transform is the share of draws below it. Values equal to draws take the middle of
    their ranks.

    Parameters
    ----------
    samples : array-like of shape (m, n_features)
        Draws from the density: the more, the finer the transforms.
    X : array-like of shape (n_samples, n_features)
        Held-out rows.
    feature_names : sequence of str of length n_features, optional
        What the reading calls the columns; by default their numbers.

    Returns
    -------
    MarginalPITs

    Examples
    --------
    >>> import numpy as np
    >>> from skflow.diagnostics import marginal_pits
    >>> rng = np.random.default_rng(0)
    >>> print(marginal_pits(rng.normal(size=(2000, 2)), rng.normal(size=(500, 2)) + [0, 1]))
    margins differ, most in column 1: rows lie at the 77th percentile of draws on average
    """
    samples, X = check_tables(samples, X)
    names = check_names(feature_names, X.shape[1])
    values = np.column_stack(
        [_ranks(np.sort(draws), column) for draws, column in zip(samples.T, X.T, strict=True)]
    )
    tests = [stats.ks_2samp(a, b) for a, b in zip(samples.T, X.T, strict=True)]
    statistics, p_values = np.array([(test.statistic, test.pvalue) for test in tests]).T
    shifts = values.mean(axis=0) - 0.5
    reading = _read(p_values, values, names)
    return MarginalPITs(values, statistics, p_values, shifts, names, reading)


def _ranks(draws, column):
    below = np.searchsorted(draws, column, side="left")
    return (below + np.searchsorted(draws, column, side="right") + 1) / (2 * len(draws) + 2)


def _read(p_values, values, names):
    p_value = min(1.0, float(p_values.min()) * len(p_values))
    if p_value > 0.01:
        return f"margins agree with those of the rows (p = {p_value:.2f})"
    worst = int(p_values.argmin())
    middle, inner = values[:, worst].mean(), np.abs(values[:, worst] - 0.5).mean()
    if abs(middle - 0.5) > abs(inner - 0.25):
        how = f"rows lie at the {100 * middle:.0f}th percentile of draws on average"
    else:
        how = f"rows lie {'nearer to' if inner < 0.25 else 'farther from'} the middle than draws"
    return f"margins differ, most in column {names[worst]}: {how}"
