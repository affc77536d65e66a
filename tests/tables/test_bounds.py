"""Where values exactly on a declared bound are scored."""

import numpy as np
import pytest

from skflow.tables._bounds import boundary_positions


def position(x, low=0.0, high=np.inf):
    low_at, _ = boundary_positions(np.asarray(x)[:, None], np.array([low]), np.array([high]))
    return low_at[0] - low


def test_halfway_to_the_nearest_value():
    assert position([0.0, 0.4, 0.1, 0.9]) == pytest.approx(0.05)
    assert position([2.0, 2.4, 2.1, 2.9], low=2.0) == pytest.approx(0.05)


def test_a_far_value_pushes_no_position_past_its_neighbours():
    assert position([0.0, 0.1, 0.2, 1e9]) == pytest.approx(0.05)


def test_a_lone_value_all_but_on_the_bound_does_not_pull_the_position_there():
    x = np.r_[0.0, 1e-300, np.linspace(0.1, 1, 20)]
    assert 1e-7 < position(x) < 2e-7


@pytest.mark.parametrize("high", [1.0, np.inf])
def test_columns_on_their_bound_alone(high):
    assert 0 < position([0.0, 0.0], high=high) <= 0.25
