"""What scores of mixtures have in common, of logistics as of normals."""

import pytest
import torch

from skflow.numerics import mixture_logit, mixture_score
from tests.numerics.mixtures import mixture

every_score = pytest.mark.parametrize("score", [mixture_logit, mixture_score])


@every_score
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_a_valley_in_which_all_have_vanished(score, dtype):
    loc = torch.tensor([[-1e4], [1e4]], dtype=dtype).requires_grad_()
    half = torch.full((2, 1), 0.5, dtype=dtype).log()
    x = torch.zeros(1, dtype=dtype).requires_grad_()
    results = score(x, half, loc, torch.zeros_like(loc))
    assert results[0] == 0
    grads = torch.autograd.grad(sum(t.sum() for t in results), [x, loc])
    assert all(t.isfinite().all() for t in (*results, *grads))


@pytest.mark.parametrize(
    ("score", "mixed", "tolerance"),
    [
        (mixture_logit, mixture(k=3), 1e-13),
        (mixture_score, mixture(k=3, reach=2.0, spread=0.5), 1e-12),
    ],
    ids=["logistics", "normals"],
)
def test_components_without_weight_do_not_count(score, mixed, tolerance):
    x, log_weight, loc, log_scale = mixed
    few = score(x, log_weight, loc, log_scale)
    zero = torch.zeros(1, 1, dtype=x.dtype)
    many = score(
        x,
        torch.cat([log_weight, zero - 1e3]),
        torch.cat([loc, zero]),
        torch.cat([log_scale, zero - 3]),
    )
    for a, b in zip(few, many, strict=True):
        torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance)
