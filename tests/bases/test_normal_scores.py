"""Rosenblatt's map of every base to standard normal rows."""

import numpy as np
import pytest
import torch
from scipy import stats

from skflow.bases import GaussianMixture, KernelDensity, StudentT
from skflow.members import select_member, stack_members
from tests.instances import BASES

STEP = 1e-6


def fitted_kernels():
    base = KernelDensity(2).double()
    base.initialize(torch.randn(50, 2, dtype=torch.float64))
    return base


ALL = {**BASES, "KernelDensity": fitted_kernels}


@pytest.mark.parametrize("name", ALL)
def test_density_is_that_of_normal_rows_times_the_slopes(name):
    base = ALL[name]().double()
    z = base.sample(20)
    scores = base.normal_scores(z)
    log_density = -0.5 * (scores.square() + np.log(2 * np.pi)).sum(-1)
    for j in range(base.n_features):  # the map is triangular
        step = torch.zeros(base.n_features, dtype=torch.float64)
        step[j] = STEP
        slope = (base.normal_scores(z + step) - base.normal_scores(z - step))[:, j] / (2 * STEP)
        log_density += slope.log()
    torch.testing.assert_close(log_density, base.log_prob(z), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", ALL)
def test_draws_become_independent_standard_normal_numbers(name):
    base = ALL[name]()
    scores = base.normal_scores(base.sample(5000)).numpy()
    assert scores.dtype == np.float64
    assert stats.kstest(scores.ravel(), "norm").pvalue > 1e-3
    between = np.atleast_2d(np.corrcoef(scores.T)) - np.eye(base.n_features)
    assert np.abs(between).max() < 0.06


@pytest.mark.parametrize("base", [GaussianMixture(2, 3), StudentT(2, df=3.0)], ids=repr)
def test_members_are_mapped_each_by_its_own(base):
    other = type(base)(2, 3)
    stacked = stack_members([base, other])
    z = torch.randn(7, 2)
    together = stacked.normal_scores(z.expand(2, 7, 2))
    for k in range(2):
        own = select_member(stacked, k).normal_scores(z)
        torch.testing.assert_close(together[k], own)


@pytest.mark.parametrize("name", ["GaussianMixture", "StudentT", "Normal"])
def test_far_rows_stay_finite_and_ordered(name):
    base = BASES[name]().double()
    z = torch.tensor([-1e4, -100.0, 0.0, 100.0, 1e4], dtype=torch.float64)
    scores = base.normal_scores(z.unsqueeze(-1).expand(5, 3))[:, 0]
    assert torch.isfinite(scores).all()
    assert (scores.diff() > 0).all()
