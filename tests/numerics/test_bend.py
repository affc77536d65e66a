"""Tukey's bend: its formula, its derivative, and the way back from whatever e."""

import math

import pytest
import torch

from skflow.numerics import TailBend, from_tukey

BENDS = {  # h, m, v, k
    "none": (0.0, 3.0, 1e308, 1.0),
    "heavy": (0.5, 3.0, 6.0, 1.0),
    "light": (0.0, 2.0, 5.0, 0.7),
    "from the start": (0.0, 0.0, 0.0, 1e-9),
    "heavy, at once exponential": (1.0, 2.0, 2.0, 2.0),
}


def bend(name):
    return TailBend(*torch.tensor(BENDS[name], dtype=torch.float64))


def numbers():
    return torch.logspace(-300, 307, 500, dtype=torch.float64)


@pytest.mark.parametrize("h", [0.0, 1e-3, 0.3, 5.0])
def test_tukey_there_and_back(h):
    e = numbers()
    w = from_tukey(e, h)
    torch.testing.assert_close(w.log() + 0.5 * h * w.square() if h else w.log(), e.log())
    assert (w.diff() > 0).all()
    assert from_tukey(torch.zeros(1).double(), h) == 0


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_back_to_the_last_digits_whatever_the_numbers(dtype):
    small = torch.finfo(dtype)
    log_e = torch.linspace(math.log(small.tiny), math.log(small.max), 2001, dtype=torch.float64)
    e = (0.999 * log_e.exp()).to(dtype)[:, None]
    h = torch.tensor([0.0, 1e-30, 1e-8, 1e-2, 0.3, 1.0, 50.0], dtype=dtype)
    log_w = from_tukey(e, h).double().log()
    square = torch.where(h > 0, h.double() * (2 * log_w).exp(), 0.0)
    error = (log_w + 0.5 * square - e.double().log()) / (1 + square)
    assert error.abs().max() < 4 * small.eps * log_e.abs().max()


def test_a_number_is_the_same_whatever_stands_beside_it():
    e, h = numbers(), torch.tensor(0.3, dtype=torch.float64)
    alone = torch.cat([from_tukey(one, h) for one in e.split(4)])
    torch.testing.assert_close(from_tukey(e, h), alone, rtol=2e-16, atol=0)


def test_pieces_are_their_formulas():
    h, m, v, k = BENDS["heavy"]
    at_m, slope = m * math.exp(h * m**2 / 2), (1 + h * m**2) * math.exp(h * m**2 / 2)
    at_v = at_m + slope * (v - m)
    expected = {0: 0, 1: math.exp(h / 2), 4: at_m + slope, 7: at_v + slope * math.expm1(k) / k}
    e, _ = bend("heavy").stretch(torch.tensor(list(expected), dtype=torch.float64))
    torch.testing.assert_close(e, torch.tensor(list(expected.values()), dtype=torch.float64))


@pytest.mark.parametrize("name", BENDS)
def test_slope_is_the_derivative_in_both_directions(name):
    w = torch.linspace(0.01, 12, 40, dtype=torch.float64, requires_grad=True)
    e, log_slope = bend(name).stretch(w)
    torch.testing.assert_close(torch.autograd.grad(e.sum(), w)[0].log(), log_slope)
    e = e.detach().requires_grad_()
    back, back_slope = bend(name).shrink(e)
    torch.testing.assert_close(back, w)
    torch.testing.assert_close(back_slope, log_slope)
    torch.testing.assert_close(torch.autograd.grad(back.sum(), e)[0].log(), -log_slope)


@pytest.mark.parametrize("name", BENDS)
def test_there_and_back_from_any_size(name):
    e = numbers()
    w, log_slope = bend(name).shrink(e)
    torch.testing.assert_close(bend(name).stretch(w)[0], e, rtol=1e-10, atol=0)
    assert log_slope.isfinite().all()
    assert (log_slope.diff() >= 0).all()


def test_tensors_of_bends_are_taken_side_by_side():
    columns = torch.tensor(list(BENDS.values()), dtype=torch.float64).unbind(-1)
    e = numbers().unsqueeze(-1).expand(-1, len(BENDS))
    together = TailBend(*columns).shrink(e)[0]
    for j, name in enumerate(BENDS):
        torch.testing.assert_close(together[:, j], bend(name).shrink(e[:, j])[0])
