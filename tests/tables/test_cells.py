"""Cells as numbers and back."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from skflow.tables._cells import MAX_LEVELS, UNSEEN, LevelCells, NumberCells, read_cells

TIMES = pd.to_datetime(["2024-03-01", "2024-03-08", None, "2024-02-01"])

COLUMNS = {
    "floats": np.array([0.5, 2.0, np.nan, -3.25]),
    "integers": np.array([10, 30, 20, 70, 110] * 2),
    "few integers": np.repeat([1, 2, 5], 8),
    "large integers": np.array([2**62, 2**62 + 3, 2**62 + 6, 2**62 + 30]),
    "booleans": np.array([True, False, True]),
    "text": np.array(["b", "a", "b", "c"], dtype=object),
    "text with holes": np.array(["b", None, "b", np.nan], dtype=object),
    "dates": TIMES.to_numpy(),
    "spans": (TIMES - TIMES[0]).to_numpy(),
    "constant": np.full(4, 7.5),
    "pandas, zone": pd.Series(TIMES).dt.tz_localize("Europe/Paris"),
    "pandas, nullable": pd.Series([1, None, 3, 8, 20], dtype="Int64"),
    "pandas, nullable booleans": pd.Series([True, None, False], dtype="boolean"),
    "pandas, category": pd.Series(["x", "y", None, "x"], dtype="category"),
    "pandas, ordered": pd.Series(
        pd.Categorical(["low", "high", "low"], ["low", "mid", "high"], ordered=True)
    ),
    "pandas, arrow": pd.Series([1.5, None, 2.5], dtype="double[pyarrow]"),
    "pandas, nullable and large": pd.Series([2**62 + 1, None, 2**62 + 9], dtype="Int64"),
    "objects, large": np.array([2**62 + 1, None, 2**62 + 9], dtype=object),
    "no end": np.array(["0001-01-01", "2024-05-01", "9999-12-31"], dtype="M8[us]"),
    "polars": pl.Series([1.5, None, 2.5]),
    "polars, dates": pl.Series([TIMES[0].date(), None, TIMES[1].date()]),
}
KINDS_OF = {
    "floats": NumberCells,
    "integers": NumberCells,
    "few integers": LevelCells,
    "booleans": LevelCells,
    "text": LevelCells,
    "dates": NumberCells,
    "constant": LevelCells,
    "pandas, ordered": LevelCells,
}


def is_missing(cell):
    return cell is None or cell is pd.NA or cell != cell  # noqa: PLR0124


def as_objects(column):
    return [None if is_missing(cell) else cell for cell in np.asarray(column, dtype=object)]


@pytest.mark.parametrize("name", COLUMNS)
def test_codes_lead_back(name):
    column = COLUMNS[name]
    cells = read_cells(column, "column 0")
    codes = cells.encode(column, "column 0")
    assert codes.dtype == np.float64
    back = cells.decode(codes)
    if back.dtype.kind in "Mm":
        expected = np.asarray(column, dtype=back.dtype)
        np.testing.assert_array_equal(back, expected)
    else:
        assert as_objects(back) == as_objects(column)


@pytest.mark.parametrize("name", KINDS_OF)
def test_kinds(name):
    assert isinstance(read_cells(COLUMNS[name], "column 0"), KINDS_OF[name])


def test_grids_count_steps():
    cells = read_cells(COLUMNS["integers"], "column 0")
    assert (cells.origin, cells.step) == (10, 10)
    days = read_cells(COLUMNS["dates"], "column 0")
    assert np.timedelta64(days.step, days.unit) == np.timedelta64(1, "D")


def test_digits_that_codes_lack_are_those_of_the_column():
    for column in (
        np.array([-(2**63), 5, 2**63 - 1, 2**62 + 1]),
        np.array([1, 10**18 + 1, 10**18 + 2, 7], dtype="M8[ns]"),
    ):
        cells = read_cells(column, "column 0")
        codes = cells.encode(column, "column 0")
        assert (np.diff(codes[:3]) >= 0).all()
        np.testing.assert_array_equal(cells.decode(codes, column), column)
        assert cells.decode(np.array([1e30])).dtype == column.dtype  # and does not wrap


def test_columns_of_which_numpy_makes_other_things():
    large = pl.Series([2**62 + 1, None, 2**62 + 9])
    cells = read_cells(large, "column 0")
    assert cells.decode(cells.encode(large, "column 0")).tolist() == large.to_list()
    days = pd.Series(pd.array([TIMES[0].date(), None], dtype=pd.ArrowDtype(pa.date32())))
    cells = read_cells(days, "column 0")
    back = cells.decode(cells.encode(days, "column 0"))
    np.testing.assert_array_equal(back, np.array(["2024-03-01", "NaT"], dtype="M8[us]"))


def test_times_beyond_those_of_a_fit_in_nanoseconds():
    cells = read_cells(np.array([0, 5, 3], dtype="M8[ns]"), "column 0")
    with pytest.raises(ValueError, match="column 1 holds 9999-12-31.* in row 0.*nanoseconds"):
        cells.encode(np.array(["9999-12-31"], dtype="M8[D]"), "column 1")


def test_order_of_levels():
    ordered = read_cells(COLUMNS["pandas, ordered"], "column 0")
    assert ordered.levels == ("low", "high")
    assert ordered.ordered
    assert read_cells(COLUMNS["text"], "column 0").levels == ("b", "a", "c")
    assert read_cells(np.repeat([5, 1, 2], 8), "column 0").levels == (1, 2, 5)


def test_what_the_fit_had_not():
    cells = read_cells(COLUMNS["text"], "column 0")
    assert cells.encode(np.array(["z", "a"], dtype=object), "").tolist() == [UNSEEN, 1]


def test_declared_kinds():
    numbers = np.repeat([1, 2, 3], 10)
    assert isinstance(read_cells(numbers, "column 0", "number"), NumberCells)
    assert not read_cells(numbers, "column 0", "category").ordered
    assert read_cells(numbers, "column 0", "ordinal").ordered
    assert read_cells(np.array([1.0, 4.0, 2.5e3, 8.0]), "column 0", "integer").step == 1


def test_rare_levels_share_a_code():
    labels = np.array([f"level {k}" for k in range(MAX_LEVELS + 20)] + ["level 0"], dtype=object)
    cells = read_cells(labels, "column 0")
    assert cells.n_levels == MAX_LEVELS + 1
    codes = cells.encode(labels, "column 0")
    assert (codes == MAX_LEVELS).sum() == 20
    assert np.exp(cells.log_share(labels)[codes == MAX_LEVELS]).sum() == pytest.approx(1)
    drawn = cells.decode(codes, rng=np.random.default_rng(0))[codes == MAX_LEVELS]
    assert 1 < len(set(drawn)) <= len(set(cells.pooled))
    assert set(cells.decode(codes)[codes == MAX_LEVELS]) == {cells.pooled[0]}


def test_ranges():
    cells = read_cells(np.repeat([1, 2, 5], 8), "column 0")
    assert cells.range(2, None) == (1, 2)
    assert cells.range(None, 4) == (0, 1)
    with pytest.raises(ValueError, match="no level from 3 to 4"):
        cells.range(3, 4)
    ordered = read_cells(COLUMNS["pandas, ordered"], "column 0")
    assert ordered.range("high", None) == (1, 1)
    with pytest.raises(ValueError, match="no level 'mid'"):
        ordered.range("mid", None)


def test_bad_columns():
    with pytest.raises(ValueError, match="taken for integers and holds 2.5 in row 1"):
        read_cells(np.array([1.0, 2.5]), "column 0", "integer")
    with pytest.raises(ValueError, match="must be finite"):
        read_cells(np.array([1.0, np.inf]), "column 0")
    intervals = pd.Series(pd.interval_range(0, 9))  # their dtype's name begins as integers' do
    for column in (np.array([1j, 2.0]), pd.Series([[1, 2], [3, 4]]), intervals):
        for kind in (None, "integer"):
            with pytest.raises(ValueError, match="column 0 must hold numbers"):
                read_cells(column, "column 0", kind)
    with pytest.raises(ValueError, match=r"beyond 2\*\*63"):
        read_cells(np.array([2**64 - 1, 3], dtype=np.uint64), "column 0")


def test_cells_between_two_steps_come_back():
    cells = NumberCells.read(np.arange(0, 100, 10), "x", whole=True)
    assert cells.step == 10
    np.testing.assert_array_equal(
        cells.decode(cells.encode(np.array([10, 13, 27]), "x")), [10, 13, 27]
    )
