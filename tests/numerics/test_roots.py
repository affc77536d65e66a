"""Inverting increasing functions elementwise, whatever their shape."""

import pytest
import torch

from skflow.numerics import implicit_root, increasing_root, neighbours

FUNCTIONS = {
    "line": (lambda x: (3 * x - 1, torch.full_like(x, 3.0))),
    "cube": (lambda x: (x**3, 3 * x**2)),
    "sinh": (lambda x: (x.clamp(-80, 80).sinh(), x.clamp(-80, 80).cosh())),
    "arctan": (lambda x: (x.atan(), 1 / (1 + x**2))),
    "step": (lambda x: (torch.tanh(1e4 * (x - 0.3)) + 1e-3 * x, torch.zeros_like(x))),
    "wrong slope": (lambda x: (x + x.sin() / 2, torch.full_like(x, 1e-8))),
    "slope that is not a number": (lambda x: (x.sign() * x.abs().sqrt(), x / 0)),
}


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_root(name, dtype):
    function = FUNCTIONS[name]
    wanted = torch.tensor([-7.3, -1.0, -1e-3, 0.0, 0.29, 0.3, 1.0, 12.0], dtype=dtype)
    target = function(wanted)[0]
    x = increasing_root(function, target, torch.zeros_like(target))
    assert x.dtype == dtype
    # as near as the function can tell, on either side
    width = 8 * torch.finfo(dtype).eps * x.abs().clamp(min=1)
    slack = 4 * torch.finfo(dtype).eps * target.abs()
    assert (function(x - width)[0] <= target + slack).all()
    assert (function(x + width)[0] >= target - slack).all()


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("exponent", [3, 9, 30])
def test_there_is_no_search_box(exponent, dtype):
    wanted = torch.tensor([10.0**exponent, -(10.0**exponent)], dtype=dtype)
    x = increasing_root(lambda x: (2 * x, torch.full_like(x, 2.0)), 2 * wanted, wanted * 0)
    torch.testing.assert_close(x, wanted, rtol=8 * torch.finfo(dtype).eps, atol=0)


def test_a_far_start_does_no_harm():
    target = torch.tensor([0.5, -0.5], dtype=torch.float64)
    start = torch.tensor([1e8, -1e8], dtype=torch.float64)
    x = increasing_root(FUNCTIONS["arctan"], target, start)
    torch.testing.assert_close(x, target.tan(), rtol=1e-12, atol=0)


def test_a_bracket_that_is_known_is_not_left():
    seen = []

    def logarithm(x):  # not a number beyond the bracket
        seen.append(x.clone())
        return x.log(), 1 / x

    target = torch.tensor([-300.0, 0.0, 5.0], dtype=torch.float64)
    ends = torch.tensor([1e-200, 0.5, 1.0]).double(), torch.tensor([1e-100, 1.0, 1e3]).double()
    x = increasing_root(logarithm, target, ends[1], between=ends)
    torch.testing.assert_close(x, target.exp(), rtol=1e-9, atol=1e-15)
    assert all(((ends[0] <= x) & (x <= ends[1])).all() for x in seen)


def test_no_root_ends_at_a_finite_number():
    target = torch.tensor([2.0, -2.0], dtype=torch.float64)
    x = increasing_root(FUNCTIONS["arctan"], target, torch.zeros_like(target))
    assert x.isfinite().all()
    assert (x.sign() == target.sign()).all()
    assert (x.abs() > 1e300).all()


def test_numbers_do_not_influence_each_other():
    generator = torch.Generator().manual_seed(0)
    target = 50 * torch.randn(200, generator=generator, dtype=torch.float64)
    function = FUNCTIONS["cube"]
    together = increasing_root(function, target, torch.zeros_like(target))
    alone = torch.cat([increasing_root(function, y, y * 0) for y in target.split(1)])
    torch.testing.assert_close(together, alone, rtol=1e-14, atol=0)


