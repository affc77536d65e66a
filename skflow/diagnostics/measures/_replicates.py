"""Whether a posterior's draws produce data like the observed."""

from dataclasses import dataclass

import numpy as np

from skflow.diagnostics.measures._candidates import scaled, whitened
from skflow.diagnostics.measures._exchange import smallest_p
from skflow.diagnostics.measures._finding import Finding, shown_p

__all__ = ["PosteriorPredictive", "posterior_predictive"]

LEVEL = 0.01
MIN_REPLICATES = 20


@dataclass(frozen=True, repr=False)
class PosteriorPredictive(Finding):
    """What :func:`posterior_predictive` finds.

    Attributes
    ----------
    names : list of str
        Of the statistics.
    observed : ndarray of shape (n_statistics,)
    replicated : ndarray of shape (n_replicates, n_statistics)
    p_values : dict {str: float}
        Of each statistic, two-sided.
    distance : float
        Of the observed statistics from the middle of all, by Mahalanobis.
    distances : ndarray of shape (n_replicates,)
    joint_p_value : float
        Of the distance.
    p_value : float
        Of the statistic that is farthest out, in deviations, and of the distance, together.
    reading : str
    """

    names: list
    observed: np.ndarray
    replicated: np.ndarray
    p_values: dict
    distance: float
    distances: np.ndarray
    joint_p_value: float
    p_value: float
    reading: str


def posterior_predictive(x_o, replicates, statistics=None):
    """Compare an observation with replicates, simulated with draws of its posterior.

    If the observation lies far from all replicates, the posterior given it is wrong, or no
    parameter makes such data: the simulator is not what made them. Other checks cannot see the
    latter, since they never leave the simulator.

    Parameters
    ----------
    x_o : array-like of shape (n_columns,) or (n_observations, n_columns)
        What was observed.
    replicates : array-like of shape (n_replicates, ...)
        Simulated with draws from the posterior given ``x_o``: ``simulator(draws)``, each of the
        shape of ``x_o``. At least 20; 1,000 are usual, since p-values reach down to the inverse
        of their number.
    statistics : dict {str: callable}, optional
        What to look at by name: functions of an array (n, ...) of data sets to (n,). By default
        each column; of several observations the mean and the deviation of each.

    Returns
    -------
    PosteriorPredictive

    Raises
    ------
    ValueError
        For other shapes, too few replicates, or statistics that are not finite.

    Notes
    -----
    The posterior has seen ``x_o``, so that it lies nearer to its replicates than one of them to
    the others: p-values are conservative, and more so the more a statistic tells about the
    parameters [1]_. Statistics that the posterior does not fit see most.

    References
    ----------
    .. [1] Gelman, Meng & Stern (1996), Posterior predictive assessment of model fitness via
       realized discrepancies, Statistica Sinica 6, section 2.

    Examples
    --------
    >>> import numpy as np
    >>> from skflow.diagnostics import posterior_predictive
    >>> rng = np.random.default_rng(0)
    >>> replicates = rng.normal(size=(500, 3))
    >>> print(posterior_predictive([0.5, -1.0, 0.2], replicates))
    the observation is like its replicates (p = 0.667)
    >>> print(posterior_predictive([0.5, -1.0, 6.0], replicates))
    the observation is unlike its replicates, most in column 2: above 100 % of them (p = 0.002)
    """
    x_o, replicates = np.asarray(x_o, dtype=np.float64), np.asarray(replicates, dtype=np.float64)
    if x_o.ndim == 0 or replicates.shape[1:] != x_o.shape or len(replicates) < MIN_REPLICATES:
        raise ValueError(
            f"replicates must be at least {MIN_REPLICATES} data sets of the shape of x_o, "
            f"{x_o.shape}; got {replicates.shape}."
        )
    data = np.concatenate([x_o[np.newaxis], replicates])
    table = _usual(data) if statistics is None else _asked(statistics, data)
    names, values = list(table), np.stack(list(table.values()), axis=1)
    if not np.isfinite(values).all():
        raise ValueError("statistics of the observation or of replicates are not finite.")
    above, below = (values >= values[0]).mean(axis=0), (values <= values[0]).mean(axis=0)
    single = np.minimum(1.0, 2 * np.minimum(above, below))
    one, rows = np.abs(scaled(values[np.newaxis])[0]), whitened(values[np.newaxis])[0]
    distances = np.linalg.norm(rows, axis=1)
    whole, p_value = smallest_p(np.column_stack([one.max(axis=1), distances]))
    reading = _read(p_value, names, one[0], below)
    p_values = dict(zip(names, single.tolist(), strict=True))
    found = float(distances[0]), distances[1:], float(whole[1]), p_value, reading
    return PosteriorPredictive(names, values[0], values[1:], p_values, *found)


def _usual(data):
    if data.ndim == 2:
        return {f"column {j}": column for j, column in enumerate(data.T)}
    data = data.reshape(len(data), data.shape[1], -1)
    found = {f"mean of column {j}": column for j, column in enumerate(data.mean(axis=1).T)}
    return found | {f"sd of column {j}": column for j, column in enumerate(data.std(axis=1).T)}


def _asked(statistics, data):
    found = {}
    for name, statistic in statistics.items():
        found[name] = np.asarray(statistic(data), dtype=np.float64)
        if found[name].shape != (len(data),):
            raise ValueError(
                f"the statistic {name!r} must return one number for each of {len(data)} data "
                f"sets, got {found[name].shape}."
            )
    return found


def _read(p_value, names, one, below):
    if p_value > LEVEL:
        return f"the observation is like its replicates ({shown_p(p_value)})"
    worst = int(one.argmax())
    told = f"the observation is unlike its replicates, most in {names[worst]}"
    share = below[worst]
    side = f"above {100 * share:.0f} %" if share > 0.5 else f"below {100 * (1 - share):.0f} %"
    return f"{told}: {side} of them ({shown_p(p_value)})"
