"""What every base must do, and each base against scipy's density of the same name."""

import math
import pickle

import numpy as np
import pytest
import torch
from scipy import stats

from skflow._random import seeded
from skflow.bases import GaussianMixture, KernelDensity, Normal, Product, StudentT, Uniform
from skflow.members import select_member, stack_members


def kernels(d):
    base = KernelDensity(d)
    base.initialize(rows(25, d, seed=9))
    return base


def product(d):
    """A Student-t of the outer columns beside a normal of the middle one."""
    if d == 1:
        return Product([StudentT(1, df=4.0)], [[0]])
    middle = d // 2
    outer = [column for column in range(d) if column != middle]
    return Product([StudentT(d - 1, df=4.0), Normal(1)], [outer[::-1], [middle]])


BASES = {
    "Normal": Normal,
    "StudentT": StudentT,
    "StudentT (heavy)": lambda d: StudentT(d, df=2.5),
    "Uniform": Uniform,
    "GaussianMixture": lambda d: GaussianMixture(d, 4),
    "KernelDensity": kernels,
    "Product": product,
}
UNBOUNDED = [name for name in BASES if name != "Uniform"]
# As many kernels as rows: there is no common shape that members could share.
STACKABLE = [name for name in BASES if name != "KernelDensity"]


def perturbed(name, d, seed, dtype=torch.float64):
    """Return a base away from its start, so that no parameter is at a value that hides a fault."""
    base = BASES[name](d).to(dtype)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in base.parameters():
            noise = torch.randn(parameter.shape, generator=generator, dtype=dtype)
            parameter.add_(0.3 * noise)
    return base


