"""Columns of numbers with few decimals."""

import numpy as np
import pytest

from skflow.tables._decimals import DecimalCells

COLUMNS = {
    "cents": (np.round(np.random.default_rng(0).normal(50, 20, 200), 2), 2),
    "whole": (np.arange(-5.0, 95, 5), 0),
    "thousandths far from zero": (1e6 + np.arange(50) / 1000, 3),
    "single precision": ((np.arange(100) / 10).astype(np.float32), 1),
    "with holes": (np.array([0.1, np.nan, 0.35, 0.2] * 5), 2),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_round_trip(name):
    column, decimals = COLUMNS[name]
    cells = DecimalCells.read(column, "x")
    codes = cells.encode(column, "x")
    known = ~np.isnan(codes)
    assert cells.decimals == decimals
    assert cells.strict
    assert codes[known].min() == 0
    assert (codes[known] == np.round(codes[known])).all()
    assert np.gcd.reduce(codes[known].astype(int)) == 1
    np.testing.assert_array_equal(cells.decode(codes).astype(column.dtype), column)


def test_a_few_longer_numbers_are_rounded():
    column = np.array([0.1, 0.2, 0.4] * 20 + [1 / 3])
    cells = DecimalCells.read(column, "x")
    assert cells.decimals == 1
    assert not cells.strict
    assert cells.off_grid(column, "x").tolist() == [False] * 60 + [True]
    assert cells.decode(cells.encode(column, "x"))[-1] == 0.3


def test_numbers_of_all_digits_are_refused():
    with pytest.raises(ValueError, match=r"x is to be decimal.*round it"):
        DecimalCells.read(np.random.default_rng(0).normal(size=50), "x")
