"""Moves that leave a density as it is: slice sampling along differences of other draws."""

import numpy as np

__all__ = ["slice_moves"]

MOST_SHRINKS = 25  # of an interval, after which a draw stays where it is
WIDTH = 1.5  # of the first interval, in differences of two others


def slice_moves(log_target, theta, value, rng, n_moves):
    r"""Move every draw ``n_moves`` times, as a slice sampler does.

    A move goes along the difference of two draws of the other half of the same group, so that no
    width is to be tuned [1]_. An interval about the draw is placed at random and shrunk towards it
    until a point on it lies above a level drawn below the density of where it was [2]_, section 4:
    there is no acceptance rate, and the density is the stationary one.

    Parameters
    ----------
    log_target : callable
        Of rows (k, d) and the group (k,) of each, to log densities (k,), -inf where there are
        none.
    theta : ndarray of shape (n_groups, n, d)
        Draws, n at least 4.
    value : ndarray of shape (n_groups, n)
        Their log densities.
    rng : RandomState
    n_moves : int

    Returns
    -------
    theta, value : ndarrays, new ones

    Notes
    -----
    A move takes about four calls of ``log_target``, for ever fewer rows.

    References
    ----------
    .. [1] Karamanis & Beutler (2021), Ensemble slice sampling, Statistics and Computing 31:61,
       algorithm 3, the differential move.
    .. [2] Neal (2003), Slice sampling, Annals of Statistics 31(3).
    """
    theta, value = theta.copy(), value.copy()
    half = theta.shape[1] // 2
    for _ in range(n_moves):
        order = rng.permutation(theta.shape[1])
        for own, others in ((order[:half], order[half:]), (order[half:], order[:half])):
            along = _differences(theta[:, others], len(own), rng)
            moved = _move(log_target, theta[:, own], value[:, own], along, rng)
            theta[:, own], value[:, own] = moved
    return theta, value


def _differences(theta, n, rng):
    """Return differences (n_groups, n, d) of two draws each, never of one with itself."""
    groups, size = theta.shape[:2]
    first = rng.randint(size, size=(groups, n))
    second = (first + 1 + rng.randint(size - 1, size=(groups, n))) % size
    rows = np.arange(groups)[:, None]
    # draws may coincide where few were resampled often, and then do not move this time
    return WIDTH * (theta[rows, first] - theta[rows, second])


def _move(log_target, theta, value, along, rng):
    """Move draws (n_groups, n, d) once along the given differences."""
    shape, d = value.shape, theta.shape[-1]
    group = np.repeat(np.arange(shape[0]), shape[1])
    start, value, along = theta.reshape(-1, d), value.ravel().copy(), along.reshape(-1, d)
    rows = start.copy()
    level = value + np.log1p(-rng.random_sample(len(value)))
    low = -rng.random_sample(len(value))
    high = low + 1
    open_ = np.flatnonzero(along.any(axis=1))
    for _ in range(MOST_SHRINKS):
        if not len(open_):
            break
        step = low[open_] + (high[open_] - low[open_]) * rng.random_sample(len(open_))
        points = start[open_] + step[:, None] * along[open_]
        found = log_target(points, group[open_])
        inside = found >= level[open_]
        rows[open_[inside]], value[open_[inside]] = points[inside], found[inside]
        out, step = open_[~inside], step[~inside]
        low[out] = np.where(step < 0, step, low[out])
        high[out] = np.where(step < 0, high[out], step)
        open_ = out
    return rows.reshape(theta.shape), value.reshape(shape)
