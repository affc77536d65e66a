"""The benchmarks of tables measure what they claim, on tables made up here."""

import argparse
import json
import sys

import numpy as np
import pandas as pd
import pytest
from scipy import stats

SMALL = {"n_members": 1, "n_orders": 2, "hidden_features": (64, 64)}


def chained(n, seed=0):
    """Rows (n, 3) of columns that correlate at 0.94."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 1)) + 0.25 * rng.normal(size=(n, 3))


def mixed(n, seed=0, zeros=0.5):
    """A frame of a number, an integer with a share of zeros and a category, independent."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "number": rng.normal(5.0, 2.0, size=n),
            "integer": np.where(rng.uniform(size=n) < zeros, 0, rng.poisson(20, size=n)),
            "level": rng.choice(["a", "b", "c"], p=[0.5, 0.3, 0.2], size=n),
        }
    )


def truth(table, zeros=0.5):
    """Log density of rows as ``mixed`` makes them."""
    integer = table["integer"].to_numpy()
    shares = zeros * (integer == 0) + (1 - zeros) * stats.poisson(20).pmf(integer)
    levels = table["level"].map({"a": 0.5, "b": 0.3, "c": 0.2}).to_numpy(dtype=float)
    return stats.norm(5, 2).logpdf(table["number"]) + np.log(shares) + np.log(levels)


@pytest.fixture
def small(benchmark, monkeypatch):
    """Let fits be of one small net."""
    module = benchmark("_frames")
    for name, value in SMALL.items():
        monkeypatch.setitem(module.SETTINGS, name, value)
    return module


@pytest.fixture
def run(benchmark, small, tmp_path, monkeypatch):
    """Return the function that runs a script on the tables of a folder; it returns its rows."""
    monkeypatch.setenv("SKFLOW_DATA", str(tmp_path))

    def call(name, *options):
        folder = tmp_path / "results"
        options = [*options, "--max-steps", "60", "--output", str(folder)]
        monkeypatch.setattr(sys, "argv", [name, *options])
        with pytest.raises(SystemExit):
            benchmark(name).main()
        rows = benchmark("_common").read_rows(folder / f"{name}.csv")
        figures = [value for row in rows for value in row.values() if isinstance(value, float)]
        assert np.isfinite(figures).all()
        assert rows[0]["table"] in (folder / f"{name}.md").read_text()
        return rows

    return call


def save_frame(folder, name, table, target):
    """Write a frame as the benchmarks read it."""
    categories = [column for column in table if table[column].dtype.kind not in "if"]
    table.to_csv(folder / f"{name}.csv.gz", index=False)
    facts = {"categories": categories, "target": target}
    (folder / f"{name}.json").write_text(json.dumps(facts))


def copied_bits(n, seed):
    """Rows (n, 4) of two fair coins, each written twice: entropy 2 log 2."""
    return np.repeat(np.random.default_rng(seed).integers(2, size=(n, 2)), 2, axis=1)


def test_binary_tables(run, tmp_path):
    parts = {
        part: copied_bits(200, seed).astype(np.uint8)
        for seed, part in enumerate(["train", "valid", "test"])
    }
    np.savez(tmp_path / "nltcs.npz", **parts)
    (row,) = run("binary_tables", "--tables", "nltcs", "--validation")
    assert row["rows"] == 400
    assert row["log_probability"] == pytest.approx(-2 * np.log(2), abs=0.2)


def test_binary_tables_are_fetched_and_hold_two_values(benchmark, tmp_path, monkeypatch):
    module = benchmark("_frames")
    monkeypatch.setattr(module, "BINARY", str(tmp_path))
    monkeypatch.delenv("SKFLOW_DATA", raising=False)
    (tmp_path / "dna").mkdir()
    for seed, part in enumerate(module.PARTS):
        rows = copied_bits(5, seed)
        np.savetxt(tmp_path / "dna" / f"dna.{part}.data", rows, fmt="%d", delimiter=",")
    for seed, part in enumerate(module.binary("dna")):
        np.testing.assert_array_equal(part, copied_bits(5, seed))
    np.savetxt(tmp_path / "dna" / "dna.test.data", 2 * rows, fmt="%d", delimiter=",")
    with pytest.raises(ValueError, match="nothing but 0 and 1"):
        module.binary("dna")


