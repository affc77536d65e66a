"""Known answers and edges of ActNorm and of the moments behind all scaling."""

import numpy as np
import pytest
import torch

from skflow.bijections import ActNorm, Whiten
from skflow.bijections._normalization import moments
from skflow.members import stack_members


def rows(n, d, seed=0):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_identity_before_initialize():
    x = rows(5, 3)
    z, log_det = ActNorm(3).double()(x)
    assert torch.equal(z, x)
    assert torch.equal(log_det, torch.zeros(5, dtype=torch.float64))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("d", [1, 4])
def test_initialize_centres_and_scales(d, dtype):
    x = (rows(200, d) * 30 + 5).to(dtype)
    actnorm = ActNorm(d).to(dtype)
    z = actnorm.initialize(x)
    assert torch.equal(z, actnorm(x)[0])
    assert z.dtype == actnorm(x)[1].dtype == dtype
    eps = 100 * torch.finfo(dtype).eps
    torch.testing.assert_close(z.mean(0), torch.zeros(d, dtype=dtype), atol=eps, rtol=0)
    torch.testing.assert_close(
        z.std(0, correction=0), torch.ones(d, dtype=dtype), atol=eps, rtol=0
    )
    expected = -x.double().std(0, correction=0).log().sum()
    assert actnorm(x)[1][0].item() == pytest.approx(expected.item(), rel=1e-6)


def test_initialize_keeps_the_parameters_trainable():
    actnorm = ActNorm(2)
    actnorm.initialize(rows(10, 2).float())
    actnorm(rows(3, 2).float())[0].sum().backward()
    assert all(p.requires_grad and p.grad is not None for p in actnorm.parameters())


def test_initialize_with_weights():
    x = torch.cat([rows(20, 2), 50 + rows(9, 2, seed=1)])
    few, all_rows = (ActNorm(2).double() for _ in range(2))
    z = few.initialize(x[:20])
    weight = torch.cat([torch.full((20,), 3.0), torch.zeros(9)])
    torch.testing.assert_close(all_rows.initialize(x, weight=weight)[:20], z)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("value", [0.0, 0.1, -1e9, 1e30, 1e-30])
def test_constant_column_is_only_centred(value, dtype):
    x = torch.full((7, 1), value, dtype=dtype)
    actnorm = ActNorm(1).to(dtype)
    assert torch.equal(actnorm.initialize(x), torch.zeros_like(x))
    assert actnorm.log_scale.item() == 0.0


def test_column_that_is_constant_up_to_rounding_is_only_centred():
    x = torch.tensor([[0.1], [0.1], [0.1 + 1e-8]], dtype=torch.float32)
    assert len(x.unique()) == 2
    actnorm = ActNorm(1)
    actnorm.initialize(x)
    assert actnorm.log_scale.item() == 0.0


def test_one_row():
    x = torch.tensor([[3.0, -2.0]])
    assert torch.equal(ActNorm(2).initialize(x), torch.zeros(1, 2))


def test_float32_columns_whose_squares_overflow():
    x = (rows(50, 1) * 1e30).float()
    z = ActNorm(1).initialize(x)
    assert float(z.std(correction=0)) == pytest.approx(1.0, rel=1e-5)


def test_members_are_initialized_on_their_own_rows():
    stacked = stack_members([ActNorm(3).double() for _ in range(2)])
    x = torch.stack([rows(20, 3, seed=1) * 4, rows(20, 3, seed=2) + 7])
    z = stacked.initialize(x)
    for k in range(2):
        torch.testing.assert_close(z[k], ActNorm(3).double().initialize(x[k]))
    torch.testing.assert_close(stacked.inverse(z)[0], x)


@pytest.mark.parametrize("scale", [1e-300, 1e-160, 1e-12, 1.0, 1e12, 1e160, 1e300])
def test_moments_at_any_scale(scale):
    x = rows(40, 2)
    mean, std = moments(x * scale)
    torch.testing.assert_close(mean / scale, x.mean(0), atol=1e-14, rtol=1e-12)
    torch.testing.assert_close(std / scale, x.std(0, correction=0), atol=0, rtol=1e-12)


def test_moments_of_a_narrow_column_far_from_zero():
    offset = torch.arange(5, dtype=torch.float64).unsqueeze(-1)
    mean, std = moments(1e9 + offset)
    assert float(mean) == 1e9 + 2
    assert float(std) == pytest.approx(2**0.5, rel=1e-14)


def test_weighted_moments_are_those_of_repeated_rows():
    x, repeats = rows(6, 2), torch.tensor([3, 1, 0, 2, 5, 1])
    repeated = x.repeat_interleave(repeats, 0)
    for unit in (1.0, 1e-300, 1e300):
        mean, std = moments(x, repeats.double() * unit)
        torch.testing.assert_close(mean, repeated.mean(0))
        torch.testing.assert_close(std, repeated.std(0, correction=0))
        np.testing.assert_allclose(mean, np.average(x, axis=0, weights=repeats))


def test_rows_of_weight_zero_are_not_looked_at():
    x = rows(6, 2)
    padding = torch.tensor([[float("nan"), float("inf")], [1e308, -1e308]], dtype=torch.float64)
    weight = torch.tensor([1.0] * 6 + [0.0] * 2)
    for ours, expected in zip(moments(torch.cat([x, padding]), weight), moments(x), strict=True):
        torch.testing.assert_close(ours, expected)


def test_initialize_inverse_centres_and_scales_the_other_way():
    z = rows(200, 3) * 30 + 5
    z[:, 2] = 7.0
    actnorm = ActNorm(3).double()
    x = actnorm.initialize_inverse(z)
    assert torch.equal(x, actnorm.inverse(z)[0])
    torch.testing.assert_close(x.mean(0), torch.zeros(3).double(), atol=1e-12, rtol=0)
    expected = torch.tensor([1.0, 1, 0]).double()
    torch.testing.assert_close(x.std(0, correction=0), expected, atol=1e-12, rtol=0)


@pytest.mark.parametrize("n", [12, 400])
def test_whitening_leaves_a_column_with_gross_errors_to_itself(n):
    """What is drawn near such an error is not carried over to columns beside it."""
    x = torch.randn(n, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    x = x @ torch.tensor([[1.0, 0.8, 0.5], [0, 1, 0.4], [0, 0, 1]], dtype=torch.float64)
    x[0, 1] = 1e6
    whiten = Whiten.from_data(x)
    beside = x[:2].clone()
    beside[1] = beside[0] + torch.tensor([0.0, 1e7, 0.0])
    z = whiten(beside)[0]
    torch.testing.assert_close(z[1, [0, 2]], z[0, [0, 2]], rtol=0, atol=1e-9)
    assert whiten.factor[2, 0] != 0  # these two are decorrelated as ever
