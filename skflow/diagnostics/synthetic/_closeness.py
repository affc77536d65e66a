"""How near synthetic rows lie to real ones, beside rows that are real and were not seen."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
from scipy import stats

from skflow.diagnostics.measures._finding import Finding
from skflow.diagnostics.report._cause import BEYOND_CHANCE
from skflow.metrics._separation import separation

__all__ = ["Closeness", "Copies", "row_closeness", "row_copies"]

MAX_ASKED, MAX_REAL, BLOCK = 1_000, 5_000, 100
MAX_STEPS, ROWS_A_STEP = 20, 20  # of quantile levels, between which distances are linear
MATTERS = 0.6  # probability that a synthetic row lies nearer than a held-out one


@dataclass(frozen=True, repr=False)
class Closeness(Finding):
    """Distances to the closest real row.

    Attributes
    ----------
    synthetic, held_out : ndarray
        Of at most 1,000 rows each: Gower's distance [1]_, the mean over columns of the difference
        of quantile levels in the real table, at most 1, and of 1 for another level or for a hole
        beside none; between 0 and 1. Where no rows were held out, ``held_out`` has the distances
        of real rows to the closest other one.
    nearer : float
        Probability that a synthetic row lies nearer than a held-out one: 0.5 if they are alike.
    interval : tuple of float
        Of 95 % for it.
    p_value : float
        Of 0.5 against more.
    too_near : bool
        Beyond chance (p below 0.001) and above 0.6.
    reading : str

    References
    ----------
    .. [1] Gower (1971), A general coefficient of similarity and some of its properties,
       Biometrics 27(4).
    """

    synthetic: np.ndarray
    held_out: np.ndarray
    nearer: float
    interval: tuple
    p_value: float
    too_near: bool
    reading: str


@dataclass(frozen=True, repr=False)
class Copies(Finding):
    """Rows that are equal to a real row in every cell.

    Attributes
    ----------
    synthetic, held_out : float
        Shares of the rows; where no rows were held out, ``held_out`` is the share of real rows
        that are equal to another one.
    p_value : float
        Of no more among synthetic rows than among the others (Fisher's exact test).
    reading : str
    """

    synthetic: float
    held_out: float
    p_value: float
    reading: str


def row_closeness(columns, rng):
    """Return the Closeness of columns: real rows, synthetic ones and, if any, held-out ones."""
    tables = [_places(columns, table) for table in range(len(columns[0].codes))]
    levels = np.array([column.is_category for column in columns])
    real = tables[0][rng.permutation(len(tables[0]))[:MAX_REAL]]
    asked = tables[1][rng.permutation(len(tables[1]))[:MAX_ASKED]]
    synthetic = _closest(asked, real, levels)
    if len(tables) > 2:
        asked = tables[2][rng.permutation(len(tables[2]))[:MAX_ASKED]]
        held_out = _closest(asked, real, levels)
    else:
        held_out = _closest(real[:MAX_ASKED], real, levels, themselves=True)
    found = separation(-synthetic, -held_out)
    too_near = found.p_value < BEYOND_CHANCE and found.auc > MATTERS
    return Closeness(
        synthetic,
        held_out,
        found.auc,
        found.interval,
        found.p_value,
        too_near,
        _read(found.auc, too_near, len(tables) > 2),
    )


def _places(columns, table):
    """Cells (n, d): where numbers lie among the real ones, and numbers of levels."""
    parts = []
    for column in columns:
        codes = column.codes[table]
        parts.append(codes if column.is_category else _place(codes, column.codes[0]))
    return np.column_stack(parts)


def _place(numbers, real):
    """Return about which share of the real numbers lies below each; beyond them it goes on.

    It is linear between a few quantiles: by their ranks, real numbers would be evenly spaced, and
    so farther from each other than new ones are from them.
    """
    known = real[~np.isnan(real)]
    if not len(known):
        return 0.0 * numbers
    levels = np.linspace(0, 1, 1 + np.clip(len(known) // ROWS_A_STEP, 1, MAX_STEPS))
    ends, place = np.unique(np.quantile(known, levels), return_inverse=True)
    if len(ends) == 1:
        return numbers - ends[0]
    # values that repeat have the middle of their levels
    shares = np.bincount(place, levels) / np.bincount(place)
    slopes = np.diff(shares)[[0, -1]] / np.diff(ends)[[0, -1]]
    below, above = np.minimum(numbers - ends[0], 0), np.maximum(numbers - ends[-1], 0)
    return np.interp(numbers, ends, shares) + slopes[0] * below + slopes[1] * above


def _closest(rows, real, levels, *, themselves=False):
    """Distance (n,) of each row to the closest real one, which is not itself."""
    found = np.empty(len(rows))
    for start in range(0, len(rows), BLOCK):
        block = rows[start : start + BLOCK]
        total = np.zeros((len(block), len(real)))
        for j, is_level in enumerate(levels):
            a, b = block[:, j, np.newaxis], real[:, j]
            apart = (a != b).astype(float) if is_level else np.minimum(np.abs(a - b), 1.0)
            apart[np.isnan(a) | np.isnan(b)] = 1.0
            apart[np.isnan(a) & np.isnan(b)] = 0.0
            total += apart
        if themselves:
            own = np.arange(len(block))
            total[own, start + own] = np.inf
        found[start : start + BLOCK] = total.min(axis=1)
    return found / len(levels)


def _read(nearer, too_near, were_held_out):
    others = "held-out rows" if were_held_out else "other real rows"
    how = "nearer" if too_near else "no nearer"
    share = f"nearer in {100 * nearer:.0f} % of pairs, 50 is even"
    return f"synthetic rows lie {how} to real rows than {others} do ({share})"


def row_copies(columns):
    """Return the Copies among columns: real rows, synthetic ones and, if any, held-out ones."""
    tables = [_keys(columns, table) for table in range(len(columns[0].codes))]
    real = Counter(tables[0])
    n_synthetic = sum(key in real for key in tables[1])
    others = tables[2] if len(tables) > 2 else tables[0]
    at_least = 1 if len(tables) > 2 else 2
    n_others = sum(real[key] >= at_least for key in others)
    sides = [[n_synthetic, len(tables[1]) - n_synthetic], [n_others, len(others) - n_others]]
    p_value = float(stats.fisher_exact(sides, alternative="greater").pvalue)
    share, usual = n_synthetic / len(tables[1]), n_others / len(others)
    whose = "held-out rows" if len(tables) > 2 else "real rows repeat another one"
    reading = f"{100 * share:.3g} % of the synthetic rows are copies of real ones"
    reading += f"; {100 * usual:.3g} % of the {whose}" if share or usual else ""
    return Copies(share, usual, p_value, reading)


def _keys(columns, table):
    """Rows as bytes: equal if all cells are."""
    codes = np.column_stack([column.codes[table] for column in columns]) + 0.0  # no -0.0
    codes[np.isnan(codes)] = np.nan  # one of many
    return [row.tobytes() for row in codes]
