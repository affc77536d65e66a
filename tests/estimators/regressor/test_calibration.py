"""The monotone map of probabilities: a distribution function near that of what it is given."""

import numpy as np
import pytest
from scipy.stats import beta

from skflow.estimators.regressor._calibration import Calibration

U = np.linspace(0.01, 0.99, 99)


@pytest.fixture(scope="module")
def calibration():
    return Calibration(beta(2, 2).rvs(5_000, random_state=0))


def test_uniform_numbers_are_left_alone():
    n = 4_000
    same = Calibration((np.arange(n) + 0.5) / n)
    np.testing.assert_allclose(same.apply(U), U, atol=0.003)


def test_it_is_near_their_distribution_function(calibration):
    np.testing.assert_allclose(calibration.apply(U), beta(2, 2).cdf(U), atol=0.03)


def test_its_derivative(calibration):
    step = 1e-6
    slope = (calibration.apply(U + step) - calibration.apply(U - step)) / (2 * step)
    np.testing.assert_allclose(calibration.density(U), slope, rtol=1e-6)
    ends = calibration.density(np.array([0.0, 1.0]))
    assert (ends > 0).all()
    assert max(ends.max(), calibration.density(U).max()) <= calibration.largest_density


@pytest.mark.parametrize("levels", [U, np.array([1e-12, 1e-6, 1 - 1e-9])], ids=["most", "ends"])
def test_its_inverse(calibration, levels):
    np.testing.assert_allclose(calibration.apply(calibration.inverse(levels)), levels, rtol=1e-9)


def test_weights_count():
    shares = np.random.default_rng(0).uniform(size=1_000)
    assert Calibration(shares).apply(0.5) == pytest.approx(0.5, abs=0.03)
    weight = np.where(shares < 0.5, 3.0, 1.0)  # a step, which the polynomial makes smooth
    assert Calibration(shares, weight).apply(0.25) == pytest.approx(0.375, abs=0.03)
