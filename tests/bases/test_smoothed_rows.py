"""Kernels before a Gaussian background: the sum written out, its moments, its tails, its fit."""

import math

import numpy as np
import pytest
import torch
from scipy import stats

from skflow._random import seeded
from skflow.bases import KernelMixture, _leave_one_out


def rows(n=60, d=2, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, d, generator=generator, dtype=torch.float64)


def fitted(z, *settings, weight=None):
    base = KernelMixture(z.shape[1], *settings).double()
    base.initialize(z, weight)
    return base


def gaussians(base):
    """Weights, means and covariances of the kernels and, last, of the background."""
    v = base.directions.numpy()
    precisions = 1 / base.sizes.numpy()[:, None] ** 2 + 1 / base.variances.numpy()
    covariances = [(v / p) @ v.T for p in precisions] + [(v * base.variances.numpy()) @ v.T]
    means = np.vstack([base.points.numpy(), np.zeros(v.shape[0])]) @ v.T + base.mean.numpy()
    weights = np.append(base.log_weights.exp().numpy(), base.log_background.exp())
    return weights, means, covariances


@pytest.mark.parametrize("n_neighbors", [None, 5])
@pytest.mark.parametrize("bandwidth", ["full", "diagonal", "scalar"])
def test_is_the_sum_of_its_gaussians(bandwidth, n_neighbors):
    z, at = rows(30, 3), 2 * rows(20, 3, seed=1)
    weight = torch.rand(30, generator=torch.Generator().manual_seed(2), dtype=torch.float64) + 0.1
    base = fitted(z, bandwidth, n_neighbors, weight=weight)
    weights, means, covariances = gaussians(base)
    assert weights.sum() == pytest.approx(1)
    density = sum(
        w * stats.multivariate_normal(m, c).pdf(at)
        for w, m, c in zip(weights, means, covariances, strict=True)
    )
    np.testing.assert_allclose(base.log_prob(at), np.log(density), rtol=1e-9)


@pytest.mark.parametrize("n", [30, 400])
def test_has_the_covariance_of_the_table(n):
    z = rows(n, 2) @ torch.tensor([[1.0, 0.7], [0.0, 0.3]], dtype=torch.float64)
    weights, means, covariances = gaussians(fitted(z))
    mean = weights @ means
    centred = means - mean
    covariance = np.einsum("k,kij->ij", weights, np.array(covariances))
    covariance += (weights[:, None] * centred).T @ centred
    own = np.cov(z.numpy().T, bias=True)
    np.testing.assert_allclose(covariance, own, atol=0.1 * own.max())
    np.testing.assert_allclose(mean, z.mean(0), atol=0.1)


def test_no_kernel_is_wider_than_the_table():
    z = torch.cat([rows(200, 2), torch.tensor([[40.0, 0.0]]).double()])
    _, _, covariances = gaussians(fitted(z))
    own = covariances[-1]
    for covariance in covariances[:-1]:
        assert np.linalg.eigvals(np.linalg.solve(own, covariance)).real.max() < 1 + 1e-9


def test_far_tails_are_those_of_the_background():
    base = fitted(rows(2_000, 1))
    far = torch.linspace(5, 7, 9, dtype=torch.float64).unsqueeze(-1)
    expected = stats.norm.logpdf(far.squeeze(-1))
    share = base.log_background.item()
    assert share > np.log(0.02)
    # the deviation is known to 2 %, which is 1 nat at 7
    assert np.abs(base.log_prob(far).numpy() - share - expected).max() < 1.2


def test_noise_in_many_columns_is_left_to_a_shrunk_gaussian():
    z, new = rows(30, 20), rows(2_000, 20, seed=1)
    base = fitted(z)
    truth = stats.norm.logpdf(new.numpy()).sum(1).mean()
    assert truth - base.log_prob(new).mean() < 3


def test_two_narrow_modes():
    z = torch.cat([1e-6 * rows(100, 1), 1 + 1e-6 * rows(100, 1, seed=1)])
    new = 1e-6 * rows(1_000, 1, seed=2)
    truth = np.log(0.5 * stats.norm.pdf(new.numpy(), scale=1e-6)).mean()
    assert truth - fitted(z).log_prob(new).mean() < 0.2


def test_leave_one_out_of_the_background_is_that_of_fits_without_each_row():
    z = rows(25, 3)
    weight = torch.rand(25, generator=torch.Generator().manual_seed(0), dtype=torch.float64) + 0.1
    weight = weight / weight.sum()
    x = z - weight @ z
    root = torch.linalg.cholesky((x * weight.unsqueeze(-1)).mT @ x)
    beside = _leave_one_out._beside(x, weight, root, 1.0)
    for i in range(len(z)):
        rest = np.arange(len(z)) != i
        share = weight[rest].numpy()
        mean = np.average(z[rest], axis=0, weights=share)
        covariance = np.cov(z[rest].numpy().T, aweights=share, bias=True)
        expected = stats.multivariate_normal(mean, covariance).logpdf(z[i])
        assert beside[i].item() == pytest.approx(expected)


def test_steps_raise_the_likelihood_and_end_where_it_is_largest():
    z = rows(150, 2) ** 3
    z = (z - z.mean(0)) / z.std(0)
    weight = torch.full((150,), 1 / 150, dtype=torch.float64)
    mean, covariance, beside = _leave_one_out.likeliest_gaussian(z, weight)
    table = _leave_one_out._Table(z - mean, weight, beside, covariance, 0.0)
    kernels = _leave_one_out._Kernels(0.5 * covariance, 0.1)
    sizes, everyone, likelihoods = torch.ones_like(weight), torch.arange(150), []
    for _ in range(40):
        kernels, likelihood = _leave_one_out._step(kernels, table, sizes, everyone, table)
        likelihoods.append(likelihood)
    assert likelihoods[-1] > likelihoods[0] + 0.1
    assert max(likelihoods) - likelihoods[-1] < 0.02
    assert abs(likelihoods[-1] - likelihoods[-2]) < 1e-3


def test_draws_have_the_density():
    base = fitted(rows(300, 1) ** 3)
    with seeded(0):
        draws = base.sample(20_000)
    at = torch.linspace(-30, 30, 60_001, dtype=torch.float64)
    density = base.log_prob(at.unsqueeze(-1)).exp()
    below = density.cumsum(0) * (at[1] - at[0])
    expected = torch.searchsorted(at, draws.squeeze(-1)).clamp(max=60_000)
    assert stats.kstest(below[expected].numpy(), "uniform").statistic < 0.02


def test_a_weight_of_two_is_a_row_twice():
    z = rows(40, 2)
    weight = torch.ones(40, dtype=torch.float64)
    weight[:5] = 2
    heavy = fitted(z, "full", None, weight=weight)
    assert heavy.log_weights[:5].exp().mean() == pytest.approx(
        2 * heavy.log_weights[5:].exp().mean().item()
    )


@pytest.mark.parametrize("n", [2, 3, 8])
def test_few_rows(n):
    base = fitted(rows(n, 3))
    score = base.log_prob(rows(10, 3, seed=1))
    assert score.isfinite().all()
    assert math.isfinite(base.sample(5).sum())
