"""Reports of synthetic tables: planted faults are named, fresh tables are left alone."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from skflow import TableReport
from skflow.diagnostics import TableReport as the_same
from skflow.diagnostics.synthetic._reading import MAX_LEVELS

FAIR = 0.65  # of what a closest row may be nearer by chance


def table(n=300, seed=0):
    """Numbers that go together, categories that go with them, days, and holes."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    made = pd.DataFrame(
        {"x": x, "y": 0.8 * x + 0.6 * rng.normal(size=n), "z": rng.gamma(2, size=n)}
    )
    made["level"] = np.where(x + rng.normal(size=n) > 0, "high", "low")
    made["count"] = rng.poisson(3, size=n)
    made["day"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 400, n), unit="D")
    made.loc[rng.random(n) < 0.1, "z"] = np.nan
    made.loc[rng.random(n) < 0.1, "level"] = None
    return made


def shuffled(real, fresh):
    rng = np.random.default_rng(1)
    return fresh.apply(lambda column: column.to_numpy()[rng.permutation(len(column))])


def jittered(real, fresh):
    near = real.copy()
    near["x"] += 1e-3
    return near


# what was done to fresh rows, and what must stand out
FAULTS = {
    "shift": (lambda real, fresh: fresh.assign(z=fresh["z"] + 1), {"columns", "told apart"}),
    "holes": (lambda real, fresh: fresh.assign(x=fresh["x"].mask(fresh["y"] > 1)), {"columns"}),
    "level": (lambda real, fresh: fresh.assign(level="new"), {"columns", "told apart", "pairs"}),
    "apart": (shuffled, {"pairs", "told apart"}),
    "copies": (lambda real, fresh: pd.concat([real[:60], fresh[60:]]), {"copies"}),
    "near": (jittered, {"too near"}),
}


def report(real, synthetic, **options):
    return TableReport.from_frames(real, synthetic, **options)


def names(found):
    return [cause.name for cause in found.causes]


def test_of_equal_tables_the_pair_that_differs_most_is_one():
    rows = np.random.default_rng(0).normal(size=(50, 3))
    reading = report(rows, rows).findings["pairs"].reading
    assert "most column 0 and column 1 (" in reading


@pytest.mark.parametrize("fault", FAULTS)
def test_faults(fault):
    spoil, expected = FAULTS[fault]
    real, fresh = table(), table(seed=1)
    found = report(real, spoil(real, fresh), holdout=table(100, seed=2))
    assert set(names(found)) >= expected
    assert all(cause.evidence and cause.remedy for cause in found.causes)


@pytest.mark.parametrize("seed", [0, 1])
def test_fresh_rows_are_left_alone(seed):
    found = report(table(seed=10 + seed), table(seed=20 + seed))
    assert found.causes == []
    assert found.findings["classifier"].auc < 0.6
    assert found.findings["distances"].nearer < FAIR
    assert "Nothing stands out." in str(found)


@pytest.mark.slow
@pytest.mark.parametrize("n", [30, 100, 500])
def test_fresh_rows_of_many_seeds(n):
    found = []
    for seed in range(30):
        held_out = table(n, 3000 + seed) if seed % 2 else None
        pair = table(n, 1000 + seed), table(n, 2000 + seed)
        found += names(report(*pair, holdout=held_out))
    assert len(found) <= 1


MAKES = {
    "pandas": lambda frame: frame,
    "polars": pl.from_pandas,
    "pyarrow": pa.Table.from_pandas,
    "other order": lambda frame: frame[frame.columns[::-1]],
}


@pytest.mark.parametrize("make", MAKES)
def test_frames_of_any_make(make):
    real, fresh = table(60), table(60, seed=1)
    expected = report(real, fresh).findings
    found = report(real, MAKES[make](fresh)).findings
    for name in ("distances", "p_values", "holes", "unknown"):
        np.testing.assert_array_equal(
            getattr(found["columns"], name), getattr(expected["columns"], name)
        )
    assert found["copies"].synthetic == expected["copies"].synthetic
    assert found["classifier"].auc == expected["classifier"].auc


def test_arrays():
    rng = np.random.default_rng(0)
    real = rng.normal(size=(60, 2))
    found = report(real, rng.normal(size=(60, 2)).tolist())
    assert found.findings["columns"].names == ["column 0", "column 1"]
    assert (found.n_real, found.n_synthetic, found.n_holdout) == (60, 60, 0)
    assert repr(found) == "TableReport(causes=[])"


def test_the_same_twice():
    real, fresh = table(80), table(90, seed=1)
    first, again = (report(real, fresh, random_state=3) for _ in range(2))
    assert str(first) == str(again)
    other = report(real, fresh, random_state=np.random.RandomState(3))
    assert other.n_synthetic == 90


