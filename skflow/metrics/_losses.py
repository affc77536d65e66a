"""What predicted draws, quantiles and intervals are worth once y is known; arrays in."""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from sklearn.metrics import mean_pinball_loss
from sklearn.utils.validation import check_array

from skflow._types import Floats, Weights
from skflow._validation import is_real
from skflow.metrics._mean import weighted_mean

__all__ = [
    "check_share",
    "check_targets",
    "crps_of_draws",
    "crps_of_rows",
    "interval_coverage",
    "interval_score",
    "pinball_loss",
]


def crps_of_draws(
    y_true: ArrayLike,
    draws: ArrayLike,
    *,
    sample_weight: Weights = None,
    multioutput: Literal["raw_values", "uniform_average"] | ArrayLike = "uniform_average",
) -> float | Floats:
    r"""Continuous ranked probability score of draws; smaller is better, in the units of y.

    With m draws :math:`x_i` of a row, the unbiased estimate of
    :math:`\int (F(t) - 1\{y \le t\})^2 dt` is

    .. math:: \frac{1}{m} \sum_i |x_i - y| - \frac{1}{2 m (m - 1)} \sum_{i, j} |x_i - x_j|

    [1]_ (the second sum costs a sort). For a point it is the absolute error. Being unbiased it
    does not reward few draws or many; that of a single row may be below zero.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,) or (n_samples, n_targets)
    draws : array-like of shape (n_samples, n_draws) or (n_samples, n_draws, n_targets)
        At least two for each row, as ``sample(X, n_samples)`` of a regressor returns them.
    sample_weight : array-like of shape (n_samples,), optional
    multioutput : {"raw_values", "uniform_average"} or array-like of shape (n_targets,)
        The score of each column of y, their mean (the default), or weights for a mean.

    Returns
    -------
    crps : float or ndarray of shape (n_targets,)

    References
    ----------
    .. [1] Gneiting and Raftery (2007), Strictly proper scoring rules, prediction, and
       estimation, JASA 102, equation 21; with m - 1: Ferro (2014), Fair scores for ensemble
       forecasts, Q. J. R. Meteorol. Soc. 140.

    Examples
    --------
    >>> import numpy as np
    >>> from skflow.metrics import crps_of_draws
    >>> rng = np.random.default_rng(0)
    >>> y = rng.normal(size=2000)
    >>> sharp, wide = (scale * rng.normal(size=(2000, 100)) for scale in (1, 3))
    >>> crps_of_draws(y, sharp) < crps_of_draws(y, wide)
    True
    """
    y = check_targets(y_true)
    return _average(crps_of_rows(y, _as_draws(draws, y)), sample_weight, multioutput)


def crps_of_rows(y, draws):
    """Score of each row and column (n, k), of draws (n, m, k)."""
    m = draws.shape[1]
    # from y on, so that large numbers cancel before they are added up
    steps = np.sort(draws - y[:, np.newaxis], axis=1)
    ranks = 2 * np.arange(1, m + 1) - m - 1
    spread = np.einsum("m,nmk->nk", ranks, steps) / (m * (m - 1))
    return np.abs(steps).mean(axis=1) - spread


def pinball_loss(
    y_true: ArrayLike,
    y_quantiles: ArrayLike,
    quantiles: ArrayLike,
    *,
    sample_weight: Weights = None,
    multioutput: Literal["raw_values", "uniform_average"] | ArrayLike = "uniform_average",
) -> float | Floats:
    """Mean of scikit-learn's ``mean_pinball_loss`` over several quantiles; smaller is better.

    Twice the loss over a fine, even grid of quantiles is the CRPS of the distribution.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,) or (n_samples, n_targets)
    y_quantiles : array-like of shape (n_samples, n_quantiles) or \
            (n_samples, n_targets, n_quantiles)
        As ``predict_quantiles(X, quantiles)`` returns them.
    quantiles : array-like of shape (n_quantiles,)
        Strictly between 0 and 1.
    sample_weight : array-like of shape (n_samples,), optional
    multioutput : {"raw_values", "uniform_average"} or array-like of shape (n_targets,)
        The loss of each column of y, their mean (the default), or weights for a mean.

    Returns
    -------
    loss : float or ndarray of shape (n_targets,)

    Examples
    --------
    >>> from skflow.metrics import pinball_loss
    >>> pinball_loss([1.0, 2.0], [[0.0, 3.0], [1.0, 4.0]], quantiles=[0.25, 0.75])
    0.375
    """
    y = check_targets(y_true)
    levels = [check_share(level, "quantiles") for level in np.ravel(quantiles)]
    values = _for_each_target(y_quantiles, y, "y_quantiles", len(levels))
    settings = {"sample_weight": sample_weight, "multioutput": multioutput}
    losses = [
        mean_pinball_loss(y, values[..., i], alpha=level, **settings)
        for i, level in enumerate(levels)
    ]
    loss = np.mean(losses, axis=0)
    return loss if np.ndim(loss) else float(loss)


