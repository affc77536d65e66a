"""Which columns make a row strange: each given the others."""

import numpy as np

__all__ = ["column_surprise", "usual_values"]

N_VALUES = 48  # of a column, that are put in the place of a row's
BLOCK = 50_000  # rows scored at a time


def usual_values(rows):
    """Up to ``N_VALUES`` values of each column (n_values,), spread as its rows are."""
    levels = (np.arange(N_VALUES) + 0.5) / N_VALUES
    return [np.unique(np.quantile(column, levels)) for column in rows.T]


def column_surprise(score, rows, values):
    r"""Minus the log density of each cell given its row, less its mean there: (n, d), in nats.

    With the log density s up to a constant, values v of a column and their spacings h,

    .. math:: e(x) = \sum_v q_v s(x_{-j}, v) - s(x), \qquad q_v \propto h_v e^{s(x_{-j}, v)}.

    Parameters
    ----------
    score : callable
        Log density (n,) of rows (n, d), up to a constant.
    rows : ndarray of shape (n, d)
    values : list of ndarray of shape (n_values,)
        Of each column, in ascending order.
    """
    surprise = np.zeros(rows.shape)
    own = score(rows)
    for j, usual in enumerate(values):
        expected = _expected(score, rows, j, usual)
        # a row that is impossible whatever stands here says nothing of this column
        known = np.isfinite(expected)
        surprise[known, j] = expected[known] - own[known]
    return surprise


def _expected(score, rows, j, usual):
    """Mean score (n,) of rows with a usual value in column j, drawn given the others."""
    log_spacing = np.log(np.gradient(usual)) if len(usual) > 1 else np.zeros(1)
    expected = np.empty(len(rows))
    size = max(1, BLOCK // len(usual))
    for start in range(0, len(rows), size):
        block = rows[start : start + size]
        replaced = np.repeat(block, len(usual), axis=0)
        replaced[:, j] = np.tile(usual, len(block))
        scores = score(replaced).reshape(len(block), -1)
        joint = scores + log_spacing
        top = joint.max(axis=1, keepdims=True)
        with np.errstate(invalid="ignore"):  # -inf - -inf: no value is possible
            share = np.exp(joint - top)
            share /= share.sum(axis=1, keepdims=True)
            part = np.where(share > 0, share * scores, 0.0).sum(axis=1)
        expected[start : start + size] = np.where(np.isfinite(top[:, 0]), part, np.nan)
    return expected
