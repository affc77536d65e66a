"""Means over rows by their weights."""

import numpy as np

from skflow._validation import check_sample_weight

__all__ = ["weighted_mean"]


def weighted_mean(values, sample_weight=None):
    """Mean over the rows of values (n, ...); those of weight 0 are left out, whatever they are.

    The weights are checked.
    """
    weight = check_sample_weight(sample_weight, values)
    if weight is None:
        return values.mean(axis=0)
    used = weight > 0  # 0 times the infinity of an impossible row would be no number
    return np.average(values[used], axis=0, weights=weight[used])
