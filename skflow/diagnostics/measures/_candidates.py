"""Parameters beside draws given the same observation, on the scale of these."""

import numpy as np
from sklearn.utils.validation import check_array

from skflow.diagnostics.measures._checks import check_names

__all__ = [
    "candidate_names",
    "centred_products",
    "check_candidates",
    "near_distances",
    "scaled",
    "whitened",
]

MIN_DRAWS = 9
MIN_SIMULATIONS = 20
FLOOR = 1e-10  # of the variance of a direction, below which it is none
BLOCK = 2**22  # distances at a time


def check_candidates(theta, draws):
    """Return parameters (m, d) and their draws (m, L, d) as one array (m, L + 1, d)."""
    checks = {"dtype": np.float64, "ensure_min_samples": MIN_SIMULATIONS}
    theta = check_array(theta, input_name="theta", **checks)
    draws = check_array(draws, allow_nd=True, input_name="draws", **checks)
    if draws.ndim != 3 or draws.shape[::2] != theta.shape:
        m, d = theta.shape
        raise ValueError(
            f"draws must be of shape ({m}, n_draws, {d}), draws of each row of theta's "
            f"observation; got {draws.shape}."
        )
    if draws.shape[1] < MIN_DRAWS:
        raise ValueError(
            f"expected at least {MIN_DRAWS} draws for each simulation, got {draws.shape[1]}; 99 "
            "are usual."
        )
    return np.concatenate([theta[:, np.newaxis], draws], axis=1)


def candidate_names(feature_names, n_features):
    """Return names of parameters; by default "theta 0", "theta 1" and so on."""
    if feature_names is None:
        return [f"theta {j}" for j in range(n_features)]
    return check_names(feature_names, n_features)


def scaled(sets):
    """Each column of sets (m, M, d) less its mean over the set, by its deviation there.

    A column that is constant in a set becomes zero.
    """
    centred = sets - sets.mean(axis=1, keepdims=True)
    deviation = centred.std(axis=1, keepdims=True)
    tiny = 1e-12 * np.abs(sets).max(axis=1, keepdims=True)
    return np.divide(centred, deviation, out=np.zeros_like(centred), where=deviation > tiny)


def whitened(sets):
    """Return sets (m, M, d) with mean zero and unit covariance in each, nearest to ``scaled``.

    The symmetric root of the inverse correlation keeps each coordinate that of its parameter.
    Sets of few draws for their columns are only scaled.
    """
    z = scaled(sets)
    m, n, d = z.shape
    if n < 3 * d:
        return z
    values, vectors = np.linalg.eigh(np.einsum("mni,mnj->mij", z, z) / n)
    floor = FLOOR * values[:, -1:]
    root = np.where(values > floor, 1 / np.sqrt(np.maximum(values, floor + 1e-300)), 0.0)
    return z @ np.einsum("mik,mk,mjk->mij", vectors, root, vectors)


def centred_products(z, off_diagonal=True):
    """Squares and products (m, M, p) of columns of z (m, M, d), less their means over each set."""
    d = z.shape[2]
    first, second = np.triu_indices(d) if off_diagonal else (np.arange(d),) * 2
    products = z[..., first] * z[..., second]
    products /= np.where(first == second, np.sqrt(2), 1.0)
    return products - products.mean(axis=1, keepdims=True)


def near_distances(z):
    """Log distance (m, M) of each of a set z (m, M, d) to its near ones there.

    The neighbour taken is one in twenty: large where the set is thin, as a density is small there.
    """
    m, n, d = z.shape
    k = max(1, n // 20)
    found = np.empty((m, n))
    step = max(1, BLOCK // n**2)
    for start in range(0, m, step):
        part = z[start : start + step]
        norms = np.square(part).sum(axis=2)
        squares = norms[:, :, np.newaxis] + norms[:, np.newaxis] - 2 * part @ part.swapaxes(1, 2)
        found[start : start + step] = np.partition(squares, k, axis=2)[:, :, k]
    return np.log(np.maximum(found, 1e-12)) / 2
