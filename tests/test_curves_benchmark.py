"""The benchmark's tables have the density that they claim, and nothing that fails gets lost."""

import pathlib
import time

import numpy as np
import pandas as pd
import pytest

FOLDER = pathlib.Path(__file__).parents[1] / "benchmarks"


FAMILIES = ["bananas", "copula", "blobs"]


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_integrates_to_one_and_draws_from_its_density(benchmark, name):
    family = benchmark("_simulated").FAMILIES[name](2)
    score = family.log_density(family.sample(20_000, np.random.default_rng(0)))
    axis = np.linspace(-12, 20, 641) + 1e-6  # off the jumps at 0 and 1
    grid = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        log = family.log_density(grid)
    log = np.where(np.isfinite(log), log, -1e9)
    mass = np.exp(log) * (axis[1] - axis[0]) ** 2
    assert mass.sum() == pytest.approx(1, abs=0.03)  # jumps lie within a cell
    error = score.std() / len(score) ** 0.5
    assert score.mean() == pytest.approx((mass * log).sum() / mass.sum(), abs=4 * error + 0.02)


@pytest.mark.parametrize("d", [1, 3, 8])
@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_has_any_number_of_columns(benchmark, name, d):
    family = benchmark("_simulated").FAMILIES[name](d)
    X = family.sample(50, np.random.default_rng(0))
    assert X.shape == (50, d)
    assert np.isfinite(family.log_density(X)).all()


class Truth:
    """The density itself, behind fit and score_samples, in standardised columns."""

    def __init__(self, of_truth):
        self.of_truth = of_truth

    def fit(self, X):
        return self

    def score_samples(self, X):
        return self.of_truth


class Failing(Truth):
    def fit(self, X):
        raise ValueError("no")


class Endless(Truth):
    def fit(self, X):
        while True:
            try:
                time.process_time()
            except Exception:  # as searches do
                continue


def test_the_truth_falls_short_of_nothing(benchmark):
    curves = benchmark("curves")
    data = curves.simulated("blobs", 50, 2, 100, seed=0)
    row = curves.measure(lambda: Truth(data[2]), *data, max_seconds=10)
    assert row["error"] == ""
    assert row["short_of_truth"] == row["not_finite"] == 0
    assert row["cpu_s"] >= 0


def test_the_score_is_that_of_standardised_columns(benchmark):
    train, test, of_truth = benchmark("curves").simulated("blobs", 5000, 1, 5000, seed=0)
    # of a column of deviation one, a normal density has the least score of all
    assert train.std() == pytest.approx(1)
    assert of_truth.mean() > -0.5 * np.log(2 * np.pi * np.e) - 0.05
    histogram, _ = np.histogram(test, bins=40, density=True)
    share = histogram[histogram > 0] / histogram.sum()
    width = np.ptp(test) / 40
    assert of_truth.mean() == pytest.approx((share * np.log(share / width)).sum(), abs=0.05)


@pytest.mark.parametrize(("kind", "told"), [(Failing, "ValueError: no"), (Endless, "OutOfTime")])
def test_a_failure_and_a_timeout_are_rows(benchmark, monkeypatch, capsys, kind, told):
    curves = benchmark("curves")
    monkeypatch.setitem(curves.MODELS, "KDE, tuned", lambda: kind(None))
    monkeypatch.setattr(curves, "load_what_is_loaded_once", lambda name: None)
    key, known = {"axis": "rows", "family": "blobs", "n": 50, "d": 2, "seed": 0}, {}
    data = curves.simulated("blobs", 50, 2, 100, seed=0)
    models = ["KDE, tuned", "GMM, tuned"]
    results = pd.DataFrame(
        curves.run_cell(key, data, models, 0.2 if kind is Endless else 60, known)
    )
    assert results["error"].iloc[0].startswith(told)
    assert told in capsys.readouterr().out
    helper = benchmark("_curves")
    gaps = helper.add_gaps(results)
    assert gaps["gap"].isna().tolist()[0]
    assert "failed" in helper.table(gaps)
    # what is known is not measured again, on another axis either
    again = list(curves.run_cell({**key, "axis": "columns"}, data, models, 60, known))
    assert [row["cpu_s"] for row in again] == results["cpu_s"].tolist()
    assert {row["axis"] for row in again} == {"columns"}


def test_the_front_is_what_nothing_faster_comes_near(benchmark):
    gap = [0.1, 0.5, 0.6, 0.2, np.nan, 0.099, np.inf]
    cell = pd.DataFrame({"cpu_s": [3.0, 1.0, 2.0, 4.0, 0.5, 5.0, 0.1], "gap": gap})
    assert benchmark("_curves").front(cell).index.tolist() == [1, 0]


def test_a_picture_has_room_for_what_failed_and_what_is_missing(benchmark, tmp_path):
    cells = [("blobs", 60), ("blobs", 90), ("copula", 60)]  # a run that was interrupted
    models = {
        "GMM, tuned": (0.5, 0.0005),
        "KDE, tuned": (0.001, np.inf),
        "zuko NSF": (9.0, np.nan),
    }
    rows = [
        {"axis": "rows", "family": family, "n": n, "d": 2, "model": model, "cpu_s": s, "gap": gap}
        for family, n in cells
        for model, (s, gap) in models.items()
    ]
    benchmark("_curves").write_picture(pd.DataFrame(rows), tmp_path / "picture.png")
    assert (tmp_path / "picture.png").stat().st_size > 10_000


def test_of_real_tables_the_best_has_no_gap(benchmark):
    results = pd.DataFrame(
        {
            "axis": "tables",
            "family": "iris",
            "n": 9,
            "d": 4,
            "score": [-2.0, -4.0, np.nan],
            "short_of_truth": np.nan,
            "error": ["", "", "ValueError: no"],
        }
    )
    gaps = benchmark("_curves").add_gaps(results)["gap"]
    np.testing.assert_array_equal(gaps, [0, 0.5, np.nan])


def test_kernels_that_do_not_reach_a_row_leave_it_a_finite_score(benchmark):
    class Box(benchmark("_optional")._Floored):
        def _fit(self, X):
            pass

        def _log_density(self, X):
            return np.log((np.abs(X) < 0.5).all(axis=1) * 1.0)

    X = 3 * np.random.default_rng(0).normal(size=(99, 1)) + 5
    density = Box().fit(X)
    x = np.linspace(-3e3, 3e3, 1_000_001)[:, None]
    score = density.score_samples(x)
    assert np.isfinite(score).all()
    assert np.exp(score).sum() * 0.006 == pytest.approx(1, abs=0.005)


@pytest.mark.slow
def test_a_quick_run_saves_rows_and_pictures(benchmark, tmp_path, capsys):
    benchmark("curves").main(["--quick", "--output", str(tmp_path)])
    results = pd.read_csv(tmp_path / "curves.csv")
    assert results["error"].isna().all()
    assert set(results["axis"]) == {"rows", "columns"}
    assert (results["short_of_truth"] > 0).all()
    assert (tmp_path / "curves_rows.png").stat().st_size > 10_000
    assert (tmp_path / "curves_columns.png").exists()
    printed = capsys.readouterr().out
    assert "Over rows" in printed
    assert "Over columns" in printed


@pytest.mark.slow
def test_steps_per_second_are_said_or_not_measured(benchmark, capsys):
    benchmark("gpu_step").main(
        ["--rows=100", "--columns=2", "--steps=3", "--repeats=1", "--fits", "100"]
    )
    printed = capsys.readouterr().out
    assert "| cpu |" in printed
    import torch

    assert ("not measured: no CUDA device" in printed) != torch.cuda.is_available()
