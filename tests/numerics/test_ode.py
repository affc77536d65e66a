"""Integration: order and accuracy against closed forms, both directions, rows on their own."""

import math

import pytest
import torch

from skflow.exceptions import StepLimitError
from skflow.numerics import integrate_adaptively, integrate_in_steps

A = torch.tensor([[-0.5, 2.0], [-2.0, 0.3]], dtype=torch.float64)


def linear(t, y):
    return A @ y


def forced(t, y):
    """Depends on time: dy/dt = y cos(3 t), y = y_0 exp(sin(3 t) / 3)."""
    return y * torch.cos(3 * t).unsqueeze(-2)


def per_row(t, y, rate):
    """Oscillations of a rate for each row: the fast ones need many small steps."""
    return rate * torch.stack([y[..., 1, :], -y[..., 0, :]], dim=-2)


def states(*shape, seed=0, dtype=torch.float64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


@pytest.mark.parametrize(("start", "stop"), [(0.0, 1.0), (1.0, 0.0), (-0.5, 2.0)])
class TestAgainstTheMatrixExponential:
    def truth(self, y, start, stop):
        return torch.linalg.matrix_exp((stop - start) * A) @ y

    def test_fourth_order(self, start, stop):
        y = states(2, 7)
        errors = [
            (integrate_in_steps(linear, y, start, stop, n) - self.truth(y, start, stop))
            .abs()
            .max()
            for n in (16, 32, 64)
        ]
        assert errors[-1] < 1e-5
        for coarse, fine in zip(errors[:-1], errors[1:], strict=True):
            assert 14 < coarse / fine < 18

    @pytest.mark.parametrize("tolerance", [1e-4, 1e-7, 1e-10, 1e-12])
    def test_error_of_the_size_of_the_tolerance(self, start, stop, tolerance):
        y = states(3, 2, 7)
        result = integrate_adaptively(linear, y, start, stop, tolerance=tolerance)
        error = (result - self.truth(y, start, stop)).abs().max()
        assert tolerance / 1e4 < error < 10 * tolerance


@pytest.mark.parametrize("stop", [1.0, -1.0])
def test_time_of_each_row(stop):
    y = states(2, 1, 40)
    truth = y * math.exp(math.sin(3 * stop) / 3)
    assert (
        integrate_adaptively(forced, y, 0.0, stop, tolerance=1e-11) - truth
    ).abs().max() < 1e-10
    assert (integrate_in_steps(forced, y, 0.0, stop, 100) - truth).abs().max() < 1e-6


def test_there_and_back():
    y, rate = states(2, 50), 2 * states(1, 50, seed=1)
    there = integrate_adaptively(per_row, y, 0.0, 1.0, rate, tolerance=1e-10)
    back = integrate_adaptively(per_row, there, 1.0, 0.0, rate, tolerance=1e-10)
    assert (there - y).abs().max() > 0.5
    assert (back - y).abs().max() < 1e-8


def test_nowhere_to_go():
    y = states(2, 3)
    assert torch.equal(integrate_adaptively(linear, y, 1.0, 1.0, tolerance=1e-5), y)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_rows_do_not_see_each_other(dtype):
    """Beside rows that are a hundred times as fast, or huge, nothing but rounding changes."""
    # batches of other sizes take other kernels, which round differently
    rounding = 50 * torch.finfo(dtype).eps
    y, rate = states(2, 64, dtype=dtype), states(1, 64, seed=1, dtype=dtype)
    calm = integrate_adaptively(per_row, y, 0.0, 1.0, rate, tolerance=1e-5)
    beside_y, beside_rate = y.clone(), rate.clone()
    beside_rate[..., 1::2] = 100.0
    beside_y[..., 3::4] = 1e9
    mixed = integrate_adaptively(per_row, beside_y, 0.0, 1.0, beside_rate, tolerance=1e-5)
    assert (mixed[..., ::2] - calm[..., ::2]).abs().max() < rounding
    alone = [
        integrate_adaptively(per_row, y[..., [i]], 0.0, 1.0, rate[..., [i]], tolerance=1e-5)
        for i in range(8)
    ]
    assert (torch.cat(alone, dim=-1) - calm[..., :8]).abs().max() < rounding


def test_rows_that_have_arrived_cost_nothing():
    widths = []

    def counted(t, y, rate):
        widths.append(y.shape[-1])
        return per_row(t, y, rate)

    rate = torch.ones(1, 320, dtype=torch.float64)
    rate[:, 7] = 50.0
    result = integrate_adaptively(counted, states(2, 320), 0.0, 1.0, rate, tolerance=1e-8)
    assert widths[0] == 320
    assert widths.count(32) > 0.8 * len(widths)
    truth = math.cos(50) * states(2, 320)[0, 7] + math.sin(50) * states(2, 320)[1, 7]
    assert abs(result[0, 7] - truth) < 1e-5


def test_members_are_apart():
    y, rate = states(2, 2, 9), 3 * states(2, 1, 9, seed=1)
    together = integrate_adaptively(per_row, y, 0.0, 1.0, rate, tolerance=1e-8)
    for k in range(2):
        alone = integrate_adaptively(per_row, y[k], 0.0, 1.0, rate[k], tolerance=1e-8)
        torch.testing.assert_close(together[k], alone, rtol=0, atol=1e-14)


@pytest.mark.parametrize("method", ["adaptive", "steps"])
def test_gradients(method):
    y, rate = states(2, 3), states(1, 3, seed=1)
    rate[0, 0] = 5.0  # needs several times as many steps as the others

    def solve(y, rate):
        if method == "adaptive":
            return integrate_adaptively(per_row, y, 0.0, 1.0, rate, tolerance=1e-8)
        return integrate_in_steps(per_row, y, 0.0, 1.0, 5, rate)

    free = (y.clone().requires_grad_(), rate.clone().requires_grad_())
    assert torch.autograd.gradcheck(solve, free, rtol=1e-5, atol=1e-6)
    assert (solve(*free) - solve(y, rate)).abs().max() < 1e-10


def test_without_gradients_nothing_is_kept():
    y = states(2, 3).requires_grad_()
    with torch.no_grad():
        assert not integrate_adaptively(linear, y, 0.0, 1.0, tolerance=1e-6).requires_grad


def test_steps_run_out():
    rate = torch.tensor([[1.0, 1e4]], dtype=torch.float64)
    with pytest.raises(StepLimitError, match="100 steps did not bring 1 of 2 rows"):
        integrate_adaptively(per_row, states(2, 2), 0.0, 1.0, rate, tolerance=1e-8, max_steps=100)


def test_a_trial_step_into_infinity_is_shortened():
    def explosive(t, y):
        return y**9

    y = torch.tensor([[1e-3, 0.8, -0.8]], dtype=torch.float64)
    result = integrate_adaptively(explosive, y, 0.0, 0.5, tolerance=1e-8)
    assert (result - y / (1 - 4 * y**8) ** 0.125).abs().max() < 1e-6


def test_no_tolerance_is_finer_than_the_dtype():
    y = states(2, 5, dtype=torch.float32)
    result = integrate_adaptively(
        lambda t, y: A.float() @ y, y, 0.0, 1.0, tolerance=1e-15, max_steps=100
    )
    assert (result - torch.linalg.matrix_exp(A).float() @ y).abs().max() < 1e-5
