"""Comparisons: who is ahead of the best rival on held-out rows, by how much, in words."""

import numpy as np

from skflow._escapes import escaped
from skflow.estimators._score_table import mean_and_error

__all__ = ["named_pairs", "rows_with_gains", "verdict"]

MOST_CHARACTERS = 80  # of what is no pair, in a message


def named_pairs(estimators, reserved):
    """Pairs (name, estimator) of an estimator or a list of pairs.

    Raises
    ------
    TypeError
        For anything else.
    ValueError
        If there are none, or if names are repeated or those of the rivals.
    """
    if not isinstance(estimators, list | tuple):
        estimators = [(type(estimators).__name__, estimators)]
    if not len(estimators):
        raise ValueError("estimators is empty; expected a list of (name, estimator).")
    for pair in estimators:
        if not (isinstance(pair, list | tuple) and len(pair) == 2 and isinstance(pair[0], str)):
            raise TypeError(
                "estimators must be an estimator or a list of (name, estimator); it holds "
                f"{escaped(repr(pair), MOST_CHARACTERS)}: give each a name."
            )
    names = [name for name, _ in estimators]
    taken = sorted(set(names) & set(reserved)) or sorted({n for n in names if names.count(n) > 1})
    if taken:
        raise ValueError(
            f"The name {taken[0]!r} is taken; estimators need names that differ from each other "
            f"and from {', '.join(reserved)}, which are always compared."
        )
    return list(estimators)


def rows_with_gains(scores, rivals, weight, others):
    """Rows of a table, the best first, and the name of the best rival.

    Parameters
    ----------
    scores : dict {name: ndarray of shape (n,)}
        Log densities of held-out rows.
    rivals : sequence of str
    weight : ndarray of shape (n,) or None
    others : dict {name: dict}
        What follows in each row.
    """
    means = {name: mean_and_error(values, weight) for name, values in scores.items()}
    best = max(rivals, key=lambda name: np.nan_to_num(means[name][0], nan=-np.inf))
    rows = []
    for name, (score, error) in means.items():
        gain, gain_error = np.nan, np.nan
        if name != best:
            gain, gain_error = mean_and_error(scores[name] - scores[best], weight)
        row = {"name": name, "score": score, "error": error, "gain": gain}
        rows.append({**row, "gain_error": gain_error, **others[name]})
    rows.sort(key=lambda row: -np.nan_to_num(row["score"], nan=-np.inf))
    return rows, best


def verdict(row, rival):
    """Say in a sentence whether an estimator is ahead of the best rival."""
    name, margin = row["name"], 2 * row["gain_error"]
    by = f"{abs(row['gain']):.2f} +- {margin:.2f} nats a row"
    if not np.isfinite(row["gain"]):
        return f"{name} gave no finite score; take {rival}."
    if row["gain"] > margin:
        return f"{name} is better than {rival} by {by} (2 standard errors): clear."
    if row["gain"] < -margin:
        return f"{name} is worse than {rival} by {by} (2 standard errors): clear."
    gain = f"{row['gain']:+.2f} +- {margin:.2f} nats a row"
    return f"{name} and {rival} are within noise: {gain} (2 standard errors)."
