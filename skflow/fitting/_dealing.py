"""How many members a fit has, and how many rows each holds out."""

import numpy as np

__all__ = ["held_out", "wanted_folds"]

MIN_ROWS_TO_HOLD_OUT = 20


def held_out(n, holder, chosen):
    """Members, folds (0 holds nothing out) and the mean share of the rows that a member holds."""
    if holder is not None:
        sizes = _given_folds(holder)
        return len(sizes), max(2, round(n / sizes.min())), float(sizes.mean() / n)
    n_members, n_folds = _folds(n, *wanted_folds(n, chosen))
    return n_members, n_folds, n // n_folds / n if n_folds else 0.0


def wanted_folds(n, chosen):
    """Members, and the share of the rows that each is to hold out."""
    n_members = chosen("n_members", lambda: _n_members(n))
    return n_members, chosen("validation_fraction", lambda: _validation_fraction(n, n_members))


def _n_members(n):
    if n < MIN_ROWS_TO_HOLD_OUT:
        return 1
    return 5 if n <= 5_000 else 2


def _validation_fraction(n, n_members):
    if n < MIN_ROWS_TO_HOLD_OUT:
        return 0.0
    return min(0.2, 1 / n_members) if n < 1_000 else 0.1


def _folds(n, n_members, fraction):
    """Members that can have a fold of their own, and the number of folds; 0 holds nothing out."""
    n_members = min(n_members, n)
    if fraction == 0:
        return 1, 0
    n_folds = min(max(n_members, round(min(1 / fraction, n)), 2), n)
    return min(n_members, n_folds), n_folds


def _given_folds(holder):
    """Rows in each fold where each row's holder (n,) is settled."""
    sizes = np.bincount(holder[holder >= 0])
    if not sizes.all():
        raise ValueError(
            f"fold {int(sizes.argmin())} holds no distinct row out; take fewer folds."
        )
    return sizes
