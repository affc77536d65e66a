"""The mixture base against scikit-learn, its start by EM, and the choice of its settings."""

import dataclasses
import math
import pickle

import numpy as np
import pytest
import torch
from sklearn import mixture

from skflow.bases import GaussianMixture, choose_mixture
from skflow.bases._em import equal_rows, fit_mixture
from skflow.members import stack_members


def clusters(n=300, d=3, seed=0):
    rng = np.random.default_rng(seed)
    centres = 2 * rng.normal(size=(3, d))
    mix = np.eye(d) + 0.5 * rng.normal(size=(d, d))
    return centres[rng.integers(3, size=n)] + 0.5 * rng.normal(size=(n, d)) @ mix


@pytest.mark.filterwarnings("ignore:Best performing initialization did not converge")
@pytest.mark.parametrize("kind", ["full", "diag", "tied"])
def test_starts_as_scikit_learns_mixture(kind):
    x = clusters()
    far = np.concatenate([x, 10 * x, -1e4 * x])
    settings = {"covariance_type": kind, "reg_covar": 1e-3}
    base = GaussianMixture(3, 3, **settings).double()
    base.initialize(torch.as_tensor(x))
    # of three starts the one goes on that is the best after a few iterations
    first, *_ = sorted(
        (
            mixture.GaussianMixture(3, max_iter=10, random_state=seed, **settings).fit(x)
            for seed in range(3)
        ),
        key=lambda peer: -peer.lower_bound_,
    )
    peer = first.set_params(max_iter=90, warm_start=True).fit(x)
    ours = base.log_prob(torch.as_tensor(far)).detach()
    np.testing.assert_allclose(ours, peer.score_samples(far), rtol=1e-12, atol=1e-8)


def test_of_several_starts_none_ends_across_two_clusters():
    rng = np.random.default_rng(0)
    centres = np.array([[0, 0], [0, 8], [8, 0], [8, 8], [40, 40]])
    x = centres[rng.integers(5, size=500)] + rng.normal(size=(500, 2))
    for seed in range(5):
        _, means, _ = fit_mixture(x, n_components=5, random_state=10 * seed)
        distance = np.linalg.norm(means[:, None] - centres, axis=-1)
        assert (distance.min(axis=0) < 0.5).all()


def test_float32_agrees_with_float64():
    x = torch.as_tensor(clusters())
    base = GaussianMixture(3, 3)
    base.initialize(x)
    single = base.log_prob(x.float())
    torch.testing.assert_close(single, base.double().log_prob(x).float(), rtol=0, atol=1e-4)


def test_sample_moments():
    base = GaussianMixture(3, 3).double()
    base.initialize(torch.as_tensor(clusters()))
    torch.manual_seed(0)
    draws = base.sample(200_000).numpy()
    weights = base.log_weights.softmax(-1).detach().numpy()
    means = base.means.detach().numpy()
    factors = base._factor()[0].detach().numpy()
    covariances = np.linalg.inv(factors @ factors.transpose(0, 2, 1))
    mean = weights @ means
    second = np.einsum("c,cij->ij", weights, covariances)
    second += np.einsum("c,ci,cj->ij", weights, means - mean, means - mean)
    np.testing.assert_allclose(draws.mean(0), mean, atol=0.03)
    np.testing.assert_allclose(np.cov(draws.T), second, atol=0.03 * np.abs(second).max())


def test_members_start_on_their_own_rows():
    x = torch.stack([torch.as_tensor(clusters(seed=seed)) for seed in range(2)])
    weight = torch.ones(2, 300, dtype=x.dtype)
    weight[1, :150] = 0
    stacked = stack_members([GaussianMixture(3, 3).double() for _ in range(2)])
    stacked.initialize(x, weight)
    for k in range(2):
        single = GaussianMixture(3, 3).double()
        single.initialize(x[k][weight[k] > 0])
        torch.testing.assert_close(stacked.log_prob(x)[k], single.log_prob(x[k]))
    assert stacked.sample(5).shape == (2, 5, 3)


def test_members_may_share_rows():
    x = torch.as_tensor(clusters())
    stacked = stack_members([GaussianMixture(3, 2).double() for _ in range(2)])
    stacked.initialize(x, torch.ones(300))
    log_prob = stacked.log_prob(x)
    torch.testing.assert_close(log_prob[0], log_prob[1], rtol=0, atol=0)


