"""Columns with declared bounds to normal scores: every power at a bound within reach."""

import math

import numpy as np
import pytest
import torch
from scipy import stats

from skflow.bijections import BoundedToNormal
from skflow.members import select_member, stack_members

INF = math.inf
BOTH, LOW, HIGH = (0.0, 1.0), (0.0, INF), (-INF, 0.0)


def column(*values):
    return torch.tensor(values, dtype=torch.float64).unsqueeze(-1)


def rows_of(distribution, n=2000, seed=0):
    return column(*distribution.rvs(n, random_state=np.random.default_rng(seed)))


def fitted(x, bounds, **weight):
    return BoundedToNormal.from_data(x, [bounds[0]], [bounds[1]], **weight)


def log_density(bounded, x):
    """Log density before a standard normal."""
    z, log_det = bounded(x)
    return (log_det - 0.5 * z[:, 0].square() - 0.5 * math.log(2 * math.pi)).numpy()


# at three distances from the lower bound, nats that a density may be off by
NEAR = column(1e-9, 1e-6, 1e-3)
ALLOWED = np.array([2.3, 1.6, 0.7])
SHAPES = {
    "uniform": (stats.uniform(), BOTH),
    "arcsine": (stats.beta(0.5, 0.5), BOTH),
    "rising": (stats.beta(0.3, 5), BOTH),
    "falling": (stats.beta(2, 1), BOTH),
    "flat below": (stats.beta(1, 3), BOTH),
    "a bell": (stats.beta(2, 2), BOTH),
    "exponential": (stats.expon(), LOW),
    "half a normal": (stats.halfnorm(), LOW),
    "gamma": (stats.gamma(0.5), LOW),
    "Pareto's": (stats.lomax(1.5), LOW),
}


@pytest.mark.parametrize("name", SHAPES)
def test_densities_at_a_bound(name):
    distribution, bounds = SHAPES[name]
    bounded = fitted(rows_of(distribution), bounds)
    wrong = log_density(bounded, NEAR) - distribution.logpdf(NEAR[:, 0])
    assert (np.abs(wrong) < ALLOWED).all(), wrong


@pytest.mark.parametrize("name", SHAPES)
def test_upper_bounds_are_lower_ones_in_a_mirror(name):
    distribution, bounds = SHAPES[name]
    x = rows_of(distribution, 300)
    ours, mirrored = fitted(x, bounds), fitted(-x, (-bounds[1], -bounds[0]))
    torch.testing.assert_close(mirrored(-x)[0], -ours(x)[0], atol=1e-3, rtol=1e-3)


def test_before_any_rows_two_bounds_mean_a_uniform():
    bounded = BoundedToNormal([2.0], [6.0])
    x = column(2 + 1e-12, 2.5, 4.0, 5.999)
    np.testing.assert_allclose(log_density(bounded, x), -math.log(4), rtol=1e-12)
    np.testing.assert_allclose(bounded(x)[0], stats.norm.ppf((x - 2) / 4), rtol=1e-3)


@pytest.mark.parametrize("name", SHAPES)
def test_mass_between_the_last_floats(name):
    distribution, bounds = SHAPES[name]
    bounded = fitted(rows_of(distribution, 300), bounds)
    ends = [math.nextafter(0.0, 1.0)]
    ends.append(math.nextafter(1.0, 0.0) if bounds is BOTH else np.finfo(float).max)
    z, _ = bounded(column(*ends))
    assert stats.norm.cdf(z[0]) + stats.norm.sf(z[1]) < 2e-4


@pytest.mark.parametrize("bounds", [BOTH, LOW, HIGH], ids=str)
def test_round_trips_to_the_last_float(bounds):
    x = rows_of(stats.beta(0.7, 3), 500)
    sign = -1 if bounds is HIGH else 1
    bounded = fitted(sign * x, bounds)
    far = sign * column(5e-324, 1e-310, 1e-100, 1e-16, 0.3, 1 - 1e-16 if bounds is BOTH else 1e300)
    z, log_det = bounded(far)
    back, back_log_det = bounded.inverse(z)
    assert (z.diff(dim=0) * sign > 0).all()
    torch.testing.assert_close(back, far, atol=5e-324, rtol=1e-11)
    torch.testing.assert_close(log_det, -back_log_det, atol=1e-9, rtol=1e-11)


def test_narrow_columns_far_from_their_bound_keep_their_digits():
    rng = np.random.default_rng(0)
    x = column(*(1e9 + rng.integers(-100, 100, size=500) / 64))
    bounded = fitted(x, LOW)
    z, _ = bounded(x)
    assert 0.8 < float(z.std()) < 1.2
    torch.testing.assert_close(bounded.inverse(z)[0], x, atol=0, rtol=3e-16)


