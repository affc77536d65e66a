"""Directions in which rows are independent: the fixed point of independent components."""

import numpy as np

__all__ = ["unmixing"]

MAX_ROWS = 20_000  # that the directions are found from
MAX_STEPS, TOLERANCE = 100, 1e-4
FLOOR = 1e-9  # of variances beside the largest


def unmixing(X, rng):
    r"""Find the matrix W that makes the columns of :math:`X W^\top` as independent as it can.

    Rows are made white, and rotated to where all columns are farthest from normal, by the
    fixed point with the contrast log cosh, of all directions at once [1]_. If x is a rotation
    of independent columns, these are found again, up to their order, signs and scales.

    Parameters
    ----------
    X : ndarray of shape (n, d)
    rng : numpy.random.Generator
        Draws the rows that are looked at, if they are many, and the first rotation.

    Returns
    -------
    W : ndarray of shape (d, d)
        Invertible. Where columns are normal any rotation will do, and comes.

    References
    ----------
    .. [1] Hyvarinen (1999), Fast and robust fixed-point algorithms for independent component
       analysis, IEEE Transactions on Neural Networks 10(3), eqs. 20 and 26.
    """
    some = X if len(X) <= MAX_ROWS else X[rng.choice(len(X), MAX_ROWS, replace=False)]
    d = X.shape[1]
    variances, axes = np.linalg.eigh(np.cov(some, rowvar=False).reshape(d, d))
    white = axes.T / np.sqrt(np.maximum(variances, FLOOR * variances.max()))[:, None]
    z = (some - some.mean(axis=0)) @ white.T
    turn = _orthogonal(rng.normal(size=(d, d)))
    for _ in range(MAX_STEPS):
        bent = np.tanh(z @ turn.T)
        new = _orthogonal(bent.T @ z / len(z) - (1 - bent**2).mean(axis=0)[:, None] * turn)
        moved = np.abs(np.abs((new * turn).sum(axis=1)) - 1).max()
        turn = new
        if moved < TOLERANCE:
            break
    return turn @ white


def _orthogonal(matrix):
    """Return the orthogonal matrix that is nearest to it."""
    left, _, right = np.linalg.svd(matrix)
    return left @ right
