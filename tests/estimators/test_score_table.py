"""Means of scores and their errors."""

import numpy as np
import pytest

from skflow.estimators._score_table import mean_and_error


def test_error_of_a_mean():
    values = np.random.default_rng(0).normal(size=50)
    mean, error = mean_and_error(values)
    assert mean == pytest.approx(values.mean())
    assert error == pytest.approx(values.std(ddof=1) / np.sqrt(50))


def test_a_weight_is_a_share():
    values, weight = np.array([1.0, 2.0, 5.0]), np.array([1, 1, 2])
    mean, error = mean_and_error(values, weight)
    assert mean == pytest.approx(3.25)
    share = weight / 4
    assert error == pytest.approx(np.sqrt(1.5 * (share**2 @ (values - 3.25) ** 2)))


def test_of_few_or_hopeless_values():
    assert np.isnan(mean_and_error(np.empty(0))).all()
    assert mean_and_error(np.array([2.0]))[0] == 2.0
    assert np.isnan(mean_and_error(np.array([2.0]))[1])
    assert np.isnan(mean_and_error(np.array([-np.inf, 2.0]))[1])


def test_scores_whose_squares_overflow():
    mean, error = mean_and_error(np.array([-1e200, -3e200]))
    assert (mean, error) == (pytest.approx(-2e200), pytest.approx(1e200))
