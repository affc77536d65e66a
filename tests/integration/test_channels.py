"""Channels are normalised densities on the cube, and draw what they say."""

import numpy as np
import pytest
from scipy.stats import qmc

from skflow.integration._channels import Channels, Flat
from skflow.integration._copula import CopulaNormals
from skflow.integration._domain import Domain
from skflow.integration._separable import SeparableMap
from skflow.integration._truncated import TruncatedNormals
from skflow.integration._verdict import agreement
from skflow.sampling import NormalMixture

MEANS = np.array([[0.2, 0.3], [0.9, 1.1]])
AXIS = (np.arange(500) + 0.5) / 500
GRID = np.stack(np.meshgrid(AXIS, AXIS), axis=-1).reshape(-1, 2)
ROOTS = np.array([[[0.1, 0.0], [0.12, 0.05]], [[0.3, 0.0], [-0.2, 0.2]]])
MIXTURE = NormalMixture(np.array([0.3, 0.7]), MEANS, ROOTS)


def _peaked():
    u = np.random.default_rng(0).uniform(size=(5_000, 2))
    log_value = -0.5 * (((u - [0.3, 0.8]) / 0.1) ** 2).sum(axis=1)
    return SeparableMap.fitted(u, log_value, np.zeros(len(u)))


CHANNELS = {
    "flat": Flat(),
    "separable": _peaked(),
    "truncated": TruncatedNormals.of(MIXTURE),
    "copula": CopulaNormals(_peaked(), NormalMixture(np.array([0.5, 0.5]), MEANS, 2.5 * ROOTS)),
}


def points(n=2**13):
    return qmc.Sobol(3, rng=0).random(n) + 2.0**-31


@pytest.mark.parametrize("name", CHANNELS)
class TestChannel:
    def test_draws_have_the_density_that_it_says(self, name):
        channel, v = CHANNELS[name], points()
        u = channel.draw(v[:, 1:], v[:, 0])
        assert ((u >= 0) & (u <= 1)).all()
        share = np.exp(channel.log_density(GRID)) / len(GRID)
        np.testing.assert_allclose(u.mean(axis=0), share @ GRID, atol=0.005)
        np.testing.assert_allclose(u.T @ u / len(u), (share * GRID.T) @ GRID, atol=0.005)

    def test_density_integrates_to_one(self, name):
        assert np.exp(CHANNELS[name].log_density(GRID)).mean() == pytest.approx(1, abs=0.01)


def test_far_truncation_stays_finite():
    far = TruncatedNormals(np.ones(1), np.array([[9.0, -7.0]]), 0.05 * np.eye(2)[None])
    u = far.draw(points(64)[:, 1:], points(64)[:, 0])
    assert ((u >= 0) & (u <= 1)).all()
    assert np.isfinite(far.log_density(u)).all()
    assert u[:, 0].min() > 0.95
    assert u[:, 1].max() < 0.05


def test_mixture_draws_each_channel_by_its_share():
    mixed = Channels(
        {name: CHANNELS[name] for name in ("flat", "separable")}, np.array([0.25, 0.75])
    )
    v = points()
    u = mixed.draw(v)
    inside = (np.abs(u[:, 0] - 0.3) < 0.1).mean()
    assert inside == pytest.approx(0.25 * 0.2 + 0.75 * 0.683, abs=0.02)
    assert np.exp(-mixed.log_density(u)).mean() == pytest.approx(1, abs=0.05)


def test_best_shares_are_those_of_the_function():
    flat = Channels({"flat": Flat(), "separable": CHANNELS["separable"]}, np.array([0.5, 0.5]))
    u = flat.draw(points())
    value = 0.2 + 0.8 * np.exp(CHANNELS["separable"].log_density(u))
    best = flat.with_best_shares(u, np.log(value), flat.log_density(u))
    np.testing.assert_allclose(best.shares, [0.2, 0.8], atol=0.02)
    only = flat.with_best_shares(u, CHANNELS["separable"].log_density(u), flat.log_density(u))
    np.testing.assert_allclose(only.shares, [0.01, 0.99], atol=0.01)


def test_a_map_stays_as_it_is_where_rows_say_nothing():
    rng = np.random.default_rng(0)
    u = rng.uniform(size=(2_000, 3))
    noise = rng.normal(size=2_000)
    fit = SeparableMap.fitted(u, noise, np.zeros(2_000))
    np.testing.assert_allclose(fit.knots, SeparableMap.uniform(3).knots, atol=0.02)


def test_a_map_ends_softly_where_the_function_ends():
    u = np.random.default_rng(0).uniform(size=(4_000, 1))
    with np.errstate(divide="ignore"):
        log_value = np.log((u[:, 0] < 0.4).astype(float))
    fit = SeparableMap.fitted(u, log_value, np.zeros(4_000))
    at = np.array([[0.2], [0.3995], [0.9]])
    inside, edge, outside = np.exp(fit.log_density(at))
    assert inside == pytest.approx(2.5, rel=0.1)
    assert edge > inside / 3
    assert outside < 0.1


@pytest.mark.parametrize(
    ("low", "high"), [(2.0, 5.0), (1.0, np.inf), (-np.inf, -1.0), (-np.inf, np.inf)]
)
def test_domain_is_the_image_of_the_cube(low, high):
    domain = Domain(np.array([low]), np.array([high]))
    u = np.linspace(0.01, 0.99, 99)[:, None]
    x, log_slope = domain.rows(u)
    assert ((x > low) & (x < high)).all()
    step = 1e-6
    slope = (domain.rows(u + step)[0] - domain.rows(u - step)[0])[:, 0] / (2 * step)
    np.testing.assert_allclose(np.exp(log_slope), slope, rtol=1e-6)


class Rounds:
    """What is compared, without the rest."""

    def __init__(self, estimates, error=0.01):
        self.history = [
            {"power": 1, "efficiency": 0.5, "estimate": np.array([e]), "error": np.array([error])}
            for e in estimates
        ]


def test_rounds_that_disagree_are_told():
    agree = Rounds(1 + 0.01 * np.random.default_rng(0).normal(size=8))
    square, dof, p_value = agreement(agree)
    assert dof == 7
    assert square < 20
    assert p_value > 0.01
    assert agreement(Rounds([1.0, 1.01, 0.99, 1.0, 1.3]))[2] < 1e-4
    assert np.isnan(agreement(Rounds([1.0]))[2])
