"""Log-odds of the Beta distribution function, and densities of log-odds fitted by likelihood."""

import math

import numpy as np
import pytest
import torch
from scipy import integrate, stats

from skflow.numerics import LogBeta, bent_ends, beta_logit, fit_log_beta

EXPONENTS = [(1.0, 1.0), (0.5, 0.5), (2.0, 3.0), (0.05, 50.0), (50.0, 0.05), (50.0, 50.0)]


def tensor(*numbers):
    return torch.tensor(numbers, dtype=torch.float64)


@pytest.mark.parametrize(("a", "b"), EXPONENTS)
def test_beta_logit_is_scipy_s(a, b):
    y = torch.linspace(-8, 8, 41, dtype=torch.float64) + math.log(a / b)
    logit, log_slope = beta_logit(y, tensor(a), tensor(b))
    u = torch.sigmoid(y).numpy()
    beta = stats.beta(a, b)
    known = (beta.cdf(u) > 1e-290) & (beta.sf(u) > 1e-290) & (u < 1 - 1e-6)
    expected = beta.logcdf(u) - beta.logsf(u)
    np.testing.assert_allclose(logit[known], expected[known], rtol=1e-8, atol=1e-9)
    density = beta.logpdf(u) + np.log(u) + np.log1p(-u)
    slope = density - beta.logcdf(u) - beta.logsf(u)
    np.testing.assert_allclose(log_slope[known], slope[known], rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize(("a", "b"), EXPONENTS)
def test_beta_logit_far_out_is_a_line(a, b):
    y = tensor(-1e100, -700.0, 700.0, 1e100)
    logit, log_slope = beta_logit(y, tensor(a), tensor(b))
    constant = math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
    low, high = a * -700 - constant - math.log(a), b * 700 + constant + math.log(b)
    np.testing.assert_allclose(logit[1:3], [low, high], rtol=1e-12)
    np.testing.assert_allclose(logit[[0, 3]], [-a * 1e100, b * 1e100], rtol=1e-12)
    np.testing.assert_allclose(log_slope.exp(), [a, a, b, b], rtol=1e-9)


@pytest.mark.parametrize(("a", "b"), EXPONENTS)
def test_gradients_of_beta_logit(a, b):
    y = tensor(-30.0, -3.0, -0.2, 0.0, 0.4, 5.0, 40.0).requires_grad_()
    assert torch.autograd.gradcheck(
        lambda y: beta_logit(y, tensor(a), tensor(b)), (y,), eps=1e-5, atol=1e-5, rtol=1e-4
    )


def test_bent_ends():
    t = torch.linspace(-20, 20, 401, dtype=torch.float64).requires_grad_()
    bent, slope = bent_ends(t, *tensor(3.0, 0.2, -2.0, 1.0))
    (derivative,) = torch.autograd.grad(bent.sum(), t)
    torch.testing.assert_close(slope, derivative)
    assert slope.min() > 0.2 - 1e-12
    np.testing.assert_allclose(slope[[0, -1]].detach(), [3.0, 0.2], rtol=1e-12)


def fit(t, anchor=0.0, weight=None):
    """Fit to one column."""
    t = torch.as_tensor(np.asarray(t))[None]
    weight = torch.ones_like(t) if weight is None else torch.as_tensor(weight)[None].double()
    return LogBeta(*(float(number) for number in fit_log_beta(t, weight, tensor(anchor))))


def log_odds(u):
    return np.log(u) - np.log1p(-u)


def beta_rows(a, b, n=2000):
    return log_odds(np.random.default_rng(0).beta(a, b, n))


def test_a_uniform_needs_no_numbers():
    assert fit(beta_rows(1, 1))[:6] == (0.0,) * 6


@pytest.mark.parametrize(("a", "b"), [(0.5, 0.5), (0.3, 5), (1, 3), (2, 5), (20, 30)])
def test_exponents_of_a_beta(a, b):
    found = fit(beta_rows(a, b))
    assert found.log_stretch == found.log_bend_low == found.log_bend_high == 0
    assert found.log_a == pytest.approx(math.log(a), abs=0.12)
    assert found.log_b == pytest.approx(math.log(b), abs=0.12)


def test_narrow_columns_are_stretched():
    found = fit(3 + 1e-6 * np.random.default_rng(0).normal(size=500))
    assert found.loc == pytest.approx(3, abs=3e-6)
    assert found.log_stretch > math.log(1e5)


def test_ends_of_two_modes_bend():
    rng = np.random.default_rng(0)
    u = np.r_[rng.beta(2, 30, 1000), rng.beta(30, 2, 1000)]
    found = fit(log_odds(u))
    assert found.log_a + found.log_bend_low == pytest.approx(math.log(2), abs=0.1)
    assert found.log_b + found.log_bend_high == pytest.approx(math.log(2), abs=0.1)


@pytest.mark.parametrize("anchor", [0.0, math.nan])
@pytest.mark.parametrize("t", [[1.0, 2.0], [0.0] * 5, [3.0] * 9 + [4.0], [-700.0, 700.0]], ids=str)
def test_fits_to_odd_rows_are_finite(t, anchor):
    assert np.isfinite(fit(t, anchor)).all()


def test_fitted_density_integrates_to_one():
    found = fit(beta_rows(0.7, 4) * 1.5)
    numbers = tensor(*found)
    a, b = numbers[2:4].exp()

    def density(t):
        ends = numbers[4:6].exp()
        bent, slope = bent_ends(tensor(t), *ends, *numbers[6:])
        logit, log_slope = beta_logit(numbers[1].exp() * (bent - numbers[0]), a, b)
        log_mass = torch.nn.functional.logsigmoid(logit) + torch.nn.functional.logsigmoid(-logit)
        return float((log_slope + log_mass + slope.log() + numbers[1]).exp())

    assert integrate.quad(density, -200, 200, limit=400, points=[-3.0, 3.0])[0] == pytest.approx(1)


def test_weights_are_repetitions_and_order_does_not_matter():
    t = beta_rows(2, 3, 40)
    weight = np.r_[np.zeros(10), np.full(30, 2.0)]
    unused = np.r_[np.full(10, np.nan), t[10:]]
    shuffled = np.random.default_rng(1).permutation(40)
    expected = fit(t[10:])
    np.testing.assert_allclose(fit(unused, 0.0, weight), expected, rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(
        fit(unused[shuffled], 0.0, weight[shuffled]), fit(unused, 0.0, weight)
    )


def test_many_columns_are_fitted_one_by_one():
    rows = torch.from_numpy(np.stack([beta_rows(a, 2, 300) for a in np.linspace(0.3, 5, 40)]))
    together = fit_log_beta(rows, torch.ones_like(rows), torch.zeros(40).double())
    alone = [fit(row) for row in rows]
    np.testing.assert_allclose(torch.stack(together).mT, alone, rtol=1e-3, atol=1e-3)


def test_ends_fall_as_fast_as_they_have_to():
    # two clumps, whose likeliest shape has a heavy tail
    rng = np.random.default_rng(1)
    t = np.log(rng.choice([0.6, 1.6], 60) + 1e-2 * rng.normal(size=60))
    rows = torch.as_tensor(t - np.median(t))[None]
    weight = torch.ones_like(rows)
    exponents = []
    for least in (0.0, 14.0):
        found = LogBeta(*fit_log_beta(rows, weight, tensor(math.nan), tensor(0.0, least)[None]))
        exponents.append(float((found.log_b + found.log_stretch + found.log_bend_high).exp()))
    assert exponents[0] < 3
    assert exponents[1] == pytest.approx(14, rel=0.05)