def rows(n, d, seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, d, generator=generator, dtype=dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("d", [1, 3])
@pytest.mark.parametrize("name", BASES)
def test_shapes_and_dtypes(name, d, dtype):
    base = perturbed(name, d, seed=1, dtype=dtype)
    z = base.sample(7)
    assert z.shape == (7, d)
    assert z.dtype == dtype
    log_prob = base.log_prob(z, context=torch.zeros(7, 2, dtype=dtype))
    assert log_prob.shape == (7,)
    assert log_prob.dtype == dtype
    assert torch.isfinite(log_prob).all()
    assert base.sample(0).shape == (0, d)
    assert base.log_prob(z[:0]).shape == (0,)


@pytest.mark.parametrize("name", BASES)
def test_integrates_to_one(name):
    base = perturbed(name, 1, seed=2)
    # z = sinh(t) reaches far into heavy tails; dz = cosh(t) dt.
    t = torch.linspace(-18, 18, 60_001, dtype=torch.float64)
    density = base.log_prob(t.sinh().unsqueeze(-1)).exp()
    mass = torch.trapezoid(density * t.cosh(), t).item()
    # A box has edges within a step of the grid, and a t of 2.5 degrees some mass beyond it.
    assert mass == pytest.approx(1, abs=2e-3 if name == "Uniform" else 1e-6)


@pytest.mark.parametrize("name", BASES)
def test_samples_follow_the_density(name):
    base = perturbed(name, 1, seed=3)
    torch.manual_seed(0)
    draws = base.sample(4000).squeeze(-1).numpy()
    t = torch.linspace(-12, 12, 20_001, dtype=torch.float64)
    with torch.no_grad():
        density = base.log_prob(t.sinh().unsqueeze(-1)).exp() * t.cosh()
    cdf = torch.cumulative_trapezoid(density, t).numpy()
    at = t[1:].sinh().numpy()
    test = stats.kstest(draws, lambda x: np.clip(np.interp(x, at, cdf), 0, 1))
    assert test.pvalue > 1e-3


@pytest.mark.parametrize("name", BASES)
def test_mean_log_density_of_samples_is_minus_the_entropy(name):
    # With importance weights q/p from a wide t, E_p[log p] has an estimate free of sampling.
    base = perturbed(name, 2, seed=4)
    torch.manual_seed(0)
    proposal = StudentT(2, df=1.5).double()
    far = proposal.sample(200_000)
    with torch.no_grad():
        own = base.log_prob(base.sample(50_000))
        log_p = base.log_prob(far)
        ratio = (log_p - proposal.log_prob(far)).exp()
    inside = ratio > 0
    terms = (ratio * log_p)[inside]
    error = math.hypot(own.std() / len(own) ** 0.5, terms.std() * len(terms) ** 0.5 / len(far))
    assert ratio.mean().item() == pytest.approx(1, abs=0.02)
    assert (own.mean() - terms.sum() / len(far)).abs().item() < 5 * error + 1e-9


@pytest.mark.parametrize("shared", [False, True], ids=["own rows", "shared rows"])
@pytest.mark.parametrize("name", STACKABLE)
def test_stacked_members_equal_single_ones(name, shared):
    singles = [perturbed(name, 3, seed=seed) for seed in range(3)]
    stacked = stack_members(singles)
    assert singles[0].members == ()
    assert stacked.members == (3,)
    z = rows(5, 3) if shared else rows(15, 3).reshape(3, 5, 3)
    together = stacked.log_prob(z)
    assert together.shape == (3, 5)
    for k, single in enumerate(singles):
        alone = single.log_prob(z if shared else z[k])
        torch.testing.assert_close(together[k], alone, rtol=0, atol=1e-12)
        torch.testing.assert_close(
            select_member(stacked, k).log_prob(rows(5, 3)),
            single.log_prob(rows(5, 3)),
            rtol=0,
            atol=0,
        )
    torch.manual_seed(0)
    draws = stacked.sample(2000)
    assert draws.shape == (3, 2000, 3)
    for k, single in enumerate(singles):
        other = single.sample(2000)
        assert stats.ks_2samp(draws[k, :, 0].detach(), other[:, 0].detach()).pvalue > 1e-3


@pytest.mark.parametrize("name", UNBOUNDED)
def test_gradients_are_right_and_reach_every_parameter(name):
    base = perturbed(name, 2, seed=5)
    z = rows(4, 2).requires_grad_()
    assert torch.autograd.gradcheck(base.log_prob, (z,))
    base.log_prob(z).sum().backward()
    for key, parameter in base.named_parameters():
        assert torch.isfinite(parameter.grad).all(), key
        assert (parameter.grad != 0).any(), key


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", UNBOUNDED)
def test_finite_at_the_extremes(name, dtype):
    base = perturbed(name, 3, seed=6, dtype=dtype)
    largest = torch.finfo(dtype).max
    sizes = [0.0, torch.finfo(dtype).tiny, 1.0, 1e9, 1e18, 1e20, 0.4 * largest, largest]
    signs = torch.tensor([[1.0, 1, 1], [1, -1, 1], [-1, -1, -1], [1, 0, 0]], dtype=dtype)
    z = torch.cat([size * signs for size in sizes]).requires_grad_()
    log_prob = base.log_prob(z)
    assert torch.isfinite(log_prob).all()
    assert (log_prob[4:].reshape(-1, 4).diff(dim=0) <= 1).all()
    log_prob.mul(1e-10).sum().backward()
    # The gradient of a square overflows in the last binade.
    assert not z.grad[:-4].isnan().any()
    for key, parameter in base.named_parameters():
        assert not parameter.grad.isnan().any(), key


@pytest.mark.parametrize("name", BASES)
def test_nan_is_not_hidden(name):
    z = rows(3, 2)
    z[1, 1] = math.nan
    assert perturbed(name, 2, seed=7).log_prob(z).isnan().tolist() == [False, True, False]


@pytest.mark.parametrize("name", BASES)
def test_pickle_and_state_dict(name):
    base = perturbed(name, 3, seed=8)
    z = rows(5, 3)
    assert torch.equal(pickle.loads(pickle.dumps(base)).log_prob(z), base.log_prob(z))
    other = BASES[name](3).double()
    other.load_state_dict(base.state_dict())
    assert torch.equal(other.log_prob(z), base.log_prob(z))


@pytest.mark.parametrize("name", BASES)
def test_nothing_is_kept_of_parameters_that_were_replaced(name):
    used, base, z = perturbed(name, 3, seed=7), perturbed(name, 3, seed=8), rows(5, 3)
    with torch.no_grad():
        for each in (used.log_prob, used.normal_scores):
            each(z)
        used.sample(2)
        used.load_state_dict(base.state_dict())
        for asked in ("log_prob", "normal_scores"):
            assert torch.equal(getattr(used, asked)(z), getattr(base, asked)(z))
        with seeded(0):
            draws = used.sample(5)
        with seeded(0):
            assert torch.equal(draws, base.sample(5))


@pytest.mark.parametrize("name", BASES)
def test_repr_names_the_number_of_features(name):
    assert "n_features=3" in repr(BASES[name](3))


def test_initialize_does_nothing_by_default():
    base = Uniform(2)
    assert base.initialize(rows(9, 2)) is None
    assert torch.equal(base.origin, torch.zeros(2))


def test_normal_against_scipy():
    z = 3 * rows(50, 4)
    expected = stats.norm.logpdf(z.numpy()).sum(1)
    np.testing.assert_allclose(Normal(4).log_prob(z), expected, rtol=1e-12)


@pytest.mark.parametrize("df", [1.01, 2.0, 20.0, 900.0])
def test_student_t_against_scipy(df):
    base = StudentT(3, df=df).double()
    # The start is kept in float32, the package's default: its df is that much off.
    assert base.df.detach().numpy() == pytest.approx(df, rel=1e-4)
    z = rows(50, 3) * torch.tensor([0.1, 1.0, 1e6], dtype=torch.float64)
    expected = stats.t.logpdf(z.numpy(), base.df.detach().numpy()).sum(1)
    np.testing.assert_allclose(base.log_prob(z).detach(), expected, rtol=1e-10, atol=1e-8)
    single = StudentT(3, df=df).log_prob(z.float())
    np.testing.assert_allclose(single.detach(), expected, rtol=1e-5, atol=1e-3)


def test_student_t_columns_have_their_own_tails():
    base = StudentT(2).double()
    with torch.no_grad():
        base.raw_df.copy_(torch.tensor([-3.0, 3.0]))
    z = rows(20, 2)
    expected = stats.t.logpdf(z.numpy(), base.df.detach().numpy()).sum(1)
    np.testing.assert_allclose(base.log_prob(z).detach(), expected, rtol=1e-10)


def test_student_t_learns_the_tail_of_its_rows():
    base = StudentT(1).double()
    z = torch.as_tensor(stats.t.rvs(3, size=(2000, 1), random_state=0))
    optimizer = torch.optim.Adam(base.parameters(), lr=0.1)
    for _ in range(100):
        optimizer.zero_grad()
        (-base.log_prob(z).mean()).backward()
        optimizer.step()
    assert base.df.item() == pytest.approx(3, rel=0.15)


@pytest.mark.parametrize("df", [0.5, 1.0, 1000.0, math.nan])
def test_student_t_refuses_df_out_of_range(df):
    with pytest.raises(ValueError, match="df must lie strictly between"):
        StudentT(2, df=df)


def test_uniform_against_scipy():
    z = 2 * rows(200, 2)
    expected = stats.uniform.logpdf(z.numpy(), -2.5, 4).sum(1)
    assert np.isneginf(expected).any()
    np.testing.assert_allclose(Uniform(2, -2.5, 1.5).log_prob(z), expected, rtol=1e-12)
    corner = torch.tensor([[1.5, -2.5]])
    assert Uniform(2, -2.5, 1.5).log_prob(corner).item() == pytest.approx(-2 * math.log(4))


def test_uniform_draws_lie_inside():
    torch.manual_seed(0)
    draws = Uniform(1).sample(2**22)
    assert draws.min() > 0
    assert draws.max() < 1


@pytest.mark.parametrize("bounds", [(0.0, 0.0), (1.0, -1.0), (0.0, math.inf), (math.nan, 1.0)])
def test_uniform_refuses_bounds_that_hold_nothing(bounds):
    with pytest.raises(ValueError, match="low and high must be finite, low < high"):
        Uniform(2, *bounds)
