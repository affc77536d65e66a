"""Each column alone: how frequent its numbers, levels and holes are."""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from skflow.diagnostics.displays._tables import bin_edges, inner_range
from skflow.diagnostics.measures._finding import Finding
from skflow.diagnostics.report._cause import BEYOND_CHANCE

__all__ = ["ColumnAgreement", "ColumnShares", "column_agreement"]

MATTERS = 0.1  # share of the rows that would have to change
N_BINS = 20


@dataclass(frozen=True)
class ColumnShares:
    """Shares of real and of synthetic rows in bins, or of levels.

    Attributes
    ----------
    real, synthetic : ndarray of shape (n_bins,)
    edges : ndarray of shape (n_bins + 1,) or None
        Of bins; what lies beyond the outer ones is in them.
    names : tuple of str
        Of levels; of bins of times, how the first and the last edge are written.
    """

    real: np.ndarray
    synthetic: np.ndarray
    edges: np.ndarray | None
    names: tuple = ()


@dataclass(frozen=True, repr=False)
class ColumnAgreement(Finding):
    """Columns of a synthetic table beside those of the real one.

    Attributes
    ----------
    names : list of str
    distances : ndarray of shape (n_columns,)
        From 0, alike, to 1. Of numbers and times the largest difference of the distribution
        functions (Kolmogorov and Smirnov), or of the shares of holes if that is larger; of
        categories the share of rows whose level would have to change (total variation), holes
        being a level.
    p_values : ndarray of shape (n_columns,)
        Of no difference, each column alone.
    holes : ndarray of shape (2, n_columns)
        Shares of holes, real first.
    unknown : ndarray of shape (n_columns,)
        Share of the synthetic cells whose level the real table does not have.
    shares : list of ColumnShares
        What pictures show.
    differ : ndarray of shape (n_columns,), bool
        Beyond chance (p below 0.001 for all columns together) and at a distance above 0.1.
    reading : str
    """

    names: list
    distances: np.ndarray
    p_values: np.ndarray
    holes: np.ndarray
    unknown: np.ndarray
    shares: list
    differ: np.ndarray
    reading: str


def column_agreement(columns):
    """Return the ColumnAgreement of columns, the real table first and the synthetic second."""
    names = [column.name for column in columns]
    distances, p_values = np.array([_compare(column) for column in columns]).T
    holes = np.array([[np.isnan(column.codes[k]).mean() for column in columns] for k in (0, 1)])
    unknown = np.array([(column.codes[1] < 0).mean() * column.is_category for column in columns])
    differ = (p_values * len(columns) < BEYOND_CHANCE) & (distances > MATTERS)
    reading = _read(names, distances, differ, unknown)
    shares = [_shares(column) for column in columns]
    return ColumnAgreement(names, distances, p_values, holes, unknown, shares, differ, reading)


def _compare(column):
    """Distance and p-value of two columns."""
    if column.is_category:
        return _of_counts(np.stack([_counts(column, table) for table in (0, 1)]))
    known = [codes[~np.isnan(codes)] for codes in column.codes[:2]]
    sizes = [len(codes) for codes in column.codes[:2]]
    there = np.array([[len(k), n - len(k)] for k, n in zip(known, sizes, strict=True)])
    distance, p_value = _of_counts(there)
    if min(map(len, known)):
        test = stats.ks_2samp(*known, method="asymp")
        distance = max(distance, float(test.statistic))
        p_value = min(1.0, 2 * min(p_value, float(test.pvalue)))
    return distance, p_value


def _of_counts(counts):
    """Total variation of shares, and the p-value of a table of counts (2, k)."""
    counts = counts[:, counts.any(axis=0)]
    if counts.shape[1] < 2:
        return 0.0, 1.0
    shares = counts / counts.sum(axis=1, keepdims=True)
    distance = 0.5 * float(np.abs(shares[0] - shares[1]).sum())
    return distance, float(stats.chi2_contingency(counts, correction=False).pvalue)


def _counts(column, table):
    """Count each level, those that are not known, and holes."""
    n = len(column.shown)
    codes = np.nan_to_num(column.numbers(table), nan=n).astype(int)
    return np.bincount(codes, minlength=n + 1)


def _shares(column):
    if column.is_category:
        real, synthetic = (_counts(column, table) / len(column.codes[table]) for table in (0, 1))
        seen = (real > 0) | (synthetic > 0)
        names = np.array([*column.shown, "(hole)"], dtype=object)[seen]
        return ColumnShares(real[seen], synthetic[seen], None, tuple(names))
    known = [codes[~np.isnan(codes)] for codes in column.codes[:2]]
    both = np.concatenate(known)
    if not len(both):
        return ColumnShares(np.zeros(1), np.zeros(1), np.array([0.0, 1.0]))
    low, high = inner_range(known[0] if len(known[0]) else both)
    low, high = (low, high) if high > low else (low - 0.5, high + 0.5)
    edges = bin_edges(both, low, high, N_BINS)
    # of all rows, so that bars of a column with holes are lower
    real, synthetic = (
        np.histogram(np.clip(k, edges[0], edges[-1]), edges)[0] / len(codes)
        for k, codes in zip(known, column.codes, strict=False)
    )
    if column.cells is None:
        return ColumnShares(real, synthetic, edges)
    return ColumnShares(real, synthetic, edges, _written(column.cells, edges[[0, -1]]))


def _written(cells, ends):
    """Moments and spans of time, to the day."""
    return tuple(str(time) for time in cells.decode(ends).astype(f"{cells.time}8[D]"))


def _read(names, distances, differ, unknown):
    worst = int(np.where(differ, distances, 0).argmax() if differ.any() else distances.argmax())
    if not differ.any():
        return f"columns agree, the least in {names[worst]} (distance {distances[worst]:.2f})"
    new = f", {100 * unknown[worst]:.0f} % in levels that real lacks" if unknown[worst] else ""
    return (
        f"{differ.sum()} of {len(names)} columns differ, most {names[worst]} (distance "
        f"{distances[worst]:.2f}{new})"
    )
