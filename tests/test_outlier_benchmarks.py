"""The benchmarks of outliers measure what they claim, on tables made up here."""

import sys

import numpy as np
import pytest


@pytest.fixture
def run(benchmark, tmp_path, monkeypatch):
    """Return the function that runs a script on the tables of a folder; it returns its rows."""
    monkeypatch.setenv("SKFLOW_DATA", str(tmp_path))

    def call(name, *options):
        folder = tmp_path / "results"
        argv = [name, "--tables", "14_glass", *options, "--output", str(folder)]
        monkeypatch.setattr(sys, "argv", argv)
        with pytest.raises(SystemExit):
            benchmark(name).main()
        assert "14_glass" in (folder / f"{name}.md").read_text()
        return benchmark("_common").read_rows(folder / f"{name}.csv")

    return call


@pytest.fixture
def ring(tmp_path):
    """Save rows around a circle, a copy of one column and a tenth of anomalies anywhere."""
    rng = np.random.default_rng(0)
    angle = rng.uniform(0, 2 * np.pi, size=200)
    X = np.column_stack([np.cos(angle), np.sin(angle), np.cos(angle)])
    X += 0.1 * rng.normal(size=X.shape)
    is_odd = np.arange(200) < 20
    X[is_odd] = rng.uniform(-4, 4, size=(20, 3))
    np.savez(tmp_path / "14_glass.npz", X=X, y=is_odd.astype(int))
    return X, is_odd


@pytest.mark.usefixtures("ring")
def test_contaminated(run):
    rows = run("contaminated", "--seeds", "2")
    assert [row["seed"] for row in rows] == [0, 1]
    for row in rows:
        assert row["rows"] == 100
        assert row["odd"] == 10
        assert min(row["detector"], row["neighbours"]) > 90


@pytest.mark.usefixtures("ring")
def test_a_run_that_resumes_measures_nothing_twice(run):
    run("contaminated", "--seeds", "1")
    assert len(run("contaminated", "--seeds", "2", "--resume")) == 2


def test_halves_are_standardised_by_the_rows_that_train(benchmark, ring):
    X, is_odd = ring
    train, test, odd = benchmark("contaminated").halves(X, is_odd, 0)
    np.testing.assert_allclose(train.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(train.std(axis=0), 1)
    assert len(train) == len(test) == len(odd) == 100
    assert abs(test.mean(axis=0)).max() > 1e-6


def test_long_tables_are_drawn_from(benchmark, ring, monkeypatch):
    monkeypatch.setattr(benchmark("contaminated"), "MAX_ROWS", 50)
    train, test, _ = benchmark("contaminated").halves(*ring, 0)
    assert len(train) == len(test) == 25


@pytest.mark.usefixtures("ring")
def test_odd_columns(run):
    (row,) = run("odd_columns", "--seeds", "1")
    assert (row["rows"], row["trials"]) == (120, 60)
    assert row["explain"] > 0.5


def test_odd_columns_leaves_out_columns_that_do_not_vary(benchmark):
    X = np.random.default_rng(0).normal(size=(90, 25))
    X[:, 3] = 1.0
    train, test = benchmark("odd_columns").thirds(X, 0)
    assert train.shape == (60, 19)
    assert test.shape == (30, 19)


def test_anomalies_are_fetched_without_a_folder(benchmark, ring, tmp_path, monkeypatch):
    module = benchmark("_outliers")
    monkeypatch.delenv("SKFLOW_DATA", raising=False)
    monkeypatch.setattr(module, "ADBENCH", tmp_path.as_uri())
    X, is_odd = module.labelled("14_glass")
    np.testing.assert_array_equal(X, ring[0])
    np.testing.assert_array_equal(is_odd, ring[1])