def test_frames_are_read_as_they_are(benchmark, tmp_path, monkeypatch):
    table = mixed(20)
    table["code"] = ["01", "?"] * 10
    save_frame(tmp_path, "german", table, "level")
    monkeypatch.setenv("SKFLOW_DATA", str(tmp_path))
    found, target = benchmark("_frames").frame("german")
    assert target == "level"
    assert found["code"].isna().sum() == 10
    assert found["code"][0] == "01"
    pd.testing.assert_frame_equal(found[["number", "integer"]], table[["number", "integer"]])


def test_a_fetched_frame_has_integers_and_text(benchmark, monkeypatch):
    module = benchmark("_frames")
    table = mixed(20).astype({"integer": float, "level": "category"})
    table.loc[0, "level"] = np.nan
    found = argparse.Namespace(frame=table, target_names=["level"])
    monkeypatch.setattr(module, "fetch_openml", lambda **_: found)
    monkeypatch.delenv("SKFLOW_DATA", raising=False)
    frame, target = module.frame("german")
    assert target == "level"
    assert frame["integer"].dtype == np.int64
    assert frame["level"].isna().sum() == 1
    assert set(frame["level"].dropna()) <= {"a", "b", "c"}


def test_mixed_forests(run, tmp_path):
    table = mixed(400)
    table["copy"] = table["level"]
    save_frame(tmp_path, "german", table, "level")
    (row,) = run("mixed_forests", "--tables", "german", "--trees", "10")
    assert row["independent_gain"] > 0.5  # of log 3, as the copy is foretold
    assert row["forest"] > row["independent"]


def test_marginals_come_near_the_truth(benchmark):
    train, test = mixed(2_000), mixed(2_000, seed=1)
    marginals = benchmark("_marginals").Marginals().fit(train, pd.concat([train, test]))
    lost = truth(test) - marginals.score_samples(test)
    assert lost.mean() == pytest.approx(0.0, abs=0.03)
    grid = np.linspace(-20, 30, 4_001)
    number, integer, level = marginals.columns_
    assert np.trapezoid(number.density(grid), grid) == pytest.approx(1.0, abs=1e-3)
    assert integer.density(np.arange(-500, 500)).sum() == pytest.approx(1.0)
    np.testing.assert_allclose(level.cdf(np.array([-1, 0.5, 2])), [0, level.shares[0], 1])
    ends = np.array([-0.5, 10.5])
    cells = integer.density(np.arange(11)).sum()
    assert np.diff(integer.cdf(ends))[0] == pytest.approx(cells)


@pytest.fixture
def forest(benchmark):
    """Return the function that fits marginals and an adversarial forest to a frame."""

    def fit(table, **settings):
        marginals = benchmark("_marginals").Marginals().fit(table, table)
        module = benchmark("_adversarial_forest")
        model = module.AdversarialForest(marginals, **settings)
        return marginals, model.fit(marginals.codes(table))

    return fit


@pytest.mark.filterwarnings("ignore:Some inputs do not have OOB")
def test_a_forest_of_independent_columns_comes_near_the_truth(forest):
    marginals, model = forest(mixed(2_000, zeros=0.0), n_trees=20, min_leaf=100)
    test = mixed(1_000, seed=1, zeros=0.0)
    scores = model.score_samples(marginals.codes(test))
    assert np.mean(truth(test, zeros=0.0) - scores) == pytest.approx(0.0, abs=0.1)
    assert model.accuracies_[0] == pytest.approx(0.5, abs=0.06)


@pytest.mark.filterwarnings("ignore:Some inputs do not have OOB")
def test_each_density_of_a_forest_has_integral_one(forest):
    table = mixed(150)
    table["level"] = np.where(table["number"] > 5, "b", table["level"])
    marginals, model = forest(table, n_trees=3, min_leaf=5)
    number, integer, level = np.meshgrid(
        np.linspace(-5, 15, 301), np.arange(-50, 80), np.arange(3), indexing="ij"
    )
    grid = np.column_stack([number.ravel(), integer.ravel(), level.ravel()])
    density = np.exp(model.score_samples(grid)).reshape(number.shape).sum(axis=(1, 2))
    assert np.trapezoid(density, number[:, 0, 0]) == pytest.approx(1.0, abs=0.02)


