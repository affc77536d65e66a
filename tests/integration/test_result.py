"""Draws by an integrand: resampled ones, and independent ones by rejection."""

import numpy as np
import pytest
from scipy import stats

from skflow import integrate
from skflow.integration._result import _stated_maximum
from tests.integration.functions import KNOWN, camel

LAW = stats.truncnorm(-0.6 / 0.2, 0.4 / 0.2, loc=0.6, scale=0.2)


def density(x):
    return 5 * LAW.pdf(x[:, 0]) * 2 * x[:, 1]


@pytest.fixture(scope="module")
def of_density():
    return integrate(density, [(0, 1)] * 2, rtol=3e-3, random_state=0)


def p_values(rows):
    first = stats.kstest(rows[:, 0], LAW.cdf).pvalue
    return first, stats.kstest(rows[:, 1], lambda x: x**2).pvalue


def test_events_are_draws_of_the_function(of_density):
    events = of_density.unweight(3_000, random_state=1)
    assert events.rows.shape == (3_000, 2)
    assert min(p_values(events.rows)) > 1e-3
    assert len(np.unique(events.rows[:, 0])) == 3_000
    assert events.overweight <= 0.01
    assert 0.3 < events.efficiency <= 1
    assert events.n_calls >= 3_000 / events.efficiency - 1


def test_samples_are_draws_of_the_function(of_density):
    # picked with replacement from some thousands: few enough that hardly any is twice
    assert min(p_values(of_density.sample(400, random_state=0))) > 1e-3


def test_samples_of_signed_functions_go_by_the_absolute_value():
    known = KNOWN["signed"]
    result = integrate(known.f, known.bounds, rtol=3e-3, random_state=0)
    rows = result.sample(4_000, random_state=0)
    grid = (np.arange(2_000) + 0.5) / 2_000
    size = np.abs(np.cos(3 * grid) + 0.3)
    truth = (size * grid).sum() / size.sum()
    assert rows.mean(axis=0) == pytest.approx([truth, truth], abs=0.03)
    with pytest.raises(ValueError, match="negative"):
        result.unweight(10)


def test_random_state_repeats(of_density):
    for draw in (
        of_density.sample,
        lambda n, random_state: of_density.unweight(n, random_state=random_state).rows,
    ):
        np.testing.assert_array_equal(draw(20, random_state=5), draw(20, random_state=5))
        assert not np.array_equal(draw(20, random_state=5), draw(20, random_state=6))


@pytest.mark.slow
def test_efficiency_on_far_modes():
    known = camel(4)
    result = integrate(known.f, known.bounds, random_state=0)
    events = result.unweight(2_000, random_state=0)
    assert events.efficiency > 0.4
    assert events.overweight < 5e-3
    assert "efficiency" in repr(events)


def test_a_low_maximum_leaves_weights(of_density):
    events = of_density.unweight(4_000, max_overweight=0.05, random_state=0)
    strict = of_density.unweight(500, max_overweight=0.0, random_state=0)
    assert events.max_weight < strict.max_weight
    assert events.efficiency > strict.efficiency
    assert strict.overweight < 1e-3
    assert events.weights.min() == 1 < events.weights.max()
    # with their weights the rows are exact all the same
    mean = np.average(events.rows[:, 1], weights=events.weights)
    assert mean == pytest.approx(2 / 3, abs=4 * 0.236 / 4_000**0.5)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.1])
def test_stated_maximum_is_the_least_that_keeps_the_share(share):
    weight = np.random.default_rng(0).exponential(size=1_000)
    most = _stated_maximum(weight, share)
    above = np.maximum(weight - most, 0).sum() / weight.sum()
    assert above <= share
    lower = np.sort(weight)[np.searchsorted(np.sort(weight), most) - 1]
    assert np.maximum(weight - lower, 0).sum() / weight.sum() > share


@pytest.mark.parametrize("share", [-0.1, 1.0])
def test_shares_out_of_range_are_refused(of_density, share):
    with pytest.raises(ValueError, match="max_overweight"):
        of_density.unweight(5, max_overweight=share)