def test_whole_weights_are_repeated_rows():
    rng = np.random.default_rng(0)
    x, weight = rng.normal(size=(50, 2)), rng.integers(1, 4, size=50)
    repeated = np.repeat(x, weight, axis=0)
    np.testing.assert_array_equal(equal_rows(x, 0.3 * weight, 1000, 0), repeated)
    once, twice = fit_mixture(x, 7 * weight, n_components=2), fit_mixture(repeated, n_components=2)
    for ours, theirs in zip(once, twice, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_uneven_weights_are_kept_in_proportion():
    rng = np.random.default_rng(0)
    x, weight = np.arange(100.0)[:, None], rng.exponential(size=100)
    weight[3] = 1e-300
    counts = np.bincount(equal_rows(x, weight, 1000, 0)[:, 0].astype(int), minlength=100)
    assert counts.sum() == 400
    assert np.abs(counts - 400 * weight / weight.sum()).max() <= 1
    assert len(equal_rows(x, np.ones(100), 30, 0)) == 30


def test_weights_move_the_fit():
    x = np.concatenate([np.zeros((50, 1)), np.ones((50, 1))])
    weight = np.repeat([1.0, 3.0], 50)
    _, means, _ = fit_mixture(x, weight, n_components=1)
    assert means.item() == pytest.approx(0.75, abs=1e-6)


@pytest.mark.parametrize(
    "x",
    [
        np.ones((1, 2)),
        np.ones((20, 2)),
        np.repeat(np.eye(2), 10, axis=0),
        np.arange(6.0).reshape(3, 2),
        1e12 * np.random.default_rng(0).normal(size=(30, 2)),
        1e-12 * np.random.default_rng(0).normal(size=(30, 2)),
        np.r_[np.random.default_rng(0).normal(size=(30, 2)), [[1e9, -1e9], [np.nan, 0]]],
        1e15 + np.outer(np.arange(30.0), [1, 1]),
    ],
    ids=["one row", "constant", "two rows", "n < C", "huge", "small", "outlier", "collinear"],
)
@pytest.mark.parametrize("kind", ["full", "diag"])
@pytest.mark.parametrize("reg_covar", [0.0, 1e-4])
def test_em_never_fails(x, kind, reg_covar):
    base = GaussianMixture(2, 5, covariance_type=kind, reg_covar=reg_covar).double()
    base.initialize(torch.as_tensor(x))
    assert base.log_weights.softmax(-1).sum().item() == pytest.approx(1)
    for key, parameter in base.named_parameters():
        assert torch.isfinite(parameter).all(), key
    assert torch.isfinite(base.log_prob(torch.zeros(2, 2, dtype=torch.float64))).all()
    choice = choose_mixture(x, candidates=(1, 2), cv=2)
    assert choice.n_components in (1, 2)


def test_more_components_than_rows_is_the_same_density():
    x = np.arange(6.0).reshape(3, 2)
    few, many = GaussianMixture(2, 3).double(), GaussianMixture(2, 7).double()
    few.initialize(torch.as_tensor(x))
    many.initialize(torch.as_tensor(x))
    z = torch.as_tensor(clusters(20, 2))
    torch.testing.assert_close(few.log_prob(z), many.log_prob(z))


def test_no_row_to_start_from_is_an_error():
    with pytest.raises(ValueError, match="no finite row of positive weight"):
        GaussianMixture(2, 2).initialize(torch.zeros(4, 2), torch.zeros(4))


def test_a_scale_cannot_collapse():
    base = GaussianMixture(1, 1).double()
    with torch.no_grad():
        base.log_diagonal.fill_(50.0)
        base.means.zero_()
    peak = base.log_prob(torch.zeros(1, 1, dtype=torch.float64)).item()
    assert peak == pytest.approx(-math.log(1e-4) - 0.5 * math.log(2 * math.pi))


def test_choice_finds_clusters_and_is_reproducible():
    x = clusters(600, seed=1)
    choice = choose_mixture(x)
    assert (choice.n_components, choice.covariance_type) == (3, "full")
    assert choice == choose_mixture(torch.as_tensor(x), np.ones(600))
    single = choose_mixture(x, candidates=(1,), covariance_types=("diag",), reg_covars=(1e-2,))
    assert dataclasses.astuple(single)[:3] == (1, "diag", 1e-2)
    assert choice.score > single.score + 0.2
    assert pickle.loads(pickle.dumps(choice)) == choice


def test_choice_keeps_to_one_gaussian_on_gaussian_rows():
    x = np.random.default_rng(0).normal(size=(400, 4))
    choice = choose_mixture(x)
    assert choice.n_components == 1
    held_out = -2 * math.log(2 * math.pi) - 2
    assert choice.score == pytest.approx(held_out, abs=0.25)


def test_choice_follows_the_weights():
    x = clusters(600)
    noise = np.random.default_rng(1).normal(size=(600, 3))
    both, weight = np.concatenate([x, noise]), np.repeat([0.0, 2.0], 600)
    assert choose_mixture(both, weight) == choose_mixture(noise)


def test_choice_looks_at_a_subset_of_many_rows():
    x = clusters(5000)
    choice = choose_mixture(x, candidates=(3,), max_rows=300)
    assert choice != choose_mixture(x, candidates=(3,), max_rows=300, random_state=1)
    assert choice == choose_mixture(x, candidates=(3,), max_rows=300)


@pytest.mark.parametrize(("n", "fewest", "most"), [(700, 20, 50), (3_000, 80, 128)])
def test_many_components_want_many_rows(n, fewest, most):
    rng = np.random.default_rng(0)
    x = (rng.integers(0, 10, size=(n, 2)) + 0.03 * rng.normal(size=(n, 2))) / 3
    choice = choose_mixture(x, covariance_types=("full",), reg_covars=(1e-4,))
    assert fewest <= choice.n_components <= most


@pytest.mark.parametrize("n", [0, 1, 2, 3, 5])
def test_choice_on_hardly_any_rows(n):
    choice = choose_mixture(np.random.default_rng(0).normal(size=(n, 2)))
    assert choice.n_components == 1
    assert math.isnan(choice.score) == (n < 3)


def test_from_roots_has_their_covariances():
    generator = torch.Generator().manual_seed(0)
    roots = torch.randn(2, 3, 3, generator=generator, dtype=torch.float64)
    means = torch.randn(2, 3, generator=generator, dtype=torch.float64)
    weights = torch.tensor([0.3, 0.7], dtype=torch.float64)
    mixture = GaussianMixture.from_roots(weights, means, 1e-6 * roots)
    z = means[0] + 1e-6 * torch.randn(5, 3, generator=generator, dtype=torch.float64)
    parts = torch.distributions.MultivariateNormal(means, 1e-12 * roots @ roots.mT)
    exact = (parts.log_prob(z.unsqueeze(1)) + weights.log()).logsumexp(-1)
    torch.testing.assert_close(mixture.log_prob(z), exact, rtol=1e-6, atol=1e-6)
