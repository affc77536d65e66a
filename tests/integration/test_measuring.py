"""Replicates of even points: what a long round keeps, and what its mean is of."""

import numpy as np

from skflow.integration._channels import Channels
from skflow.integration._measuring import BLOCK, MOST_KEPT, REPLICATES, Measurement


def measurement():
    return Measurement(Channels.flat(), 2, np.random.RandomState(0))  # noqa: NPY002


def test_a_long_round_is_measured_whole_and_kept_in_part():
    asked = []

    def function(u):
        asked.append(len(u))
        return u[:, :1] ** 2

    n_each = 2 * MOST_KEPT // REPLICATES + 5
    long = measurement()
    u, values, log_q, estimate, error = long.extend(function, n_each)
    assert sum(asked) == long.n == REPLICATES * n_each
    assert max(asked) <= BLOCK
    assert len(u) == len(values) == len(log_q)
    assert MOST_KEPT <= len(u) < MOST_KEPT + BLOCK
    assert abs(estimate - 1 / 3) < 5 * error < 1e-4  # random points are off by 5e-4
    points = measurement().points(n_each)[:, 1:]  # the same, all at once
    np.testing.assert_allclose(estimate, (points[:, :1] ** 2).mean(axis=0), rtol=1e-12)
    np.testing.assert_array_equal(long.result()[0], estimate)
