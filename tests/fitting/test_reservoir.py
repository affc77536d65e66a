"""Reservoirs: uniform draws from a stream, however it is cut."""

import numpy as np
import pytest
from scipy.stats import kstest

from skflow.fitting._drift import compare_block
from skflow.fitting._reservoir import Reservoir, blocks_joined
from skflow.tables._head import keys_of


def columns(positions, weight=None):
    return {"rows": np.asarray(positions)[:, None] * 1.0, "weight": weight}


def filled(cuts, n=5_000, size=300, salt=3):
    reservoir = Reservoir(size, salt)
    for positions in np.split(np.arange(n), cuts):
        if len(positions):
            reservoir = reservoir.add(positions, columns(positions))
    return reservoir


@pytest.mark.parametrize("cuts", [[1], [2_000, 2_001, 4_000], list(range(50, 5_000, 50))])
def test_blocks_do_not_matter(cuts):
    np.testing.assert_array_equal(filled(cuts).columns["rows"], filled([]).columns["rows"])


def test_it_is_uniform_and_another_for_another_salt():
    rows = filled([], 100_000, 2_000).columns["rows"][:, 0]
    assert len(np.unique(rows)) == 2_000
    assert kstest(rows / 100_000, "uniform").pvalue > 1e-3
    other = filled([], 100_000, 2_000, salt=4).columns["rows"][:, 0]
    assert len(np.intersect1d(rows, other)) < 100


def test_all_are_kept_while_there_is_room():
    np.testing.assert_array_equal(filled([7], 200).columns["rows"][:, 0], np.arange(200))


def test_adding_changes_nothing_that_was_there():
    before = filled([], 400)
    kept = before.columns["rows"].copy()
    after = before.add(np.arange(400, 900), columns(np.arange(400, 900)))
    np.testing.assert_array_equal(before.columns["rows"], kept)
    assert len(after) == 300


def test_hashes_are_even():
    share = (keys_of(np.arange(200_000), 1) % np.uint64(20) == 0).mean()
    assert share == pytest.approx(0.05, abs=0.003)


def test_draws_are_without_repetition():
    rng = np.random.default_rng(0)
    drawn = filled([]).draw(100, rng)["rows"][:, 0]
    assert len(np.unique(drawn)) == 100
    assert len(filled([]).draw(1_000, rng)["rows"]) == 300


def test_weights_that_some_blocks_have():
    one, other = columns([1, 2]), columns([3], np.array([0.5]))
    np.testing.assert_array_equal(blocks_joined([one, other])["weight"], [1, 1, 0.5])
    assert blocks_joined([one, one])["weight"] is None


class TestDrift:
    @staticmethod
    def blocks(seed, shift=0.0, n=5_000, m=2_000):
        rng = np.random.default_rng(seed)
        now, then = rng.normal(size=(n, 8)), rng.normal(size=(m, 8))
        now[:, 3] += shift
        return *(-0.5 * (x**2).sum(axis=1) for x in (now, then)), now, then

    def test_chance_is_not_reported(self):
        found = [compare_block(*self.blocks(seed)) for seed in range(200)]
        assert not any(drift.reported for drift in found)
        assert all(drift.typical for drift in found)

    def test_half_a_deviation_of_one_column_is(self):
        found = [compare_block(*self.blocks(seed, 0.5)) for seed in range(20)]
        assert all(list(drift.columns) == [3] for drift in found)

    def test_a_block_that_is_likelier_is_not_typical(self):
        scores, before, now, then = self.blocks(0)
        drift = compare_block(scores + 1, before, now, then)
        assert not drift.reported
        assert not drift.typical

    def test_little_is_said_of_few_rows(self):
        assert not compare_block(np.full(9, -99.0), np.zeros(19), None, None).reported
        scores, before, *_ = self.blocks(0)
        assert not compare_block(scores[:1] - 5, before, None, None).reported
