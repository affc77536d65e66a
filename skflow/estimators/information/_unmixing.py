"""Directions in which rows are independent: independent components, by their likelihood."""

import numpy as np
from scipy.optimize import minimize

__all__ = ["unmixing"]

MAX_ROWS, MAX_ROWS_LIKELIHOOD = 20_000, 10_000
MAX_STEPS, TOLERANCE = 100, 1e-4
CLIMBS = 30  # steps of the likelihood
FLOOR = 1e-9  # of variances beside the largest


def unmixing(X, rng):
    r"""Find the matrix W that makes the columns of :math:`X W^\top` as independent as it can.

    Rows are made white, and rotated to where all columns are farthest from normal, by the
    fixed point with the contrast log cosh, of all directions at once [1]_. From there W climbs
    the likelihood of independent columns [2]_,

    .. math:: \log|\det W| + \frac1n \sum_{ij} \log p_j(w_j^\top x_i),

    with the distributions :math:`p_j` of :class:`NormalScores`, fitted where the fixed point is.
    Where columns have sharp peaks or edges, that finds directions a thousand times as exactly.
    If x is a rotation of independent columns, these are found again, up to their order, signs and
    scales.

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
       analysis, IEEE Transactions on Neural Networks 10(3), section 4.
    .. [2] Pham & Garat (1997), Blind separation of mixture of independent sources through a
       quasi-maximum likelihood approach, IEEE Transactions on Signal Processing 45(7).
    """
    some = X[rng.permutation(len(X))[:MAX_ROWS]]
    d = X.shape[1]
    variances, axes = np.linalg.eigh(np.cov(some, rowvar=False).reshape(d, d))
    white = axes.T / np.sqrt(np.maximum(variances, FLOOR * variances.max()))[:, None]
    z = (some - some.mean(axis=0)) @ white.T
    turn = _fixed_point(z, _orthogonal(rng.normal(size=(d, d))))
    return _likeliest(z[:MAX_ROWS_LIKELIHOOD], turn) @ white


def _fixed_point(z, turn):
    for _ in range(MAX_STEPS):
        bent = np.tanh(z @ turn.T)
        new = _orthogonal(bent.T @ z / len(z) - (1 - bent**2).mean(axis=0)[:, None] * turn)
        moved = np.abs(np.abs((new * turn).sum(axis=1)) - 1).max()
        turn = new
        if moved < TOLERANCE:
            break
    return turn


def _likeliest(z, start):
    """Matrix (d, d) at which independent columns are likeliest, from a start."""
    import torch

    from skflow.bijections import NormalScores

    rows = torch.from_numpy(z)
    scores = NormalScores.from_data(rows @ torch.from_numpy(start).T)

    def loss(entries):
        W = torch.from_numpy(entries.reshape(start.shape)).requires_grad_()
        normal, log_slope = scores(rows @ W.T)
        value = (0.5 * normal.square().sum(1) - log_slope).mean() - torch.linalg.slogdet(W)[1]
        (slope,) = torch.autograd.grad(value, W)
        return value.item(), slope.numpy().ravel()

    options = {"maxiter": CLIMBS}
    found = minimize(loss, start.ravel(), jac=True, method="L-BFGS-B", options=options)
    return found.x.reshape(start.shape)


def _orthogonal(matrix):
    """Return the orthogonal matrix that is nearest to it."""
    left, _, right = np.linalg.svd(matrix)
    return left @ right
