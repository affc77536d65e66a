import numpy as np
import pytest
import torch
from scipy import stats

from skflow._random import seeded
from skflow.bases import Harmonic

SPRINGS = {"all": None, "chain": ((0, 1), (1, 2), (2, 3)), "star": ((0, 1), (0, 2), (0, 3))}


def base(springs):
    return Harmonic(4, 2, SPRINGS[springs]).double()


@pytest.mark.parametrize("springs", SPRINGS)
def test_log_prob_is_that_of_the_normal_of_the_springs(springs):
    n, k = 4, 2
    laplacian = np.zeros((n, n))
    for i, j in SPRINGS[springs] or zip(*np.triu_indices(n, 1), strict=True):
        laplacian[[i, j], [j, i]] = -1
    laplacian -= np.diag(laplacian.sum(axis=0))
    covariance = np.linalg.pinv(laplacian)
    covariance *= (n - 1) / np.trace(covariance)
    whole = np.kron(covariance, np.eye(k))
    z = base(springs).sample(6)
    expected = stats.multivariate_normal(np.zeros(n * k), whole, allow_singular=True)
    np.testing.assert_allclose(base(springs).log_prob(z).numpy(), expected.logpdf(z.numpy()))


@pytest.mark.parametrize("springs", SPRINGS)
def test_draws_have_no_centre_and_the_variance_of_normal_ones(springs):
    with seeded(0):
        z = base(springs).sample(20_000).unflatten(-1, (4, 2))
    torch.testing.assert_close(z.mean(dim=-2), torch.zeros_like(z[:, 0]))
    assert float(z.square().mean()) == pytest.approx(1 - 1 / 4, abs=0.01)


@pytest.mark.parametrize("springs", SPRINGS)
def test_normal_scores_are_the_seeds(springs):
    harmonic = base(springs)
    seeds = harmonic.draw_seeds(5)
    assert seeds.shape == (5, 6)
    z, log_share = harmonic.from_seeds(seeds)
    torch.testing.assert_close(harmonic.normal_scores(z), seeds)
    assert not log_share.any()


def test_the_centre_does_not_count():
    z = base("chain").sample(3)
    torch.testing.assert_close(base("chain").log_prob(z + 2.5), base("chain").log_prob(z))
