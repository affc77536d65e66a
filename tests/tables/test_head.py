"""A uniform sample of rows that come one after the other."""

import numpy as np
import pytest
from scipy.stats import chisquare, kstest

from skflow.tables._head import Head, keys_of


def settled(n, size, cuts):
    head = Head(size)
    for places in np.array_split(np.arange(n), cuts):
        keys = keys_of(places)
        which = head.admits(keys)
        head.take(keys[which], places[which])
    return head.settle()


def test_keys_are_those_of_the_positions_alone():
    np.testing.assert_array_equal(keys_of(np.arange(100, 200)), keys_of(np.arange(1000))[100:200])


def test_keys_are_uniform_and_of_all_different():
    keys = keys_of(np.arange(200_000))
    assert len(np.unique(keys)) == len(keys)
    assert kstest(keys / 2.0**64, "uniform").pvalue > 1e-3
    neighbours = np.corrcoef(keys[:-1].astype(float), keys[1:].astype(float))[0, 1]
    assert abs(neighbours) < 0.01


@pytest.mark.parametrize("cuts", [1, 7, 400])
def test_the_sample_is_the_same_however_rows_come(cuts):
    keys, places = settled(5_000, 300, cuts)
    order = np.argsort(keys_of(np.arange(5_000)))[:300]
    np.testing.assert_array_equal(places, order)
    assert (np.diff(keys.astype(object)) > 0).all()


def test_the_sample_is_uniform():
    _, places = settled(100_000, 20_000, 50)
    counts = np.histogram(places, bins=20, range=(0, 100_000))[0]
    assert chisquare(counts).pvalue > 1e-3


def test_fewer_rows_than_the_sample_has_room_for_are_all_kept():
    _, places = settled(50, 300, 3)
    assert sorted(places) == list(range(50))


def test_not_much_more_than_the_sample_is_held():
    head = Head(100)
    for places in np.array_split(np.arange(20_000), 100):
        keys = keys_of(places)
        which = head.admits(keys)
        head.take(keys[which], places[which])
        assert head.n_pending <= 150 + 200
