"""Which of the training rows are likely the outliers that ``contamination`` says are there."""

import numpy as np
import torch
from sklearn.utils import check_random_state

from skflow.bijections import Standardize
from skflow.estimators.outlier._closeness import closeness, some_rows
from skflow.estimators.outlier._conformal import threshold
from skflow.tables._rows import merge_equal_rows

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
    used = np.arange(len(X)) if weight is None else np.flatnonzero(weight)
    # equal rows are doubted together, whatever the last digits of their distances
    first, weight, group = merge_equal_rows(X[used], None if weight is None else weight[used])
    weight = np.ones(len(first)) if weight is None else weight
    rows = torch.as_tensor(X[used[first]])
    z = Standardize.from_data(rows, torch.as_tensor(weight))(rows)[0]
    others = some_rows(check_random_state(seed), z, weight, N_OTHERS)
    near = closeness(z, *others, N_FEW, NEAR).numpy()
    far = near < threshold(near, share, weight)
    found = np.zeros(len(X), dtype=bool)
    found[used] = far[group]
    return found if len(used) - found.sum() >= MIN_KEPT else np.zeros_like(found)
