"""What lies beyond a smoothed tail, and how sure its shape is."""

import numpy as np
import pytest

from skflow.numerics import khat_error, pareto_smoothed, unseen_share

M = 300  # tail of 10,000


def tail_of(k, scale):
    """10,000 weights: equal ones, and 300 that exceed them as a generalised Pareto would."""
    u = (np.arange(M) + 0.5) / M
    weights = np.ones(10_000)
    weights[:M] += scale * (u**-k - 1) / k
    return np.log(weights / weights.sum())


def integral(k, low, high):
    u = np.geomspace(low, high, 200_001)
    return np.trapezoid((u**-k - 1) / k, u)


@pytest.mark.parametrize("k", [-0.4, 1e-9, 0.5, 0.9, 1.0, 1.6])
@pytest.mark.parametrize("more", [10, 100])
def test_unseen_is_the_integral_beyond_the_draws(k, more):
    log_weights = tail_of(k, 0.1)
    weights = np.exp(log_weights)
    excess = (weights[:M] - weights[-1]).sum()
    k = min(k, 1.0)  # a steeper tail cannot go on: the mean would not be finite
    beyond = integral(k, 1 / (more * M), 1 / M) / integral(k, 1 / M, 1)
    assert unseen_share(log_weights, k, more) == pytest.approx(excess * beyond, rel=1e-3)


def test_unseen_grows_with_shape_and_with_what_the_tail_holds():
    shares = [unseen_share(tail_of(k, 0.1), k) for k in (0.3, 0.7, 1.2)]
    assert shares == sorted(shares)
    assert unseen_share(tail_of(1.6, 1e-4), 1.6) < 1e-3
    assert unseen_share(tail_of(1.6, 0.1), 1.6) > 0.1


def test_of_equal_weights_and_of_no_shape():
    equal, khat = pareto_smoothed(np.zeros(1_000))
    assert khat_error(khat, 1_000) == unseen_share(equal, khat) == 0
    assert khat_error(np.inf, 1_000) == unseen_share(equal, np.inf) == np.inf


@pytest.mark.parametrize("k", [0.2, 0.7])
def test_error_is_the_spread_of_khats(k):
    rng = np.random.default_rng(0)
    khats = [pareto_smoothed(np.log((rng.random(4_000) ** -k - 1) / k + 1))[1] for _ in range(60)]
    assert np.std(khats) == pytest.approx(khat_error(k, 4_000), rel=0.35)
