"""The targets of the gallery: exact densities, draws that agree with them, right floors."""

import math

import numpy as np
import pytest
from scipy.integrate import quad

from examples._targets import TARGETS, NoisyCurves

N_DRAWS = 20_000
BY_NAME = {target.name: target for target in TARGETS}
each_target = pytest.mark.parametrize("target", TARGETS, ids=BY_NAME)


def draws(target, n=N_DRAWS):
    return target.draw(n, np.random.default_rng(0))


@each_target
def test_density_integrates_to_one(target):
    points, area = target.quadrature()
    assert np.exp(target.log_density(points)).sum() * area == pytest.approx(1, abs=1e-5)


@each_target
def test_floor_by_quadrature_is_the_floor_by_monte_carlo(target):
    log_density = target.log_density(draws(target))
    error = log_density.std() / math.sqrt(N_DRAWS)
    assert error < 0.015
    assert -log_density.mean() == pytest.approx(target.entropy(), abs=4 * error + 1e-9)


@each_target
def test_quadrature_has_converged(target):
    points, area = target.quadrature(264)
    log_p = target.log_density(points)
    inside = np.isfinite(log_p)
    entropy = -area * np.sum(np.exp(log_p[inside]) * log_p[inside])
    assert entropy == pytest.approx(target.entropy(), abs=1e-5)


@pytest.mark.parametrize(
    ("name", "entropy"),
    [
        ("checkerboard", math.log(32)),
        ("banana", 1 + math.log(2 * math.pi * 1.3 * 0.4)),
        # so far apart that it is the choice of a mode, then one mode
        ("two far modes", math.log(2) + 1 + math.log(2 * math.pi * 0.4**2)),
    ],
)
def test_floor_in_closed_form(name, entropy):
    assert BY_NAME[name].entropy() == pytest.approx(entropy, abs=1e-5)


@each_target
def test_draws_fall_where_the_density_says(target):
    """Counts in the 8 x 8 squares of the picture against the integral of the density over them."""
    n, cells = 8, 16
    edges = np.linspace(-4, 4, n + 1)
    step = 8 / (n * cells)
    middle = np.arange(n * cells) * step + step / 2 - 4
    points = np.stack(np.meshgrid(middle, middle), axis=-1).reshape(-1, 2)
    density = np.exp(target.log_density(points)).reshape(n, cells, n, cells)
    expected = density.sum(axis=(1, 3)) * step**2 * N_DRAWS
    x, y = draws(target).T
    counts = np.histogram2d(y, x, bins=(edges, edges))[0]
    # five standard deviations of each count, one more draw where none is expected
    assert np.all(np.abs(counts - expected) <= 5 * np.sqrt(expected) + 1)


@each_target
def test_draws_stay_within_reach_and_in_the_picture(target):
    x = np.abs(draws(target)).max(axis=1)
    assert x.max() < target.reach
    assert np.mean(x < 4.4) > 0.98


@each_target
def test_points_far_away_have_a_finite_density_or_none(target):
    far = target.log_density(np.array([[30.0, -40.0], [0.0, 1e4]]))
    assert np.all(far < -100)
    assert not np.isnan(far).any()


@pytest.mark.parametrize("target", [t for t in TARGETS if isinstance(t, NoisyCurves)])
def test_noisy_curves_against_adaptive_quadrature(target):
    points = draws(target, 5)
    for point, log_density in zip(points, target.log_density(points), strict=True):

        def gaussian(u, curve, point=point):
            distance = np.sum((curve(np.array(u)) - point) ** 2)
            return np.exp(-distance / (2 * target.noise**2)) / (2 * np.pi * target.noise**2)

        parts = [
            quad(gaussian, 0, 1, args=(curve,), limit=500, points=np.linspace(0, 1, 41))[0]
            for curve in target.curves
        ]
        assert log_density == pytest.approx(np.log(np.mean(parts)), abs=1e-7)
