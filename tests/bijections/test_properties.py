"""Properties that every bijection and every elementwise map must have."""

import pytest
import torch

import skflow.bijections
from skflow.bijections import Inverse
from skflow.testing import check_bijection
from tests.instances import BIJECTIONS, ELEMENTWISE, rows_for

# Both directions of each are looked at, those of one column too: what Inverse adds to them is the
# same whatever their columns.
CHECKED = [name for name in BIJECTIONS if not (name.startswith("Inverse(") and "d = 1" in name)]


def is_a_combination(name):
    """Whether a map of columns is here in what others show: backwards or of one, and given much.

    Of each structure affine maps and splines show it, and each map is given a context otherwise.
    """
    return (
        name.removeprefix("Inverse(").startswith(("Coupling(", "Autoregressive("))
        and "with context" in name
        and (name.startswith("Inverse(") or "d = 1" in name)
        and not any(f"({shown})" in name for shown in ("Affine", "RationalQuadraticSpline"))
    )


EACH = [pytest.param(name, marks=[pytest.mark.slow] * is_a_combination(name)) for name in CHECKED]


@pytest.mark.parametrize("name", EACH)
def test_bijection(name):
    x, context = rows_for(name)
    check_bijection(BIJECTIONS[name](), x, context)


@pytest.mark.parametrize("together", [2**16, 1])
@pytest.mark.parametrize("name", EACH)
def test_start_of_either_direction(name, together, monkeypatch):
    monkeypatch.setattr("skflow.bijections._base.BLOCK_ENTRIES", together)
    torch.manual_seed(0)
    bijection = BIJECTIONS[name]().double().eval()
    x, context = rows_for(name)
    with torch.no_grad():
        z = bijection.initialize(x, context, torch.ones(len(x)))
        torch.testing.assert_close(z, bijection(x, context)[0], rtol=0, atol=1e-9)
        if bijection.invertible == "no":
            return
        back = Inverse(bijection).initialize(z, context, torch.ones(len(x)))
        torch.testing.assert_close(back, bijection.inverse(z, context)[0], rtol=0, atol=1e-9)


def test_every_bijection_is_tested():
    used = {type(part).__name__ for build in BIJECTIONS.values() for part in build().modules()}
    used |= {type(build()).__name__ for build in ELEMENTWISE.values()}
    # MeanFree takes columns away, and has a file of its own
    assert set(skflow.bijections.__all__) - used == {"Bijection", "Elementwise", "MeanFree"}


def _numbers(elementwise, size=1.0, n=2001, seed=0, reach=4.0):
    generator = torch.Generator().manual_seed(seed)
    x = torch.linspace(-reach, reach, n, dtype=torch.float64)
    raw = size * torch.randn(1, elementwise.n_params, generator=generator, dtype=torch.float64)
    return x, raw.expand(n, -1)


@pytest.fixture(params=ELEMENTWISE)
def elementwise(request):
    torch.manual_seed(0)
    return ELEMENTWISE[request.param]().double().eval()


def test_zero_raw_is_the_identity(elementwise):
    x, raw = _numbers(elementwise, size=0.0)
    for function in (elementwise.forward, elementwise.inverse):
        y, log_slope = function(x, raw)
        torch.testing.assert_close(y, x, rtol=0, atol=1e-14)
        torch.testing.assert_close(log_slope, torch.zeros_like(x), rtol=0, atol=1e-14)


@pytest.mark.parametrize(
    ("dtype", "tolerance", "log_tolerance"),
    [(torch.float64, 1e-8, 1e-8), (torch.float32, 1e-4, 1e-2)],
    ids=["float64", "float32"],
)
@pytest.mark.parametrize("size", [0.1, 1.0, 3.0])
def test_round_trip(elementwise, size, dtype, tolerance, log_tolerance):
    x, raw = (t.to(dtype) for t in _numbers(elementwise.to(dtype), size, n=401))
    y, log_slope = elementwise.forward(x, raw)
    back, back_log_slope = elementwise.inverse(y, raw)
    assert {t.dtype for t in (y, log_slope, back, back_log_slope)} == {dtype}
    # where the slope is small, a rounding of y is a large step in x
    stretch = torch.exp(-log_slope).clamp(min=1.0)
    assert ((back - x).abs() / stretch).max() < tolerance
    assert ((log_slope + back_log_slope).abs() / stretch).max() < log_tolerance


@pytest.mark.parametrize("size", [0.1, 1.0, 3.0])
def test_derivative(elementwise, size):
    x, raw = _numbers(elementwise, size)
    x.requires_grad_()
    y, log_slope = elementwise.forward(x, raw)
    (slope,) = torch.autograd.grad(y.sum(), x)
    torch.testing.assert_close(log_slope, slope.log(), rtol=0, atol=1e-10)


@pytest.mark.parametrize("direction", ["forward", "inverse"])
def test_gradients_against_finite_differences(elementwise, direction):
    x, _ = _numbers(elementwise, n=7, reach=2.9)
    x += 0.05  # off zero, where a slope may have a step
    generator = torch.Generator().manual_seed(0)
    raw = torch.randn(7, elementwise.n_params, generator=generator, dtype=torch.float64)
    numbers = torch.cat([x[:, None], raw], dim=1)

    def both(numbers):
        return torch.stack(getattr(elementwise, direction)(numbers[..., 0], numbers[..., 1:]))

    # each row has numbers of its own, so that the k-th of all can be moved at once
    gradients = torch.autograd.functional.jacobian(lambda n: both(n).sum(dim=1), numbers)
    steps = 1e-6 * torch.eye(numbers.shape[1], dtype=torch.float64)[:, None]
    slopes = (both(numbers + steps) - both(numbers - steps)) / 2e-6
    torch.testing.assert_close(gradients, slopes.transpose(1, 2), rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("size", [1.0, 3.0, 30.0])
def test_increasing(elementwise, size):
    x, raw = _numbers(elementwise, size)
    y, log_slope = elementwise.forward(x, raw)
    assert (y.diff() > 0).all()
    assert log_slope.isfinite().all()


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("size", [0.0, 1.0, 30.0, 1e4])
def test_extremes(elementwise, size, dtype):
    x = torch.tensor([0.0, 1.0, 3.0, 3.0 - 1e-7, 3.0 + 1e-7, 1e3, 1e9], dtype=torch.float64)
    x = torch.cat([x, -x])
    elementwise.to(dtype)
    for seed in range(5):
        _, raw = _numbers(elementwise, size, n=len(x), seed=seed)
        raw = raw.to(dtype).requires_grad_()
        for function in (elementwise.forward, elementwise.inverse):
            given = x.to(dtype).requires_grad_()
            results = function(given, raw)
            assert all(t.isfinite().all() for t in results)
            gradients = torch.autograd.grad(sum(t.sum() for t in results), [given, raw])
            assert all(t.isfinite().all() for t in gradients)


def test_leading_axes_are_free(elementwise):
    x, raw = _numbers(elementwise, n=24)
    flat = elementwise.forward(x, raw)
    shaped = elementwise.forward(x.view(2, 3, 4), raw.view(2, 3, 4, -1))
    for a, b in zip(shaped, flat, strict=True):
        torch.testing.assert_close(a.flatten(), b)
