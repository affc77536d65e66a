"""Rows that are picked evenly: each as likely as any other, together nearer to all."""

import numpy as np
import pytest
import torch

from skflow.estimators.frames._even import (
    BLOCK,
    MOST_DRAWN,
    MOST_TIMES,
    evenly_picked,
    times_drawn,
)
from skflow.estimators.frames._fit import _orders


@pytest.mark.parametrize("n", [1, 2, 100, 512, 513, 4096, 4097, 100_000])
def test_few_rows_are_drawn_many_times_and_thousands_once(n):
    times = times_drawn(n)
    assert 1 <= times <= MOST_TIMES
    assert times == 1 or times * n <= MOST_DRAWN
    assert times == MOST_TIMES or 2 * times * n > MOST_DRAWN


@pytest.mark.parametrize(("m", "n"), [(16, 16), (16, 1), (48, 3), (4 * BLOCK, BLOCK), (8000, 500)])
def test_as_many_as_asked_none_twice(m, n):
    picked = evenly_picked(torch.randn(m, 3), n, np.random.default_rng(0))
    assert len(picked) == n == len(set(picked.tolist()))
    assert set(picked.tolist()) <= set(range(m))


def test_each_is_as_likely_as_any_other():
    points = torch.randn(64, 2, generator=torch.Generator().manual_seed(0))
    rng, n_times = np.random.default_rng(0), 4000
    counts = np.zeros(64)
    for _ in range(n_times):
        counts[evenly_picked(points, 16, rng)] += 1
    deviation = np.sqrt(n_times * 0.25 * 0.75)
    assert np.abs(counts - n_times / 4).max() < 4.5 * deviation


def test_equal_points_make_no_trouble():
    points = torch.zeros(2048, 2)
    assert len(evenly_picked(points, 128, np.random.default_rng(0))) == 128


def test_what_comes_first_is_no_nearer_together_than_the_rest():
    points = torch.randn(4096, 2, generator=torch.Generator().manual_seed(0)).numpy()
    picked = points[evenly_picked(torch.from_numpy(points), 256, np.random.default_rng(0))]
    assert np.abs(picked[:128].mean(axis=0)).max() < 0.3
    assert picked[:128].std(axis=0).min() > 0.8


@pytest.mark.parametrize("d", [1, 2, 4])
def test_means_are_nearer_than_those_of_as_many_independent_rows(d):
    errors = []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        points = rng.normal(size=(16 * 100, d))
        picked = points[evenly_picked(torch.from_numpy(points), 100, rng)]
        errors.append([np.square(rows.mean(axis=0)).mean() for rows in (picked, points[:100])])
    even, independent = np.mean(errors, axis=0)
    assert even < 0.3 * independent


def test_few_levels_come_first_in_every_order():
    has_levels = np.array([False, True, False, True, False])
    orders = _orders(1, 8, has_levels, np.random.default_rng(0))
    for order in orders:
        assert has_levels[order][:2].all()
        assert sorted(order) == list(range(5))
    assert len({tuple(order[2:]) for order in orders}) > 1


def test_many_levels_stand_where_they_come():
    has_levels = np.array([False, True, True, True])
    orders = _orders(1, 8, has_levels, np.random.default_rng(0))
    assert len({int(np.flatnonzero(order == 0)[0]) for order in orders}) > 1
