"""Integrals against closed forms, whatever the function, its bounds and its sign."""

import warnings
from functools import cache

import numpy as np
import pytest
import torch

from skflow import integrate
from skflow.exceptions import ConvergenceWarning
from tests.integration.functions import KNOWN, camel

TRUE = 4.5  # standard errors: of so many runs none should be further off


@cache
def found(name, seed=0):
    known = KNOWN[name]
    return integrate(known.f, known.bounds, rtol=3e-3, random_state=seed)


SLOW = {"ball", "plane", "edge", "camel", "tilted", "root"}  # mixtures have many components there
EACH = [pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW)) for name in KNOWN]


@pytest.mark.parametrize("name", EACH)
class TestKnown:
    def test_estimate_is_as_exact_as_it_says(self, name):
        result, known = found(name), KNOWN[name]
        assert abs(result.estimate - known.value) < TRUE * result.error + 1e-12
        assert result.error <= 3e-3 * abs(result.estimate)
        assert result.verdict == "good"
        assert result.reasons == []
        assert result.p_value > 1e-4

    def test_rows_lie_within_the_bounds(self, name):
        known = KNOWN[name]
        low, high = np.array(
            [[-np.inf if a is None else a, np.inf if b is None else b] for a, b in known.bounds]
        ).T
        rows = found(name).sample(500, random_state=0)
        assert rows.shape == (500, known.d)
        assert ((rows >= low) & (rows <= high)).all()


@pytest.mark.parametrize("name", ["line", "sides"])
def test_calls_are_counted(name):
    known, calls = KNOWN[name], []

    def counting(x):
        calls.append(len(x))
        return known.f(x)

    result = integrate(counting, known.bounds, rtol=0.02, random_state=1)
    assert result.n_calls == sum(calls)
    assert result.rounds[-1]["n_calls"] == result.n_calls


def test_errors_cover():
    """Of easy integrals, so that there can be many: shares of one error and of two."""
    off = []
    for name in ("negative", "line", "sides"):
        known = KNOWN[name]
        for seed in range(12):
            result = integrate(known.f, known.bounds, rtol=3e-3, random_state=seed)
            off.append((result.estimate - known.value) / result.error)
    off = np.array(off)
    assert 0.45 < (np.abs(off) < 1).mean() < 0.91  # three standard errors of 68 %
    assert (np.abs(off) < 2).mean() > 0.87
    assert abs(off.mean()) < 0.55


def test_torch_gives_what_numpy_gives():
    known = KNOWN["signed"]

    def tensors(x):
        return (torch.cos(3 * x) + 0.3).prod(dim=1)

    ours = integrate(known.f, known.bounds, rtol=0.01, random_state=0)
    theirs = integrate(tensors, known.bounds, rtol=0.01, random_state=0)
    np.testing.assert_allclose(theirs.estimate, ours.estimate, rtol=1e-9)
    assert theirs.n_calls == ours.n_calls


def test_several_outputs():
    def moments(x):
        density = np.exp(-0.5 * (x**2).sum(axis=1)) / (2 * np.pi)
        return np.column_stack([density, density * x[:, 0] ** 2, -1e6 * density * x[:, 1] ** 4])

    result = integrate(moments, [(None, None)] * 2, rtol=5e-3, random_state=0)
    assert (np.abs(result.estimate - [1, 1, -3e6]) < TRUE * result.error).all()
    assert (result.error <= 5e-3 * np.abs(result.estimate)).all()
    assert "[" in repr(result)
    with pytest.raises(ValueError, match="3 outputs"):
        result.sample(3)


def test_random_state_repeats_and_leaves_global_state_alone():
    known = KNOWN["negative"]
    before = np.random.get_state()[1].copy()  # noqa: NPY002 - that of the process
    one, other, third = (
        integrate(known.f, known.bounds, rtol=0.01, random_state=seed) for seed in (3, 3, 4)
    )
    assert one.estimate == other.estimate != third.estimate
    np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002


@pytest.mark.parametrize("max_calls", [1_000, 4_321])
def test_calls_never_exceed_their_number(max_calls):
    known = camel(8)
    with pytest.warns(ConvergenceWarning, match="Raise max_calls"):
        result = integrate(known.f, known.bounds, max_calls=max_calls, random_state=0)
    assert max_calls / 2 < result.n_calls <= max_calls
    assert result.verdict == "bad"
    assert "Bad:" in str(result)


