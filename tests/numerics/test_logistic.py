"""Log-odds of mixtures of logistics against plain formulas, and where those break down."""

import pytest
import torch

from skflow.numerics import mixture_logit
from tests.numerics.mixtures import mixture


def plainly(x, log_weight, loc, log_scale):
    share = torch.sigmoid((x - loc) / log_scale.exp())
    whole = (log_weight.exp() * share).sum(0)
    density = (log_weight.exp() * share * (1 - share) / log_scale.exp()).sum(0)
    return torch.logit(whole), torch.log(density / (whole * (1 - whole)))


def test_against_the_plain_formula():
    arguments = mixture()
    for ours, theirs in zip(mixture_logit(*arguments), plainly(*arguments), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-9)


def test_one_standard_logistic_is_the_identity():
    x = torch.tensor([-1e30, -800.0, -1.0, 0.0, 1e-9, 3.0, 1e9], dtype=torch.float64)
    zero = torch.zeros(1, 1, dtype=torch.float64)
    logit, log_slope = mixture_logit(x, zero, zero, zero)
    torch.testing.assert_close(logit, x, rtol=1e-15, atol=1e-15)
    torch.testing.assert_close(log_slope, torch.zeros_like(x), rtol=0, atol=1e-15)


def of_logits(x, logits, loc, log_scale):
    return mixture_logit(x, torch.log_softmax(logits, 0), loc, log_scale)


@pytest.mark.parametrize("shared", [False, True])
def test_gradients(shared):
    x, *parameters = mixture(k=3, n=6)
    if not shared:
        parameters = [p.expand(3, 6).clone() for p in parameters]
    arguments = [a.requires_grad_() for a in (x, *parameters)]
    assert torch.autograd.gradcheck(of_logits, arguments)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("far", [1e3, 1e9, 1e30])
def test_tails_are_lines(far, dtype):
    _, log_weight, loc, log_scale = (a.to(dtype) for a in mixture())
    x = torch.tensor([-far, far], dtype=dtype).requires_grad_()
    logit, log_slope = mixture_logit(x, log_weight, loc, log_scale)
    widest = log_scale.max().expand(2)
    torch.testing.assert_close(log_slope, -widest, rtol=0, atol=1e-2 if far < 1e4 else 1e-5)
    torch.testing.assert_close(logit.abs(), far * torch.exp(-widest), rtol=0.1, atol=0)
    assert torch.autograd.grad(logit.sum(), x)[0].isfinite().all()


def test_slope_is_at_most_that_of_the_narrowest():
    for seed in range(20):
        x, log_weight, loc, log_scale = mixture(n=500, seed=seed)
        _, log_slope = mixture_logit(x, log_weight, loc, log_scale)
        assert (log_slope <= -log_scale.min() + 1e-12).all()
