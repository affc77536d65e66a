"""Normal scores from log-odds, in the middle and in the far tails."""

import numpy as np
import pytest
import torch
from scipy.special import expit, log_ndtr, ndtri

from skflow.numerics import logit_of_normal, normal_of_logit

DTYPES = pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)


def test_against_scipy():
    logit = torch.linspace(-30, 30, 1201, dtype=torch.float64)
    z, _ = normal_of_logit(logit)
    lower = ndtri(expit(-logit.abs().numpy()))
    np.testing.assert_allclose(z.abs().numpy(), -lower, rtol=1e-13, atol=1e-14)
    assert (z.sign() == logit.sign()).all()


@pytest.mark.parametrize("size", [50.0, 1e3, 1e6, 1e12])
def test_tails(size):
    z, _ = normal_of_logit(torch.tensor([size, -size], dtype=torch.float64))
    np.testing.assert_allclose(-log_ndtr(-z[0].item()), size, rtol=1e-13)
    assert z[0] == -z[1]


@DTYPES
def test_round_trip(dtype):
    z = torch.cat([torch.linspace(-9, 9, 1001), torch.tensor([1e2, -1e2, 1e4, -1e4, 1e-6])])
    z = z.to(dtype)
    back, _ = normal_of_logit(logit_of_normal(z))
    tolerance = 30 * torch.finfo(dtype).eps
    torch.testing.assert_close(back, z, rtol=tolerance, atol=tolerance)


def test_slope():
    logit = torch.linspace(-60, 60, 2401, dtype=torch.float64).requires_grad_()
    z, log_slope = normal_of_logit(logit)
    (slope,) = torch.autograd.grad(z.sum(), logit)
    torch.testing.assert_close(log_slope, slope.log(), rtol=0, atol=1e-12)
    assert torch.autograd.gradcheck(normal_of_logit, logit[5::130].detach().requires_grad_())


@DTYPES
def test_slope_of_the_log_slope_where_its_formula_changes(dtype):
    edge = {torch.float64: 5e3, torch.float32: 50.0}[dtype]
    logit = torch.tensor(
        [0.9 * edge, 0.99 * edge, 1.01 * edge, 1.1 * edge, 1e6, 1e30], dtype=dtype
    )
    logit.requires_grad_()
    z, log_slope = normal_of_logit(logit)
    (grad,) = torch.autograd.grad(log_slope.sum(), logit)
    # log mills(z) ~ -log z, and z ~ sqrt(2 l)
    torch.testing.assert_close(grad, -0.5 / logit.detach(), rtol=0.1, atol=0)
    assert (z.diff() > 0).all()


@DTYPES
@pytest.mark.parametrize("size", [0.0, 1e-30, 1e-3, 1.0, 1e3, 1e10, 1e30])
def test_finite(size, dtype):
    logit = torch.tensor([size, -size], dtype=dtype, requires_grad=True)
    results = normal_of_logit(logit)
    (grad,) = torch.autograd.grad(sum(t.sum() for t in results), logit)
    assert all(t.isfinite().all() for t in (*results, grad))
