"""Search and start: Gaussians are found exactly, modes are all found, hopeless densities named."""

import math

import numpy as np
import pytest
import torch

from skflow.variational._gaussian import Gaussian, laplace, moments_of_mixture
from skflow.variational._search import Density, ascend
from skflow.variational._start import find_start
from skflow.variational._target import Target
from tests.variational.densities import COVARIANCE, LOG_NORMALISER, MEAN, gaussian, two_modes


def start(function, d, seed=0, n_starts=96):
    return find_start(Target(function), d, np.random.default_rng(seed), n_starts)


def test_ascents_never_go_down_and_end_at_the_mode():
    density = Density(gaussian)
    starts = np.random.default_rng(0).normal(size=(5, 3))
    ways = ascend(density, starts)
    values = np.array([density.values(points) for points in ways])
    assert (np.diff(values, axis=0) >= 0).all()
    np.testing.assert_array_equal(ways[0], starts)
    assert values[-1].min() > -1e-3


def test_ascents_from_nowhere_stay():
    density = Density(Target(lambda z: z[:, 0].log() - z[:, 0]))
    ways = ascend(density, np.array([[-1.0], [3.0]]))
    assert (ways[:, 0] == -1).all()
    assert ways[-1, 1, 0] == pytest.approx(1, abs=1e-3)


def test_laplace_of_a_gaussian_is_the_gaussian():
    point = MEAN + np.array([30.0, 0.002, 0.2])
    (fit,) = laplace(Density(gaussian), point[None])
    np.testing.assert_allclose(fit.gaussian.root @ fit.gaussian.root.T, COVARIANCE, rtol=1e-5)
    np.testing.assert_allclose(fit.gaussian.mean, MEAN, rtol=1e-4)
    assert fit.concave


def test_laplace_where_there_is_no_curvature():
    assert laplace(Density(lambda z: z.sum(1)), np.zeros((1, 2))) == [None]
    (fit,) = laplace(Density(lambda z: z.square().sum(1)), np.ones((1, 2)))
    assert not fit.concave


def test_start_is_the_gaussian():
    found = start(gaussian, 3)
    assert found.elbo == pytest.approx(LOG_NORMALISER, abs=0.2)
    assert len(found.modes) == 1
    np.testing.assert_allclose(found.modes[0].gaussian.mean, MEAN, rtol=1e-4)
    assert found.modes[0].log_mass == pytest.approx(LOG_NORMALISER, abs=1e-4)


@pytest.mark.parametrize("seed", range(5))
def test_both_modes_are_found_with_their_masses(seed):
    found = start(two_modes, 2, seed)
    assert found.weights == pytest.approx([0.7, 0.3], abs=1e-3)
    assert found.elbo == pytest.approx(2, abs=1e-3)
    means = np.array([g.mean for g in found.gaussians])
    np.testing.assert_allclose(means, [[-4, 0], [4, 0]], atol=1e-2)


def test_moments_of_a_mixture():
    parts = [Gaussian(np.array([0.0, 1.0]), np.diag([1.0, 2.0])), Gaussian(np.ones(2), np.eye(2))]
    whole = moments_of_mixture(parts, np.array([0.25, 0.75]))
    np.testing.assert_allclose(whole.mean, [0.75, 1.0])
    covariance = 0.25 * np.diag([1.0, 4.0]) + 0.75 * np.eye(2)
    covariance[0, 0] += 0.25 * 0.75
    np.testing.assert_allclose(whole.root @ whole.root.T, covariance)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda z: z.sum(1) * torch.nan, "not finite at any of"),
        (lambda z: 0 * z.sum(1) + 3, "is constant"),
        (lambda z: z.detach().sum(1) + (z - z.detach()).sqrt().sum(1), "gradient of"),
    ],
)
def test_hopeless_densities(function, message):
    with pytest.raises(ValueError, match=message):
        start(function, 2, n_starts=9)


@pytest.mark.parametrize("n_starts", [1, 2, 3])
def test_few_starts_see_that_a_symmetric_density_is_not_constant(n_starts):
    found = start(lambda z: -0.5 * z.square().sum(1), 2, n_starts=n_starts)
    assert found.elbo == pytest.approx(math.log(2 * math.pi), abs=1e-6)


def test_modes_beside_an_edge_are_kept_together():
    def cut(z):
        return torch.where(z[:, 0].abs() < 6, two_modes(z), -torch.inf)

    found = start(cut, 2)
    assert found.weights == pytest.approx([0.7, 0.3], abs=1e-3)
    assert found.elbo == pytest.approx(2, abs=0.1)


@pytest.mark.parametrize("seed", range(4))
def test_start_of_a_hierarchy_is_in_its_mass_and_not_in_its_spike(seed):
    """Six effects of unknown deviation e^t: the density grows without bound as t falls."""

    def hierarchy(z):
        t, effects = z[:, 0], z[:, 1:]
        y = torch.linspace(-3, 3, 6, dtype=z.dtype)
        prior = -0.5 * effects.square().sum(1) * (-2 * t).exp() - 6 * t + t
        return prior - 0.5 * ((y - effects) / 2).square().sum(1) - (2 * t).exp() / 50

    best = start(hierarchy, 7, seed).best
    assert -1.5 < best.mean[0] < 2.5