def test_a_forest_learns_what_goes_with_what(forest):
    table = mixed(1_000)
    table["number"] = np.where(table["level"] == "a", 0.0, 9.0) + 0.1 * table["number"]
    marginals, model = forest(table, n_trees=20)
    scores = model.score_samples(marginals.codes(table))
    assert len(model.accuracies_) > 1
    assert model.accuracies_[-1] < model.accuracies_[0] - 0.1
    assert np.mean(scores - marginals.score_samples(table)) > 0.4


def test_synthetic_rows_are_of_cells_that_share_a_leaf(benchmark):
    drawn_within = benchmark("_adversarial_forest").drawn_within
    leaves = np.repeat([[3, 7], [4, 9]], [10, 30], axis=0)
    X = np.column_stack([leaves[:, 0], leaves[:, 1], np.arange(40)])
    rows = drawn_within(leaves, X, np.random.default_rng(0))
    assert set(map(tuple, rows[:, :2])) == {(3, 7), (4, 9)}
    np.testing.assert_array_equal(rows[:, 2] < 10, rows[:, 0] == 3)
    assert len(np.unique(rows[:, 2])) > 10


def test_holes(run, tmp_path, monkeypatch, benchmark):
    np.savez(tmp_path / "chained.npz", X=chained(300))
    rows = run("holes")
    (row,) = rows
    assert (row["table"], row["rows"], row["columns"]) == ("chained", 240, 3)
    assert row["cost"] == pytest.approx(row["whole"] - row["holed"])
    assert abs(row["cost"]) < 2
    monkeypatch.setattr(benchmark("holes"), "measure", None)
    assert run("holes", "--resume") == rows  # what is done is not done again


def test_the_smallest_tables_are_those_with_the_fewest_cells(small, tmp_path, monkeypatch):
    monkeypatch.setenv("SKFLOW_DATA", str(tmp_path))
    rng = np.random.default_rng(0)
    for name, shape in {"a": (50, 4), "b": (20, 9), "c": (60, 3)}.items():
        np.savez(tmp_path / f"{name}.npz", X=rng.normal(size=shape))
    assert small.smallest(2) == ["b", "c"]


def test_so_many_cells_are_missing(small):
    X = np.ones((200, 50))
    found = np.isnan(small.with_holes(X, 0.3, np.random.default_rng(0)))
    assert found.mean() == pytest.approx(0.3, abs=0.01)
    assert np.isfinite(X).all()


def test_odd_cells(run, tmp_path):
    np.savez(tmp_path / "copies.npz", X=chained(300) + np.array([0.0, 3.0, 9.0]))
    (row,) = run("odd_cells", "--trials", "50")
    assert row["explain"] > 0.7
    assert row["forest"] > 1 / 3


def test_one_cell_of_each_row_is_another_value_of_its_column(benchmark):
    train, test = np.arange(60.0).reshape(20, 3), 100 + np.arange(12.0).reshape(4, 3)
    rng = np.random.default_rng(0)
    rows, cells = benchmark("odd_cells").replaced(train, test, 10, rng)
    changed = rows < 100
    np.testing.assert_array_equal(changed.sum(axis=1), 1)
    np.testing.assert_array_equal(changed.argmax(axis=1), cells)
    np.testing.assert_array_equal(rows[changed] % 3, cells)
    assert (test >= 100).all()


def test_a_shared_first_rank_is_a_share_of_a_find(benchmark):
    scores = np.array([[1.0, 2.0, 2.0], [3.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    found = benchmark("odd_cells").found(scores, np.array([1, 1, 2]))
    np.testing.assert_allclose(found, [1 / 2, 0, 1 / 3])


def test_imputers(run, tmp_path, benchmark, monkeypatch):
    monkeypatch.setattr(benchmark("imputers"), "N_FOLDS", 2)
    X, rng = chained(100), np.random.default_rng(0)
    table = pd.DataFrame(X + np.arange(3.0), columns=["a", "b", "c"])
    table["y"] = np.where(X.mean(axis=1) + 0.1 * rng.normal(size=100) > 0, "p", "q")
    save_frame(tmp_path, "seeds", table, "y")
    rows = run("imputers", "--tables", "seeds", "--repeats", "1")
    assert len(rows) == 3 * 2
    assert {row["imputer"] for row in rows} == {"FlowImputer", "IterativeImputer", "KNNImputer"}
    means = {name: [] for name in {row["imputer"] for row in rows}}
    for row in rows:
        means[row["imputer"]].append(row["accuracy"])
    assert min(map(np.mean, means.values())) > 0.75
