"""Draws that are differentiable in the parameters of a base."""

import pytest
import torch
from scipy import stats

from skflow.bases import GaussianMixture, KernelDensity, Normal, Product, StudentT, Uniform
from skflow.members import stack_members

BASES = {
    "Normal": Normal,
    "StudentT": lambda d: StudentT(d, df=2.5),
    "StudentT, nearly normal": lambda d: StudentT(d, df=900),
    "Uniform": Uniform,
    "GaussianMixture": lambda d: GaussianMixture(d, 4),
    "Product": lambda d: Product([StudentT(1), GaussianMixture(d - 1, 3)], [[1], [2, 0]]),
}


def base_for(name, d=3, seed=0):
    base = BASES[name](d).double()
    generator = torch.Generator().manual_seed(seed)
    for p in base.parameters():
        p.data += 0.3 * torch.randn(p.shape, generator=generator, dtype=p.dtype)
    return base


@pytest.mark.parametrize("name", BASES)
def test_follow_the_base(name):
    base = base_for(name)
    torch.manual_seed(0)
    with torch.no_grad():
        z, log_share = base.from_seeds(base.draw_seeds(5000))
    assert z.shape == (5000, 3)
    assert log_share.shape == (5000,)
    assert (log_share <= 0).all()
    # columns, and a mix of columns that sees how they hang together
    mixed = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
    for ours, theirs in zip(
        (*z.T, z @ mixed), (*(y := base.sample(5000)).T, y @ mixed), strict=True
    ):
        assert stats.ks_2samp(ours.detach(), theirs.detach()).pvalue > 1e-3


@pytest.mark.parametrize("name", BASES)
def test_smooth_in_the_parameters(name):
    base = base_for(name)
    seeds = base.draw_seeds(6).requires_grad_()
    parameters = list(base.parameters())

    def draws(seeds, *parameters):
        return base.from_seeds(seeds)

    if parameters:
        assert torch.autograd.gradcheck(draws, (seeds.detach(), *parameters))
    else:
        assert base.from_seeds(seeds)[0].requires_grad


@pytest.mark.parametrize("name", BASES)
def test_members_as_each_alone(name):
    singles = [base_for(name, seed=seed) for seed in range(2)]
    stacked = stack_members(singles)
    seeds = stacked.draw_seeds(7)
    assert seeds.shape == (2, 7, singles[0].n_seeds)
    together = stacked.from_seeds(seeds)
    for k, single in enumerate(singles):
        for ours, alone in zip(together, single.from_seeds(seeds[k]), strict=True):
            torch.testing.assert_close(ours[k], alone, rtol=0, atol=1e-12)


def test_a_student_t_of_zero_seeds_has_a_gradient():
    base = StudentT(2)
    z, _ = base.from_seeds(torch.zeros(3, 4))
    z.sum().backward()
    assert (z == 0).all()
    assert base.raw_df.grad.isfinite().all()


def test_a_base_without_such_draws_says_so():
    base = KernelDensity(2)
    with pytest.raises(NotImplementedError, match="KernelDensity has no draws that are diff"):
        base.from_seeds(base.draw_seeds(3))
