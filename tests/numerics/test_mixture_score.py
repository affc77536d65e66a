"""Normal scores of mixtures of normals against plain formulas, and where those break down."""

import math

import pytest
import torch

from skflow.numerics import mixture_score
from tests.numerics import mixtures


def mixture(**settings):
    return mixtures.mixture(**{"reach": 2.0, "spread": 0.5, **settings})


def plainly(x, log_weight, loc, log_scale):
    t, scale = (x - loc) / log_scale.exp(), log_scale.exp()
    score = torch.special.ndtri((log_weight.exp() * torch.special.ndtr(t)).sum(0))
    density = (log_weight.exp() * torch.exp(-0.5 * t * t) / scale).sum(0)
    return score, density.log() + 0.5 * score.square()


def test_against_the_plain_formula():
    arguments = mixture()
    for ours, theirs in zip(mixture_score(*arguments), plainly(*arguments), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("dtype", "atol"), [(torch.float64, 1e-14), (torch.float32, 2e-6)])
def test_one_normal_is_a_line(dtype, atol):
    x = torch.tensor([-1e9, -800.0, -9.0, -1.0, 0.0, 1e-9, 3.0, 30.0, 1e9], dtype=dtype)
    zero = torch.zeros(1, 1, dtype=dtype)
    score, log_slope = mixture_score(2 * x + 1, zero, zero + 1, zero + math.log(2))
    torch.testing.assert_close(score, x, rtol=max(1e-14, atol), atol=atol)
    torch.testing.assert_close(log_slope, torch.full_like(x, -math.log(2)), rtol=0, atol=3 * atol)


def of_logits(x, logits, loc, log_scale):
    return mixture_score(x, torch.log_softmax(logits, 0), loc, log_scale)


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
    x, log_weight, loc, log_scale = (a.to(dtype) for a in mixture())
    x = torch.tensor([-far, far], dtype=dtype).requires_grad_()
    score, log_slope = mixture_score(x, log_weight, loc, log_scale)
    assert score.isfinite().all()
    assert log_slope.isfinite().all()
    if far < 1e15:
        widest = log_scale.max().expand(2)
        torch.testing.assert_close(log_slope, -widest, rtol=0, atol=1e-2)
        torch.testing.assert_close(score.abs(), far * torch.exp(-widest), rtol=1e-2, atol=0)
    for result in (score, log_slope):
        assert torch.autograd.grad(result.sum(), x, retain_graph=True)[0].isfinite().all()
