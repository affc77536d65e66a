"""Each pair of columns: how strongly they go together."""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from skflow.diagnostics.measures._finding import Finding

__all__ = ["PairAgreement", "pair_agreement"]

MAX_COLUMNS = 60
MATTERS = 0.1
ERRORS = 4.5  # standard errors, about, that the largest of thousands of differences may reach


@dataclass(frozen=True, repr=False)
class PairAgreement(Finding):
    """How strongly columns go together, in a real and in a synthetic table.

    Attributes
    ----------
    names : list of str
        Of the columns, the first 60.
    real, synthetic : ndarray of shape (n_columns, n_columns)
        Spearman's rank correlation of numbers, from -1 to 1; from 0 to 1 Cramer's V of categories
        and the correlation ratio of ranks and categories, both without their bias [1]_. Rows with
        a hole in either do not count.
    largest : float
        The largest difference.
    limits : ndarray of shape (n_columns, n_columns)
        What differences must exceed to count: 0.1, or 4.5 standard errors (1/n + 1/m)^0.5 if these
        are larger, n and m being the rows without a hole in either.
    n_beyond, n_pairs : int
    reading : str

    References
    ----------
    .. [1] Bergsma (2013), A bias-correction for Cramer's V and Tschuprow's T, Journal of the
       Korean Statistical Society 42(3).
    """

    names: list
    real: np.ndarray
    synthetic: np.ndarray
    largest: float
    limits: np.ndarray
    n_beyond: int
    n_pairs: int
    reading: str


def pair_agreement(columns):
    """Return the PairAgreement of columns, the real table first and the synthetic second."""
    columns = columns[:MAX_COLUMNS]
    names = [column.name for column in columns]
    (real, n), (synthetic, m) = (_associations(columns, table) for table in (0, 1))
    limits = np.maximum(MATTERS, ERRORS * np.sqrt(1 / n + 1 / m))
    difference = np.triu(np.abs(synthetic - real), 1)
    n_pairs, n_beyond = len(names) * (len(names) - 1) // 2, int((difference > limits).sum())
    largest = float(difference.max())
    reading = _read(names, real, synthetic, difference / limits, n_beyond)
    return PairAgreement(names, real, synthetic, largest, limits, n_beyond, n_pairs, reading)


def _associations(columns, table):
    """How strongly each two columns of a table go together, and in how many rows, (d, d) each."""
    codes = [_ranks_or_levels(column, table) for column in columns]
    found, counts = np.eye(len(columns)), np.ones((len(columns), len(columns)))
    for j, first in enumerate(columns):
        for k in range(j):
            pair = columns[k].is_category, first.is_category
            known = ~np.isnan(codes[j]) & ~np.isnan(codes[k])
            value = _association(codes[k][known], codes[j][known], pair)
            found[j, k] = found[k, j] = value
            counts[j, k] = counts[k, j] = max(1, known.sum())
    return found, counts


def _ranks_or_levels(column, table):
    numbers = column.numbers(table)
    return numbers if column.is_category else stats.rankdata(numbers, nan_policy="omit")


def _association(a, b, categories):
    if len(a) < 3 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return 0.0
    if not any(categories):
        return float(np.corrcoef(a, b)[0, 1])
    if all(categories):
        return _cramer(a.astype(int), b.astype(int))
    return _ratio(a, b.astype(int)) if categories[1] else _ratio(b, a.astype(int))


def _cramer(a, b):
    """Cramer's V, corrected for its bias."""
    counts = np.zeros((a.max() + 1, b.max() + 1))
    np.add.at(counts, (a, b), 1)
    counts = counts[counts.any(axis=1)][:, counts.any(axis=0)]
    n, (rows, columns) = len(a), counts.shape
    expected = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / n
    square = ((counts - expected) ** 2 / expected).sum() / n
    square = max(0.0, square - (rows - 1) * (columns - 1) / (n - 1))
    least = min(k - (k - 1) ** 2 / (n - 1) for k in (rows, columns)) - 1
    return float(min(1.0, np.sqrt(square / least))) if least > 0 else 0.0


def _ratio(ranks, levels):
    """Root of the share of the variance that lies between levels, corrected for their number."""
    counts = np.bincount(levels)
    sums = np.bincount(levels, ranks - ranks.mean())[counts > 0]
    n, k = len(ranks), len(sums)
    if n <= k:
        return 0.0
    share = (sums**2 / counts[counts > 0]).sum() / (n * ranks.var())
    return float(np.sqrt(max(0.0, 1 - (1 - share) * (n - 1) / (n - k))))


def _read(names, real, synthetic, of_limit, n_beyond):
    if len(names) < 2:
        return "there is one column, and no pair"
    pairs = np.triu_indices(len(names), 1)
    i, j = (axis[of_limit[pairs].argmax()] for axis in pairs)
    worst = f"{names[i]} and {names[j]} ({real[i, j]:.2f} real, {synthetic[i, j]:.2f} synthetic)"
    if not n_beyond:
        return f"pairs differ by no more than chance may, most {worst}"
    return f"{n_beyond} pairs of columns differ, most {worst}"