def test_few_evaluations():
    calls = []

    def function(x):
        calls.append(x.numel())
        return x.sinh(), x.cosh()

    target = torch.linspace(-100, 100, 1001, dtype=torch.float64)
    x = increasing_root(function, target, torch.zeros_like(target))
    torch.testing.assert_close(x, target.asinh(), rtol=1e-14, atol=1e-15)
    assert len(calls) < 20


def test_no_gradients_and_input_untouched():
    target = torch.tensor([1.0, 2.0], dtype=torch.float64, requires_grad=True)
    start = torch.zeros(2, dtype=torch.float64)
    x = increasing_root(FUNCTIONS["line"], target, start)
    assert not x.requires_grad
    assert (start == 0).all()


def test_gradients_of_the_implicit_function():
    y = torch.linspace(-3, 3, 7, dtype=torch.float64, requires_grad=True)
    rate = torch.linspace(0.5, 2, 7, dtype=torch.float64, requires_grad=True)

    def inverse(y, rate):
        def function(x):
            return (rate * x).sinh(), rate * (rate * x).cosh()

        root = increasing_root(function, y, y)
        x = implicit_root(function, y, root)
        torch.testing.assert_close(x, root, rtol=1e-14, atol=1e-14)
        return x

    torch.testing.assert_close(inverse(y, rate), y.asinh() / rate, rtol=1e-13, atol=1e-14)
    assert torch.autograd.gradcheck(inverse, (y, rate))


def test_without_gradients_the_root_stays():
    root = torch.tensor([1.0])
    with torch.no_grad():
        assert implicit_root(FUNCTIONS["line"], torch.tensor([2.0]), root) is root


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_roundings_of_the_function_cost_no_steps(dtype):
    """A step across the last digits ends the search, and does not begin a new one."""
    evaluations = 0

    def function(x):
        nonlocal evaluations
        evaluations += 1
        rounding = 20 * torch.finfo(dtype).eps * torch.sin(1e6 * x)
        return x + 0.1 * x**3 + rounding, 1 + 0.3 * x**2

    target = torch.linspace(-3, 3, 5001, dtype=dtype)
    x = increasing_root(function, target, torch.zeros_like(target))
    assert evaluations < 20
    torch.testing.assert_close(function(x)[0], target, rtol=0, atol=200 * torch.finfo(dtype).eps)


class TestNeighbours:
    """Roots are searched for between two knots, wherever they lie."""

    knots = torch.tensor([[-2.0, 10.0], [0.0, 11.0], [0.0, 12.0], [3.0, 13.0]]).double()

    def values(self, x):
        """Two increasing functions, one of them flat to rounding between knots."""
        return torch.stack([x[..., 0] ** 3, (x[..., 1] - 11).clamp(min=0)], dim=-1)

    @pytest.mark.parametrize("target", [-1e300, -8.0, -1.0, 0.0, 0.5, 2.0, 27.0, 1e300])
    def test_hold_the_root(self, target):
        targets = torch.full((3, 1, 2), target, dtype=torch.float64)
        values = self.values(self.knots)
        start, (low, high) = neighbours(self.knots, values, targets)
        assert start.shape == low.shape == high.shape == (3, 1, 2)
        assert ((low <= start) & (start <= high)).all()
        inside = (low >= self.knots[0]) & (high <= self.knots[-1])
        assert (self.values(low)[inside] <= targets[inside]).all()
        assert (self.values(high)[inside] >= targets[inside]).all()
        assert inside[..., 0].all() == (-8 < target <= 27)

    def test_the_search_ends_where_it_does_without_them(self):
        def function(x):
            return x + x**3, 1 + 3 * x.square()

        knots = torch.linspace(-3, 3, 7).double().unsqueeze(-1)
        target = torch.linspace(-500, 500, 101).double().unsqueeze(-1)
        start, between = neighbours(knots, function(knots)[0], target)
        found = increasing_root(function, target, start, between)
        torch.testing.assert_close(
            found, increasing_root(function, target, torch.zeros_like(target)), rtol=1e-14, atol=0
        )
