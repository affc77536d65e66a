"""Gaussian mixtures by scikit-learn's EM on arrays: fits that always succeed."""

import numpy as np

from skflow._clock import left_out, time_is_up
from skflow.bases._quiet_mixture import QuietMixture

__all__ = ["equal_rows", "fit_mixture", "fits", "usable_rows"]

# Starts of the EM whose result is used, where an iteration takes at most so many products, and
# the iterations after which only the best of them goes on.
N_STARTS = 3
FIRST_ITERATIONS = 10
MAX_ITERATIONS = 100
CHEAP_ITERATION = 2.5e6
# Of a limited time, the share after which one start is enough.
STARTS_SHARE = 0.5


def fit_mixture(
    z,
    weight=None,
    *,
    n_components,
    covariance_type="full",
    reg_covar=1e-4,
    tol=1e-3,
    max_rows=20_000,
    random_state=0,
):
    """Weights, means and precision factors of a mixture fitted by EM; it never fails.

    If covariances come out singular, ``reg_covar`` is raised tenfold at a time, then to shares
    of the mean variance; last comes a single Gaussian with the columns' variances. With fewer
    distinct rows than components, as many components as there are distinct rows are fitted and
    the heaviest are written down several times with their weight split, which is the same
    density. Where EM is cheap there are several starts, of which the best after a few iterations
    goes on (Biernacki, Celeux & Govaert 2003): one alone may end with a component across two
    clusters. EM ends where the time of the caller is up; if there is none to
    begin it, the single Gaussian is taken.

    Parameters
    ----------
    z : array or tensor of shape (n, d)
    weight : array or tensor of shape (n,), optional
        See :func:`equal_rows`.
    n_components : int
    covariance_type : {"full", "diag", "tied"}, default="full"
    reg_covar : float, default=1e-4
    tol : float, default=1e-3
        Gain of an iteration, in nats per row, below which EM ends.
    max_rows : int, default=20_000
        EM sees at most this many rows, drawn in proportion to the weights.
    random_state : int, default=0

    Returns
    -------
    weights : ndarray of shape (n_components,)
    means : ndarray of shape (n_components, d)
    factors : ndarray of shape (n_components, d, d)
        Upper triangular U with U U^T the precision, as ``precisions_cholesky_``.
    """
    rows = equal_rows(*usable_rows(z, weight), max_rows, random_state)
    if not len(rows):
        raise ValueError("no finite row of positive weight to start a mixture from")
    n_fitted = min(n_components, len(np.unique(rows, axis=0)))
    spread = rows.var(0).mean()
    for reg in (reg_covar, 10 * reg_covar, 100 * reg_covar, 1e-3 * spread, 1e-1 * spread):
        if time_is_up():
            left_out("the fit of the mixture")
            break
        settings = {"covariance_type": covariance_type, "reg_covar": reg, "tol": tol}
        model = _best_fit(rows, random_state, n_components=n_fitted, **settings)
        if model is not None:
            found = model.weights_, model.means_, _full_factors(model)
            return _split_heaviest(*found, n_components)
    scale = 1 / np.sqrt(rows.var(0) + max(reg_covar, np.finfo(float).tiny))
    found = np.ones(1), rows.mean(0, keepdims=True), np.diag(scale)[None]
    return _split_heaviest(*found, n_components)


def _best_fit(rows, seed, **settings):
    """Return a fitted model, None if none came to finite parameters."""
    seeds = range(seed, seed + _n_starts(rows, settings["n_components"]))
    starts = [
        QuietMixture(**settings, max_iter=FIRST_ITERATIONS, random_state=each) for each in seeds
    ]
    fitted = [model for model in starts if fits(model, rows)]
    if not fitted:
        return None
    best = max(fitted, key=lambda model: model.lower_bound_)
    best.set_params(warm_start=True, max_iter=MAX_ITERATIONS - FIRST_ITERATIONS)
    return best if fits(best, rows) else None


def _n_starts(rows, n_components):
    n, d = rows.shape
    cheap = n * n_components * d * d <= CHEAP_ITERATION
    return N_STARTS if cheap and not time_is_up(STARTS_SHARE) else 1


def equal_rows(z, weight, max_rows, random_state):
    """Rows that stand for weighted ones, since scikit-learn's EM takes no weights.

    Each row appears as often as it is heavier than the lightest one, rounded so that all running
    sums are right to half a row; whole ratios are reproduced exactly (weight 2 is a row
    twice), unless that makes more than four times the rows, or more than ``max_rows``: then
    counts are scaled down, over rows in an order shuffled by ``random_state``.

    Parameters
    ----------
    z : ndarray of shape (n, d)
    weight : ndarray of shape (n,), positive
    max_rows : int
    random_state : int

    Returns
    -------
    rows : ndarray of shape (at most max_rows, d)
    """
    if not len(z):
        return z
    with np.errstate(over="ignore"):
        wanted = np.rint((weight / weight.min()).sum())
    total = int(min(wanted, 4 * len(z), max_rows))
    if total < wanted:
        order = np.random.default_rng(random_state).permutation(len(z))
        z, weight = z[order], weight[order]
    marks = np.floor(np.cumsum(weight) / weight.sum() * total + 0.5).astype(int)
    return np.repeat(z, np.diff(marks, prepend=0), axis=0)


def usable_rows(z, weight):
    """Float64 arrays of the finite rows of positive weight, and of their weights."""
    z = _to_numpy(z)
    weight = np.ones(len(z)) if weight is None else _to_numpy(weight)
    keep = (weight > 0) & np.isfinite(z).all(1)
    return z[keep], weight[keep]


def _to_numpy(values):
    if hasattr(values, "detach"):
        values = values.detach().cpu().numpy()
    return np.asarray(values, dtype=np.float64)


def fits(model, rows):
    """Fit, as long as there is time; whether it came to finite parameters."""
    with np.errstate(all="ignore"):
        try:
            model.fit(rows)
        except (ValueError, np.linalg.LinAlgError):
            return False
    return bool(np.isfinite(model.precisions_cholesky_).all() and np.isfinite(model.means_).all())


def _full_factors(model):
    """``precisions_cholesky_`` of any covariance type as (n_components, d, d)."""
    factors = model.precisions_cholesky_
    if model.covariance_type == "diag":
        return factors[:, :, None] * np.eye(factors.shape[1])
    if model.covariance_type == "tied":
        return np.broadcast_to(factors, (len(model.weights_), *factors.shape))
    return factors


def _split_heaviest(weights, means, factors, n_components):
    """Write the same density with more components: the heaviest ones several times."""
    copies = np.ones(len(weights), dtype=int)
    for _ in range(n_components - len(weights)):
        copies[np.argmax(weights / copies)] += 1
    index = np.repeat(np.arange(len(weights)), copies)
    return (weights / copies)[index], means[index], factors[index]
