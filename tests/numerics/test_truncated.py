"""Moments of a normal distribution between two points."""

import numpy as np
from scipy.stats import truncnorm

from skflow.numerics import truncated_normal


def test_as_by_scipy():
    low = np.array([-38.0, -8.0, -3.0, -0.5, 0.0, 1.0, 4.0, -40.0, -9.0])
    high = np.array([-8.0, -2.0, 3.0, 0.1, 40.0, 1.5, 38.0, 0.0, 9.0])
    found = truncated_normal(low, high)
    mean, variance = truncnorm.stats(low, high, moments="mv")
    np.testing.assert_allclose(found[:, 0], mean, atol=1e-8)
    np.testing.assert_allclose(found[:, 1], np.sqrt(variance), rtol=1e-6)


def test_narrow_ones_are_nearly_uniform():
    low = np.array([-6.0, -1.0, 0.0, 2.0, 39.0])
    found = truncated_normal(low, low + 0.1)
    np.testing.assert_allclose(found[:4, 0], truncnorm.mean(low[:4], low[:4] + 0.1), atol=0.01)
    np.testing.assert_allclose(found[:, 1], 0.1 / np.sqrt(12), rtol=1e-9)


def test_no_mass_is_a_point():
    assert truncated_normal(np.array([1.0]), np.array([1.0])).tolist() == [[1.0, 0.0]]