class TestNumbers:
    """Figures that are known."""

    def test_shares_of_levels(self):
        real = pd.DataFrame({"a": ["u"] * 60 + ["v"] * 40, "b": [1.0, np.nan] * 50})
        other = pd.DataFrame({"a": ["u"] * 20 + ["v"] * 60 + ["w"] * 20, "b": [2.0] * 100})
        found = report(real, other).findings["columns"]
        assert found.distances[0] == pytest.approx(0.4)
        assert found.unknown.tolist() == [0.2, 1.0]  # 2.0 is no level of a constant column
        np.testing.assert_array_equal(found.holes, [[0, 0.5], [0, 0]])
        assert found.differ.all()

    def test_distribution_functions(self):
        real = np.linspace(0, 1, 101)[:, np.newaxis]
        found = report(real, real + 0.25).findings["columns"]
        assert found.distances[0] == pytest.approx(0.25, abs=0.01)
        shares = found.shares[0]
        assert shares.real.sum() == pytest.approx(1)
        assert shares.synthetic.sum() == pytest.approx(1)

    def test_associations(self):
        rng = np.random.default_rng(0)
        x = rng.normal(size=400)
        real = pd.DataFrame({"x": x, "cube": x**3, "sign": np.where(x > 0, "+", "-")})
        real["other"] = real["sign"].map({"+": "plus", "-": "minus"})
        found = report(real, shuffled(None, real)).findings["pairs"]
        assert found.real[0, 1] == pytest.approx(1)
        assert found.real[0, 2] == pytest.approx(np.sqrt(0.75), abs=0.01)  # of even ranks
        assert found.real[2, 3] == pytest.approx(1, abs=0.01)
        assert np.abs(found.synthetic - np.eye(4)).max() < 0.2
        assert found.n_beyond == found.n_pairs == 6
        assert found.largest == pytest.approx(1, abs=0.2)

    def test_copies(self):
        real = table(100)
        other = pd.concat([real[:30], table(70, seed=1)])
        found = report(real, other, holdout=table(50, seed=2)).findings["copies"]
        assert (found.synthetic, found.held_out) == (0.3, 0)
        repeated = pd.concat([real, real])
        assert report(repeated, table(50, seed=1)).findings["copies"].held_out == 1

    def test_names_of_many_levels_are_no_copies(self):
        real = pd.DataFrame({"id": [f"a{i}" for i in range(900)], "b": [True, False] * 450})
        other = real.assign(id=[f"a{i}" for i in range(899, -1, -1)], b=[True, False] * 450)
        assert len(real) > 10 * MAX_LEVELS
        found = report(real, other).findings
        assert found["copies"].synthetic == 0
        assert found["columns"].distances[0] == 0

    def test_closest_rows(self):
        real = np.arange(40.0)[:, np.newaxis]
        near, far = real + 0.25, real + 0.5
        found = report(real, near, holdout=far).findings["distances"]
        assert found.nearer > 0.9
        np.testing.assert_allclose(found.synthetic, 0.25 / 39)

    def test_holes_beside_holes(self):
        real = pd.DataFrame({"a": [np.nan, 1.0, 2.0, 3.0] * 10, "b": ["u", None] * 20})
        found = report(real, real).findings["distances"]
        assert found.synthetic.max() == 0


BAD = {
    "lacks a column": (table(), table()[["x", "y"]], "it lacks"),
    "one too many": (table()[["x"]], table()[["x", "y"]], r"real has no \['y'\]"),
    "other number": (np.ones((30, 2)), np.ones((30, 3)), "has 3 columns and real has 2"),
    "few rows": (table(), table(5), "synthetic has 5 rows, and at least 20"),
    "text": (table()[["x"]], table()[["x"]].astype(str) + "?", "synthetic, column 0 .*numbers"),
    "infinite": (table()[["x"]], table()[["x"]] / 0.0, "synthetic, column 0 .*finite"),
    "one axis": (np.ones(30), np.ones(30), "2D array"),
}


@pytest.mark.parametrize("case", BAD)
def test_errors(case):
    real, synthetic, message = BAD[case]
    with pytest.raises(ValueError, match=message):
        report(real, synthetic)


def test_lazy_frames():
    with pytest.raises(TypeError, match="collect"):
        report(table(), pl.from_pandas(table()).lazy())


def test_held_out_rows_are_checked():
    with pytest.raises(ValueError, match="holdout must have the columns of real"):
        report(table(), table(seed=1), holdout=table()[["x"]])


def test_one_name():
    assert the_same is TableReport
