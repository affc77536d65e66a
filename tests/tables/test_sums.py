"""Columns that are the sum of two others."""

import time

import numpy as np
import pytest

from skflow.tables._cells import NumberCells, read_cells
from skflow.tables._sums import complete, find_sums, read_numbers

NUMBERS = NumberCells()


def found(columns, cells=None):
    """Return the sums among columns: of each, the total and its summands in their order."""
    columns = [np.asarray(column) for column in columns]
    if cells is None:
        cells = [NumberCells.read(c, "x", whole=c.dtype.kind in "iu") for c in columns]
    codes = [one.encode(c, "x") for one, c in zip(cells, columns, strict=True)]
    return [(one.places[0], *sorted(one.places[1:])) for one in find_sums(codes, cells)]


def numbers(n=100, d=4, seed=0):
    return np.random.default_rng(seed).normal(size=(d, n))


@pytest.mark.parametrize("scale", [1e-150, 1e-3, 1.0, 1e5, 1e150])
def test_floats_add_up_to_rounding(scale):
    a, b, other, _ = scale * numbers()
    assert found([a, a + b, other, b]) == [(1, 0, 3)]
    assert found([a, (a + b) * (1 + 4e-16), other, b]) == [(1, 0, 3)]
    assert found([a, (a + b) * (1 + 1e-12), other, b]) == []


def test_prices_with_cents():
    a, b, *_ = np.abs(numbers(400))
    a, b = (100 * a).round() / 100, (1_000 * b).round() / 100
    assert found([a, b, ((a + b) * 100).round() / 100]) == [(2, 0, 1)]


def test_floats_of_32_bits():
    a, b, *_ = numbers().astype(np.float32)
    columns = [column.astype(float) for column in (a, b, a + b)]
    assert found(columns) == [(2, 0, 1)]
    assert found([*columns[:2], columns[2] * (1 + 1e-5)]) == []


def test_whole_numbers_add_up_exactly():
    a, b = np.random.default_rng(0).integers(0, 10**9, (2, 500))
    assert found([a + b, a, b]) == [(0, 1, 2)]
    off = a + b
    off[7] += 1
    assert found([off, a, b]) == []
    # nor are floats that are whole rounded
    assert found([off.astype(float), a.astype(float), b.astype(float)]) == []
    huge = 2**60 + a
    assert found([huge, huge + b, b]) == [(1, 0, 2)]


def test_rows_with_holes_do_not_count():
    rng = np.random.default_rng(0)
    a, b, other, _ = numbers(300)
    columns = np.stack([a, b, a + b, other])
    columns[rng.random(columns.shape) < 0.5] = np.nan
    assert found(columns) == [(2, 0, 1)]
    columns[2, np.flatnonzero(~np.isnan(columns[:3]).any(axis=0))[-1]] += 1.0
    assert found(columns) == []


@pytest.mark.parametrize(("n", "expected"), [(19, []), (20, [(2, 0, 1)])])
def test_twenty_rows_are_needed(n, expected):
    a, b, *_ = numbers(60)
    a[n:] = np.nan
    assert found([a, b, a + b]) == expected
    zero = np.concatenate([np.ones(n), np.zeros(60 - n)])  # rows of zeros say nothing
    a, b, *_ = numbers(60)
    assert found([a * zero, b * zero, (a + b) * zero]) == expected


def test_constants_and_doubles_are_no_sums():
    a, b, *_ = numbers()
    assert found([a, np.full(100, 3.0), a + 3.0]) == []
    assert found([a, 2 * a, b]) == []


def test_whole_totals_are_of_whole_summands():
    rng = np.random.default_rng(0)
    a = rng.normal(size=100)
    total = rng.integers(0, 100, 100)
    assert found([a, total - a, total]) == []
    count = rng.integers(0, 100, 100)
    assert found([a, count, a + count]) == [(2, 0, 1)]


def test_dates_and_spans():
    rng = np.random.default_rng(0)
    start = np.datetime64("2024-01-01", "ns") + rng.integers(0, 300, 100).astype("m8[D]")
    stay = rng.integers(1, 50, 100).astype("m8[h]").astype("m8[ns]")
    other = rng.integers(1, 50, 100).astype("m8[D]").astype("m8[ns]")
    hours = stay.astype(np.int64)
    assert found([start, stay, start + stay, hours]) == [(2, 0, 1)]
    assert found([other, stay, other + stay]) == [(2, 0, 1)]
    late = start + stay
    late[3] += np.timedelta64(1, "ns")
    assert found([start, stay, late]) == []


def test_the_summand_with_the_coarser_grid_comes_first():
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 5, 100), 10 * rng.integers(0, 50, 100)
    cells = [NumberCells.read(c, "x", whole=True) for c in (a, b, a + b)]
    codes = [one.encode(c, "x") for one, c in zip(cells, (a, b, a + b), strict=True)]
    assert find_sums(codes, cells)[0].places == (2, 1, 0)


def test_what_two_tell_of_the_third():
    a, b, other, _ = numbers()
    columns = np.stack([a, b, a + b, other, a + other], axis=1)
    sums = find_sums(list(columns.T), [NUMBERS] * 5)
    codes = columns[:4].copy()
    codes[0, 2] = codes[1, 0] = codes[2, 1] = np.nan
    codes[3, [1, 3]] = np.nan
    codes[1, 3] = np.nan  # what the second sum tells once the first has told a
    complete(codes, sums)
    np.testing.assert_allclose(codes, columns[:4], rtol=1e-12, atol=1e-12)
    assert not any(one.broken(codes).any() for one in sums)
    codes[0, 2] += 1e-9
    assert [one.broken(codes).tolist() for one in sums] == [[True, *[False] * 3], [False] * 4]


def test_few_integers_are_read_as_numbers():
    few = np.arange(100) % 4
    cells = read_cells(few, "x")
    assert cells.n_levels
    assert read_numbers(few, "x", cells) == NumberCells(0, 1)
    assert read_numbers(few, "x", cells, "ordinal") is None
    labels = np.array(["a", "b"] * 50, dtype=object)
    assert read_numbers(labels, "x", read_cells(labels, "x")) is None


@pytest.mark.parametrize("holes", [0.0, 0.4])
def test_many_columns_take_no_time(holes):
    rng = np.random.default_rng(0)
    columns = rng.normal(size=(100, 1_000))
    columns[3] = columns[7] + columns[1]
    columns[rng.random(columns.shape) < holes] = np.nan
    start = time.perf_counter()
    sums = find_sums(list(columns), [NUMBERS] * 100)
    assert time.perf_counter() - start < 0.5
    assert [sorted(one.places) for one in sums] == [[1, 3, 7]]
