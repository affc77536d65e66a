"""Maps of two halves without each fold, and what held-out pairs say of them."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from skflow.estimators._score_table import mean_and_error, score_row
from skflow.estimators.information._normal import NormalHalves, unexplained

__all__ = ["Attempt", "attempted"]


@dataclass(frozen=True)
class Attempt:
    """What was tried.

    Attributes
    ----------
    name : str
    estimate, standard_error : float
        The information in nats.
    log_joint : ndarray of shape (n_held,)
        Log densities of held-out pairs in the units of both; NaN of what is no density.
    left : float
        Nats by which held-out pairs are farther from normal than their covariance tells.
    maps : list
        Of each fold, those that have not seen it.
    behind : list of tuple (NormalHalves, ndarray of shape (n_fold, d))
        Of each fold, the normal distribution behind the maps, and its pairs there.
    """

    name: str
    estimate: float
    standard_error: float
    log_joint: np.ndarray
    left: float = np.nan
    maps: Any = None
    behind: Any = None

    def row(self):
        """Return the row of a table."""
        information = {"information": self.estimate, "its error": self.standard_error}
        return score_row(self.name, self.log_joint, **information)

    def log_ratio(self, partner):
        """Log ratios (n_held,) of pairs whose second half is another one's of the same fold.

        Parameters
        ----------
        partner : list of ndarray of shape (n_fold,)
            Of each fold, the places in it of the second halves.
        """
        found = []
        for (normal, z), other in zip(self.behind, partner, strict=True):
            k = normal.n_first
            found.append(normal.log_ratio(np.hstack([z[:, :k], z[other, k:]])))
        return np.concatenate(found)


def attempted(name, make, X, Y, fold, rng):
    """Fit maps to the pairs outside each fold.

    Parameters
    ----------
    name : str
    make : callable
        From the number of a fold to maps that are not fitted.
    X, Y : ndarray of shape (n, d_x) and (n, d_y)
    fold : ndarray of shape (n,)
        -1 for pairs that are held out by none.
    rng : numpy.random.Generator

    Returns
    -------
    attempt : Attempt
    """
    all_maps, behind, log_joint, log_ratio, left = [], [], [], [], []
    for k in range(fold.max() + 1):
        own = fold == k
        maps = make(k).fit(X[~own], Y[~own], rng)
        normal = NormalHalves(maps(X[~own], Y[~own])[0], X.shape[1])
        z, log_det = maps(X[own], Y[own])
        all_maps.append(maps)
        behind.append((normal, z))
        log_joint.append(normal.log_density(z) + log_det)
        log_ratio.append(normal.log_ratio(z))
        left.append(unexplained(z))
    found = mean_and_error(np.concatenate(log_ratio))
    joint = np.concatenate(log_joint)
    return Attempt(name, *found, joint, float(np.mean(left)), all_maps, behind)