@pytest.mark.slow
def test_both_far_modes_are_found():
    """In eight columns the cube's middle has a millionth of the density of the peaks."""
    known = camel(8, scale=0.1)
    result = integrate(known.f, known.bounds, rtol=0.01, random_state=0)
    assert abs(result.estimate - known.value) < TRUE * result.error
    first = result.sample(2_000, random_state=0)[:, 0]
    assert 0.44 < (first < 0.5).mean() < 0.56


def test_an_integral_of_zero_wants_an_absolute_tolerance():
    def odd(x):
        return x[:, 0] ** 3

    with pytest.warns(ConvergenceWarning, match="atol"):
        integrate(odd, [(-1, 1)], max_calls=20_000, random_state=0)
    with pytest.warns(ConvergenceWarning, match="atol"):
        exact = integrate(lambda x: np.sign(x[:, 0]), [(-1, 1)], max_calls=5_000, random_state=0)
    assert exact.n_calls <= 5_000
    result = integrate(odd, [(-1, 1)], atol=1e-3, random_state=0)
    assert abs(result.estimate) < TRUE * 1e-3
    assert result.verdict == "good"


def test_a_function_that_is_zero_says_so():
    with pytest.warns(ConvergenceWarning, match="was 0 at all"):
        result = integrate(lambda x: np.zeros(len(x)), [(0, 1)] * 2, max_calls=5_000)
    assert result.estimate == 0
    with pytest.raises(ValueError, match="nothing to draw"):
        result.sample()


def test_time_is_kept():
    known = camel(16)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = integrate(known.f, known.bounds, max_seconds=1e-3, random_state=0)
    assert any("max_seconds" in str(each.message) for each in caught)
    assert result.n_calls < 10_000


def test_verbose_prints_rounds(capsys):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        integrate(KNOWN["line"].f, KNOWN["line"].bounds, verbose=1, rtol=0.1, random_state=0)
    assert "measuring:" in capsys.readouterr().out


def square(x):
    return (x**2).sum(axis=1)


BAD_INPUT = {
    "no function": (3.0, [(0, 1)], TypeError, "must be a function"),
    "bounds of one pair": (square, (0, 1), TypeError, "one pair"),
    "no bounds": (square, [], ValueError, "got none"),
    "a number of three": (square, [(0, 1, 2)], ValueError, "one pair"),
    "words": (square, [("a", 1)], TypeError, "one pair"),
    "bounds reversed": (square, [(0, 1), (2, 1)], ValueError, "variable 1 must be below"),
    "NaN as a bound": (square, [(0, np.nan)], ValueError, "below"),
    "NaN": (lambda x: np.where(x[:, 0] > 0.5, np.nan, 1.0), [(0, 1)], ValueError, "finite"),
    "infinity": (lambda x: np.where(x[:, 0] > 3, np.inf, 1.0), [(0, None)], ValueError, "finite"),
    "one number": (lambda x: (x**2).sum(), [(0, 1)], ValueError, "one number for each row"),
    "a point": (lambda x: x[0] * x[1], [(0, 1)] * 2, ValueError, "work along columns"),
    "too many axes": (lambda x: x[:, :, None], [(0, 1)], ValueError, "expected"),
    "rows together": (lambda x: x[:, 0] - x[:, 0].mean(), [(0, 1)], ValueError, "by itself"),
    "complex": (lambda x: np.exp(1j * x[:, 0]), [(0, 1)], TypeError, "complex"),
    "words for values": (lambda x: ["a"] * len(x), [(0, 1)], TypeError, "real numbers"),
}


@pytest.mark.parametrize("name", BAD_INPUT)
def test_bad_input_is_refused_in_words(name):
    f, bounds, error, words = BAD_INPUT[name]
    with pytest.raises(error, match=words):
        integrate(f, bounds, random_state=0)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"rtol": -1}, "rtol"),
        ({"atol": np.inf}, "atol"),
        ({"rtol": 0}, "above 0"),
        ({"max_calls": 10}, "max_calls"),
        ({"max_calls": 1e6}, "max_calls"),
    ],
)
def test_settings_out_of_range_are_refused(settings, words):
    with pytest.raises(ValueError, match=words):
        integrate(square, [(0, 1)], **settings)


def test_number_of_outputs_must_not_change():
    def f(x):
        return x[:, :1] if len(x) < 10 else x

    with pytest.raises(ValueError, match="always with the same k"):
        integrate(f, [(0, 1)] * 2, random_state=0)


def test_errors_of_the_function_pass_through_with_a_note():
    def broken(x):
        raise KeyError("mass")

    with pytest.raises(KeyError) as caught:
        integrate(broken, [(0, 1)])
    assert any("torch tensor" in note for note in caught.value.__notes__)