def interval_score(
    y_true: ArrayLike,
    low: ArrayLike,
    high: ArrayLike,
    coverage: float = 0.9,
    *,
    sample_weight: Weights = None,
    multioutput: Literal["raw_values", "uniform_average"] | ArrayLike = "uniform_average",
) -> float | Floats:
    r"""Width of central intervals, with a fine for the rows that they miss; smaller is better.

    .. math:: (h - l) + \frac{2}{\alpha} (l - y) 1\{y < l\} + \frac{2}{\alpha} (y - h) 1\{y > h\}

    with :math:`\alpha` = 1 - coverage [1]_. In the units of y; least for the true quantiles.

    Parameters
    ----------
    y_true, low, high : array-like of shape (n_samples,) or (n_samples, n_targets)
        Values, and both ends of an interval for each.
    coverage : float, default=0.9
        What the intervals claim to hold, strictly between 0 and 1.
    sample_weight : array-like of shape (n_samples,), optional
    multioutput : {"raw_values", "uniform_average"} or array-like of shape (n_targets,)
        The score of each column of y, their mean (the default), or weights for a mean.

    Returns
    -------
    score : float or ndarray of shape (n_targets,)

    References
    ----------
    .. [1] Gneiting and Raftery (2007), Strictly proper scoring rules, prediction, and
       estimation, JASA 102, equation 43.

    Examples
    --------
    The second value lies 1 above its interval, which costs 2 / 0.1 beside the width:

    >>> from skflow.metrics import interval_score
    >>> round(interval_score([1.0, 4.0], [0.0, 1.0], [2.0, 3.0], coverage=0.9), 6)
    12.0
    """
    y, lowest, highest = _ends(y_true, low, high)
    missed = np.maximum(lowest - y, 0) + np.maximum(y - highest, 0)
    fine = 2 / (1 - check_share(coverage, "coverage"))
    return _average(highest - lowest + fine * missed, sample_weight, multioutput)


def interval_coverage(
    y_true: ArrayLike,
    low: ArrayLike,
    high: ArrayLike,
    *,
    sample_weight: Weights = None,
    multioutput: Literal["raw_values", "uniform_average"] | ArrayLike = "uniform_average",
) -> float | Floats:
    """Share of the values that lie in their intervals, ends included.

    Near what the intervals claim is right; neither 0 nor 1 is best, and intervals that do not
    depend on X may be right as well: see :func:`interval_score`.

    Parameters
    ----------
    y_true, low, high : array-like of shape (n_samples,) or (n_samples, n_targets)
        Values, and both ends of an interval for each.
    sample_weight : array-like of shape (n_samples,), optional
    multioutput : {"raw_values", "uniform_average"} or array-like of shape (n_targets,)
        The share of each column of y, their mean (the default), or weights for a mean.

    Returns
    -------
    coverage : float or ndarray of shape (n_targets,)

    Examples
    --------
    >>> from skflow.metrics import interval_coverage
    >>> interval_coverage([1.0, 4.0], [0.0, 1.0], [2.0, 3.0])
    0.5
    """
    y, low, high = _ends(y_true, low, high)
    inside = (low <= y) & (y <= high)
    return _average(inside.astype(float), sample_weight, multioutput)


def check_targets(y, name="y_true"):
    """Return values of y as float64 of shape (n, k)."""
    y = check_array(y, ensure_2d=False, dtype=np.float64, input_name=name)
    if y.ndim > 2:
        raise ValueError(f"{name} must be of shape (n,) or (n, k), got {y.shape}.")
    return y.reshape(len(y), -1)


def check_share(share, name):
    """Return a probability as a float; a ValueError unless it lies between 0 and 1."""
    if not is_real(share) or not 0 < share < 1:
        raise ValueError(f"{name} must lie strictly between 0 and 1, got {share}.")
    return float(share)


def _ends(y_true, low, high):
    y = check_targets(y_true)
    low, high = check_targets(low, "low"), check_targets(high, "high")
    if not y.shape == low.shape == high.shape:
        raise ValueError(
            "y_true, low and high must have one shape, got "
            f"{y.shape}, {low.shape} and {high.shape} (rows, columns of y). Pass the two ends "
            "apart: interval[..., 0] and interval[..., 1]."
        )
    if (low > high).any():
        row = int((low > high).any(axis=1).argmax())
        raise ValueError(f"low is above high in row {row}: {low[row]} and {high[row]}.")
    return y, low, high


def _as_draws(draws, y):
    """Draws (n, m, k) that go with y (n, k)."""
    found = check_array(
        draws, allow_nd=True, ensure_2d=False, dtype=np.float64, input_name="draws"
    )
    n, k = y.shape
    if found.ndim == 2 and k == 1:
        found = found[:, :, np.newaxis]
    if found.ndim != 3 or (len(found), found.shape[2]) != (n, k) or found.shape[1] < 2:
        shape = f"({n}, n_draws)" if k == 1 else f"({n}, n_draws, {k})"
        raise ValueError(
            f"draws must be of shape {shape} with at least 2 draws a row for y_true of shape "
            f"{y.shape}, got {np.shape(draws)}."
        )
    return found


def _for_each_target(values, y, name, count):
    """Values (n, k, count) that go with y (n, k)."""
    found = check_array(values, allow_nd=True, ensure_2d=False, dtype=np.float64, input_name=name)
    n, k = y.shape
    if found.ndim == 2 and k == 1:
        found = found[:, np.newaxis]
    if found.shape != (n, k, count):
        shape = (n, count) if k == 1 else (n, k, count)
        raise ValueError(
            f"{name} must be of shape {shape} for {count} quantiles and y_true of shape "
            f"{y.shape}, got {np.shape(values)}."
        )
    return found


def _average(values, sample_weight, multioutput):
    """Mean over rows of values (n, k), then over columns as asked for."""
    means = weighted_mean(values, sample_weight)
    if isinstance(multioutput, str):
        if multioutput == "raw_values":
            return means
        if multioutput != "uniform_average":
            raise ValueError(
                'multioutput must be "raw_values", "uniform_average" or one weight for each '
                f"column of y, got {multioutput!r}."
            )
        return float(means.mean())
    return float(np.average(means, weights=multioutput))
