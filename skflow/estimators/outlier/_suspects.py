"""Which of the training rows are likely the outliers that ``contamination`` says are there."""

import numpy as np
from sklearn.utils import check_random_state

from skflow.estimators.outlier._closeness import closeness, some_rows
from skflow.estimators.outlier._conformal import threshold
from skflow.estimators.outlier._standard import Standard, distinct_rows

__all__ = ["suspects"]

MIN_KEPT = 3  # rows that a detector needs
N_OTHERS = 512  # rows from which the distances are measured
# With fewer rows drawn a larger clump is found, and what is nearer than this is near.
N_FEW, NEAR = 2, 0.25


def suspects(X, weight, share, seed):
    """Find the rows (n,), bool, that are farthest from most others: no more than a share.

    Distance from most rows and no density decides: outliers that lie together are the densest
    place there is, and a density, which has seen them, would call them the most normal of all.

    Parameters
    ----------
    X : ndarray of shape (n, d)
    weight : ndarray of shape (n,) or None
    share : float in (0, 0.5]
        Of the weight.
    seed : int
        Of the rows from which distances are measured, if there are many.
    """
    rows, weight, used, group = distinct_rows(X, weight)
    z = Standard.of(rows, weight)(rows)
    others = some_rows(check_random_state(seed), z, weight, N_OTHERS)
    near = closeness(z, *others, N_FEW, NEAR).numpy()
    far = near < threshold(near, share, weight)
    found = np.zeros(len(X), dtype=bool)
    found[used] = far[group]
    return found if len(used) - found.sum() >= MIN_KEPT else np.zeros_like(found)
