"""Log densities of users: asked, counted, checked."""

import numpy as np
import pytest
import torch

from skflow.evidence._function import BLOCK, AskedDensity

ROWS = np.random.default_rng(0).normal(size=(10, 3))
FREE = np.full(3, -np.inf), np.full(3, np.inf)


def asked(function, vectorized=True, bounds=FREE):
    return AskedDensity(function, vectorized, *bounds)


KINDS = {
    "numpy": (lambda x: -(np.asarray(x) ** 2).sum(axis=1), True),
    "torch": (lambda x: -x.square().sum(dim=1), True),
    "torch, with a gradient": (lambda x: -x.clone().requires_grad_().square().sum(dim=1), True),
    "torch of numpy": (lambda x: -torch.as_tensor(x).square().sum(dim=1), True),
    "a column": (lambda x: -(x**2).sum(axis=1).reshape(-1), True),
    "numpy, one by one": (lambda x: -np.sum(x**2), False),
    "floats, one by one": (lambda x: -sum(value**2 for value in x), False),
    "torch, one by one": (lambda x: -x.square().sum(), False),
    "one by one, in brackets": (lambda x: [-np.sum(x**2)], False),
}


@pytest.mark.parametrize("name", KINDS)
def test_kinds_of_functions(name):
    density = asked(*KINDS[name])
    np.testing.assert_allclose(density(ROWS), -(ROWS**2).sum(axis=1))
    np.testing.assert_allclose(density.check(ROWS), -(ROWS**2).sum(axis=1))
    assert density.n_evaluations == 23
    assert density.n_nonfinite == 0


def test_it_is_asked_in_blocks_and_counted():
    sizes = []

    def ones(x):
        sizes.append(len(x))
        return np.where(x[:, 0] < 0, np.nan, 1.0)

    density = asked(ones)
    rows = np.random.default_rng(0).normal(size=(2 * BLOCK + 1, 3))
    values = density(rows)
    assert sum(sizes) == density.n_evaluations == len(rows)
    assert max(sizes) <= BLOCK
    assert density.n_nonfinite == (rows[:, 0] < 0).sum()
    np.testing.assert_array_equal(values, np.where(rows[:, 0] < 0, -np.inf, 1.0))


def test_it_is_not_asked_beyond_bounds():
    low, high = np.array([0, -np.inf, -1]), np.array([1, 0, np.inf])

    def within(x):
        assert ((x >= low) & (x <= high)).all()
        return np.zeros(len(x))

    density = asked(within, bounds=(low, high))
    inside = ((low <= ROWS) & (high >= ROWS)).all(axis=1)
    np.testing.assert_array_equal(density(ROWS), np.where(inside, 0, -np.inf))
    assert density.n_evaluations == inside.sum() > 0


def test_rows_are_not_the_callers():
    def greedy(x):
        x[:] = 0
        return np.zeros(len(x))

    before = ROWS.copy()
    asked(greedy)(ROWS)
    np.testing.assert_array_equal(ROWS, before)


WRONG = {
    "no function": (3.0, True, TypeError, "log_density must be a function"),
    "a number for all": (lambda x: -np.sum(x**2), True, ValueError, "pass vectorized=False"),
    "a number for each cell": (lambda x: -(x**2), True, ValueError, r"expected \(10,\)"),
    "words": (lambda x: ["a"] * len(x), True, TypeError, "must return real numbers"),
    "two numbers for a point": (lambda x: x[:2], False, ValueError, "one number for a point"),
    "rows that depend on each other": (
        lambda x: (x - x.mean(axis=0)).sum(axis=1),
        True,
        ValueError,
        "must treat each row by itself",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_functions(name):
    function, vectorized, error, match = WRONG[name]
    with pytest.raises(error, match=match):
        asked(function, vectorized).check(ROWS)


def test_noise_is_found():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="the same value every time"):
        asked(lambda x: rng.normal(size=len(x))).check(ROWS)


def test_its_own_error_comes_through():
    def broken(x):
        raise KeyError("sigma")

    with pytest.raises(KeyError, match="sigma") as caught:
        asked(broken)(ROWS)
    (note,) = caught.value.__notes__
    assert "float64 array of shape (10, 3)" in note
    assert "torch tensor" in note
    assert "vectorized=False" in note


def test_an_error_later_on_is_not_asked_of_torch():
    calls = []

    def once(x):
        calls.append(type(x))
        if len(calls) > 1:
            raise ValueError("enough")
        return np.zeros(len(x))

    density = asked(once)
    density(ROWS)
    with pytest.raises(ValueError, match="enough"):
        density(ROWS)
    assert calls == [np.ndarray] * 2
