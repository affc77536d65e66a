"""The stack of bits: what was pushed is popped, and what was borrowed comes back."""

import numpy as np
import pytest

from skflow.codes._stack import REACH, Pops, Pushes, Stack

RNG = np.random.default_rng(0)
SHARES = RNG.dirichlet(np.ones(5), 40)
MEAN, DEVIATION = RNG.normal(0, 1e5, 40), np.exp(RNG.normal(0, 2, 40))


def filled():
    stack = Stack()
    stack.fill(np.random.default_rng(1).integers(1, 2**32, 80))
    return stack


# Of each kind of symbol, how it is popped and pushed.
KINDS = {
    "shares": (lambda s: s.pop(SHARES), lambda s, x: s.push(x, SHARES)),
    "one level": (lambda s: s.pop(SHARES[:, :1]), lambda s, x: s.push(x, SHARES[:, :1])),
    "bits": (lambda s: s.pop_bits(40, 13), lambda s, x: s.push_bits(x, 13)),
    "no bits": (lambda s: s.pop_bits(40, 0), lambda s, x: s.push_bits(x, 0)),
    "near a mean": (
        lambda s: s.pop_near(MEAN, DEVIATION),
        lambda s, x: s.push_near(x, MEAN, DEVIATION),
    ),
}


@pytest.mark.parametrize("name", KINDS)
class TestSymbols:
    def test_what_is_borrowed_comes_back(self, name):
        pop, push = KINDS[name]
        stack = filled()
        before = stack.to_bytes()
        push(stack, pop(stack))
        assert stack.to_bytes() == before

    def test_what_is_pushed_is_popped(self, name):
        pop, push = KINDS[name]
        symbols, stack = pop(filled()), Stack()
        push(stack, symbols)
        np.testing.assert_array_equal(pop(stack), symbols)
        assert stack.to_bytes() == b""


def test_bytes_are_the_stack():
    stack = filled()
    again = Stack(stack.to_bytes())
    np.testing.assert_array_equal(again.pop(SHARES), stack.pop(SHARES))


def test_an_empty_stack_gives_zeros_for_free():
    stack = Stack()
    symbols = stack.pop(SHARES)
    assert not symbols.any()
    stack.push(symbols, SHARES)
    assert stack.to_bytes() == b""


@pytest.mark.parametrize("distance", [REACH, REACH + 1, 10**9, -(2**46), 2**46])
def test_numbers_far_from_their_mean(distance):
    stack = filled()
    before = stack.to_bytes()
    whole = np.round(MEAN)
    whole[::3] += distance
    stack.push_near(whole, MEAN, DEVIATION)
    np.testing.assert_array_equal(stack.pop_near(MEAN, DEVIATION), whole)
    assert stack.to_bytes() == before


def test_symbols_on_their_way_keep_their_order():
    stack, pushes = Stack(), Pushes()
    first, second = np.arange(40) % 5, np.zeros(40, dtype=int)
    pushes.code(SHARES, first)
    pushes.code(SHARES, second)
    pushes.flush(stack)
    pops = Pops(stack)
    np.testing.assert_array_equal(pops.code(SHARES), first)
    np.testing.assert_array_equal(pops.code(SHARES), second)