@pytest.mark.parametrize("z", [-INF, -1e300, -40.0, 0.0, 40.0, 1e300, INF])
@pytest.mark.parametrize(
    ("low", "high"),
    [(0.0, INF), (1e9, INF), (-INF, 0.0), (-INF, -1e300), (0.0, 1.0), (-1e9, 1e9)]
    + [(1.0, 1 + 1e-15), (-1e-300, 1e300), (1e308, INF), (1.79e308, INF)],
)
def test_inverse_never_leaves_the_open_support(low, high, z):
    bounded = BoundedToNormal([low], [high])
    x, log_det = bounded.inverse(column(z))
    assert low < float(x) < high
    forward, forward_log_det = bounded(x)
    assert forward.isfinite().all()
    assert forward_log_det.isfinite().all()
    assert log_det.isfinite().all()


def test_values_beyond_the_bounds_have_density_zero():
    bounded = BoundedToNormal([0.0, -INF], [1.0, INF])
    x = torch.tensor([[-0.1, 0], [0, 0], [1, 0], [7, 0], [0.5, 9]], dtype=torch.float64)
    x.requires_grad_()
    z, log_det = bounded(x)
    assert z.isfinite().all()
    assert z[:, 1].tolist() == [0, 0, 0, 0, 9]
    assert log_det[:4].tolist() == [-INF] * 4
    assert log_det[4].isfinite()
    z.sum().backward()
    assert x.grad.isfinite().all()


def test_missing_values_stay_visible():
    z, log_det = BoundedToNormal([0.0], [1.0])(column(math.nan))
    assert z.isnan().all()
    assert log_det.isnan().all()


ODD = {
    "two rows": [0.2, 0.7],
    "one value": [0.25] * 20,
    "one row apart": [0.25] * 20 + [0.5],
    "two values": [0.25, 0.5] * 10,
    "tiny": [1e-300, 3e-300, 2e-300],
    "subnormal": [5e-324, 1e-323, 0.5],
    "every size": [1e-300, 1e-100, 1e-5, 0.5],
}


@pytest.mark.parametrize("bounds", [BOTH, LOW, (-1e300, 1e300)], ids=str)
@pytest.mark.parametrize("name", ODD)
def test_odd_columns(name, bounds):
    x = column(*ODD[name])
    bounded = fitted(x, bounds)
    at = column(*ODD[name], 5e-324, 0.9)
    z, log_det = bounded(at)
    assert z.isfinite().all()
    assert log_det.isfinite().all()
    assert (z.diff(dim=0)[at.diff(dim=0) > 0] >= 0).all()


@pytest.mark.parametrize("size", [1e-300, 1e300])
def test_columns_of_any_size(size):
    x = rows_of(stats.gamma(2), 200)
    torch.testing.assert_close(
        fitted(x * size, LOW)(x * size)[0], fitted(x, LOW)(x)[0], atol=1e-4, rtol=1e-4
    )


def test_members_are_fitted_on_their_own():
    x = torch.stack([rows_of(stats.beta(a, 2), 200).expand(-1, 2) for a in (0.5, 3.0)])
    weight = torch.ones(2, 200, dtype=torch.float64)
    weight[1, 100:] = 0
    x[1, 100:] = math.nan
    bounds = [0.0, -INF], [1.0, INF]
    together = BoundedToNormal.from_data(x, *bounds, weight)
    alone = [BoundedToNormal.from_data(x[k, : 200 - 100 * k], *bounds) for k in range(2)]
    for k in range(2):
        at = x[0]
        z = select_member(together, k)(at)[0]
        torch.testing.assert_close(z, alone[k](at)[0], atol=1e-6, rtol=1e-6)
    both = x[:1].expand(2, -1, -1)
    torch.testing.assert_close(
        stack_members(alone)(both)[0], together(both)[0], atol=1e-6, rtol=1e-6
    )


def upper_exponent(bounded):
    """Tail index of the end without a bound above a lower one."""
    return float((bounded.log_b + bounded.log_stretch + bounded.log_bend_high).exp())


def clumps(width, n=60):
    rng = np.random.default_rng(1)
    return column(*(rng.choice([0.6, 1.6], n) + width * rng.normal(size=n)))


@pytest.mark.parametrize("width", [1e-2, 1e-4, 1e-6])
@pytest.mark.parametrize("sign", [1, -1])
def test_two_clumps_have_a_light_tail_where_there_is_no_bound(width, sign):
    # the likeliest shape of two clumps has a tail index of 1.5 and draws 1,000 ranges out
    x = sign * clumps(width)
    bounded = fitted(x, LOW if sign > 0 else HIGH)
    z = bounded(x)[0]
    far = z.mean() + sign * 4 * z.std()
    reach = float((bounded.inverse(far.view(1, 1))[0] - x.mean()).abs())
    assert reach < 10 * float(x.max() - x.min())


@pytest.mark.parametrize("index", [1.0, 1.5, 3.0])
def test_a_heavy_tail_stays_as_heavy_as_it_is(index):
    bounded = fitted(rows_of(stats.pareto(index)), (1.0, INF))
    assert upper_exponent(bounded) == pytest.approx(index, rel=0.25)
