"""The regression benchmarks measure what they claim, read what they fetch and lose no row."""

import pathlib
import subprocess
import sys
import types

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.linear_model import LinearRegression

from skflow.metrics import crps_of_draws

FOLDER = pathlib.Path(__file__).parents[1] / "benchmarks"


def line(n, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 2))
    return X, X @ [1.0, -2.0] + 0.5 * rng.normal(size=n)


def test_crps_is_that_of_the_package(benchmark):
    rng = np.random.default_rng(0)
    y, draws = rng.normal(size=50), rng.normal(size=(50, 20))
    found = benchmark("_regression").crps(draws, y)
    assert found.shape == (50,)
    assert found.mean() == pytest.approx(crps_of_draws(y, draws))


def test_a_grid_is_spread_over_its_step_and_numbers_are_not(benchmark):
    spread = benchmark("_regression").spread
    grid = np.repeat([3.0, 5.0, 6.0], 2_000)
    y = spread(grid, np.random.default_rng(0))
    assert np.abs(y - grid).max() <= 0.5
    assert (y - grid).std() == pytest.approx(12**-0.5, rel=0.03)
    numbers = np.random.default_rng(0).normal(size=100)
    assert spread(numbers, np.random.default_rng(0)) is numbers


def test_gaussian_residuals_have_the_figures_of_a_known_density(benchmark):
    (X, y), (X_test, y_test) = line(4_000), line(4_000, seed=1)
    model = benchmark("_regression_peers").GaussianResiduals(LinearRegression())
    figures = benchmark("_regression").measure(model, X, y, X_test, y_test)
    assert model.deviation_ == pytest.approx(0.5, rel=0.03)
    assert figures["NLL"] == pytest.approx(norm(0, 0.5).entropy(), abs=0.03)
    assert figures["RMSE"] == pytest.approx(0.5, rel=0.03)
    assert figures["CRPS"] == pytest.approx(0.5 / np.sqrt(np.pi), rel=0.03)
    assert figures["in 90 %"] == pytest.approx(0.9, abs=0.02)


def test_deviations_are_of_rows_that_were_not_fitted(benchmark):
    X, y = np.random.default_rng(0).normal(size=(2, 30))
    X = np.column_stack([X, np.random.default_rng(1).normal(size=(30, 20))])
    fitted = LinearRegression().fit(X, y)
    model = benchmark("_regression_peers").GaussianResiduals(LinearRegression()).fit(X, y)
    assert model.deviation_ > 2 * np.std(y - fitted.predict(X))


@pytest.fixture
def originals(benchmark, tmp_path, monkeypatch):
    """A folder as published, of rows whose second column is y."""
    module = benchmark("_regression")
    folder = tmp_path / "yacht" / "data"
    folder.mkdir(parents=True)
    rows = np.arange(12.0).reshape(4, 3)
    for name, values in {
        "data": rows,
        "index_features": [0, 2],
        "index_target": [1],
        "n_splits": [2],
        "index_test_0": [3],
        "index_test_1": [0, 2],
    }.items():
        np.savetxt(folder / f"{name}.txt", values)
    monkeypatch.setattr(module, "SPLITS", str(tmp_path))
    monkeypatch.delenv("SKFLOW_DATA", raising=False)
    return module, rows


def test_what_is_fetched_is_what_a_file_holds(originals, tmp_path, monkeypatch):
    module, rows = originals
    X, y, tests = module.published("yacht")
    np.testing.assert_array_equal(X, rows[:, [0, 2]])
    np.testing.assert_array_equal(y, rows[:, 1])
    assert [list(test) for test in tests] == [[3], [0, 2]]
    np.savez(tmp_path / "yacht.npz", X=X, y=y, test=[[3], [0]])
    monkeypatch.setenv("SKFLOW_DATA", str(tmp_path))
    again = module.published("yacht")
    np.testing.assert_array_equal(again[0], X)
    np.testing.assert_array_equal(again[2], [[3], [0]])


def test_a_folder_without_the_table_is_told(benchmark, tmp_path, monkeypatch):
    monkeypatch.setenv("SKFLOW_DATA", str(tmp_path))
    with pytest.raises(SystemExit, match=r"holds none of regression/yacht\.npz, yacht\.npz"):
        benchmark("_regression").published("yacht")


def test_splits_are_cut_and_do_not_overlap(benchmark):
    tests = [np.array([0, 1, 2]), np.array([3, 4, 5])]
    for k, train, test in benchmark("regression").splits(10, tests, None):
        assert sorted([*train, *test]) == list(range(10))
        assert list(test) == list(tests[k])
    for _, train, test in benchmark("regression").splits(10, tests, 2):
        assert len(train) == len(test) == 2
        assert not set(train) & set(test)


def test_a_journal_goes_on_where_it_stopped(benchmark, tmp_path):
    Journal = benchmark("_common").Journal
    path = tmp_path / "new" / "rows.csv"
    first = Journal(path, ("set", "split"), resume=True)
    first.add({"set": "a, b", "split": 0, "NLL": float("nan"), "error": "say: no"})
    first.add({"set": "a, b", "split": 1, "NLL": 0.1, "error": ""})
    again = Journal(path, ("set", "split"), resume=True)
    assert ("a, b", 1) in again
    assert ("a, b", 2) not in again
    assert again.rows[1] == first.rows[1]
    assert again.rows[0]["error"] == "say: no"
    assert Journal(path, ("set", "split"), resume=False).rows == []
    assert not path.exists()


def measured(model, split, nll):
    figures = {
        "NLL": nll,
        "RMSE": 1.0,
        "CRPS": 0.5,
        "in 90 %": 0.9,
        "fit_s": 2.0,
        "answers_s": 1.0,
    }
    return {"set": "yacht", "split": split, "model": model, "rows": 277.0} | figures


def test_the_report_is_of_both_files_each_measurement_once(benchmark):
    module, key = benchmark("_regression_report"), benchmark("regression").KEY
    main = [measured("FlowRegressor", k, nll) for k, nll in enumerate([0.0, 0.2])]
    peers = [measured("NGBoost", 0, 0.3), measured("FlowRegressor", 0, 9.0)]
    rows = module.merged([main, peers], key)
    assert len(rows) == 3
    text = module.report(rows)
    assert "| FlowRegressor | 0.10 ± 0.10 |" in text
    assert "| NGBoost | 0.30 |" in text
    assert "| yacht | 277 | NGBoost | 1 | 1.000 | 0.500 | 0.900 | 2.0 | 1.0 |" in text
    assert set(module.SOURCES) == set(module.PUBLISHED)


def test_fits_of_other_numbers_of_rows_have_a_column_of_their_own(benchmark):
    rows = [measured("FlowRegressor", 0, 0.0), measured("FlowRegressor", 0, 2.0) | {"rows": 99}]
    header, _, first, *published = benchmark("_regression_report").likelihoods(rows).splitlines()
    assert header == "|  | yacht, 99 rows | yacht, 277 rows |"
    assert first == "| FlowRegressor | 2.00 | 0.00 |"
    assert "| PBP | 1.63 | 1.63 |" in published


def test_a_model_that_fails_is_reported(benchmark):
    run = benchmark("regression")

    def failing(seed):
        raise KeyError("x")

    X, y = line(20)
    result = run.attempt(failing, 0, X, y, np.arange(10), np.arange(10, 20))
    assert result["error"] == "KeyError: 'x'"
    row = {"set": "yacht", "split": 0, "model": "lost", "rows": 10} | result
    assert "| lost | failed |" in benchmark("_regression_report").report([row])


def test_ngboost_boosts_as_long_as_held_out_rows_liked_best(benchmark, monkeypatch):
    fits = []

    class NGBRegressor:
        best_val_loss_itr = 6  # counted from 0

        def __init__(self, **settings):
            self.settings = settings

        def fit(self, X, y, X_val=None, Y_val=None):
            fits.append((self.settings["n_estimators"], len(y), Y_val is not None and len(Y_val)))
            return self

        def pred_dist(self, X):
            return types.SimpleNamespace(loc=np.zeros(len(X)), scale=np.ones(len(X)))

    for name, content in {
        "ngboost": {"NGBRegressor": NGBRegressor},
        "ngboost.distns": {"Normal": None},
        "ngboost.scores": {"LogScore": None},
    }.items():
        module = types.ModuleType(name)
        vars(module).update(content)
        monkeypatch.setitem(sys.modules, name, module)
    X, y = line(50)
    model = benchmark("_regression_peers").NGBoost(0).fit(X, y)
    assert fits == [(2_000, 40, 10), (7, 50, False)]
    np.testing.assert_allclose(model.log_density(X, y), norm.logpdf(y))


def test_losers_are_flagged(benchmark):
    summary = benchmark("any_regressor").summary
    row = {
        "table": "yacht",
        "rows": 300,
        "ours": -1.0,
        "gaussian": -1.0,
        "error": 0.02,
        "seconds": 1,
    }
    gains = {"ridge": (0.0, -0.02), "forest": (-0.02, -0.04), "lost": (0.1, float("nan"))}
    rows = [row | {"regressor": r, "gain": gain} for r, some in gains.items() for gain in some]
    lines, losers = summary(rows)
    assert losers == ["forest on yacht", "lost on yacht"]
    assert lines[0][5] == f"-0.010 ± {0.02 / 2**0.5:.3f}"


def test_a_known_regressor_is_compared_row_by_row(benchmark):
    X, y = line(60)
    found = benchmark("any_regressor").compare(LinearRegression(), X, y, 0)
    assert found["gain"] == pytest.approx(found["ours"] - found["gaussian"])
    assert found["features"].startswith("regressor")


def test_halves_are_those_of_the_paper_in_units_of_the_first(benchmark):
    module = benchmark("fong")
    rows = np.array([1.0, 3.0, 7.0])
    np.testing.assert_allclose(module.standardised(rows, [0, 1]), [-1, 1, 5])
    text = module.summary([{"table": "diabetes", "split": 0, "log_density": -1.0, "seconds": 3.0}])
    assert "| diabetes | 1 | -1.000 | -1.003 | -1.089 | -1.096 | 3 |" in text


def test_peers_import_neither_skflow_nor_torch():
    code = f"""
import sys
sys.path.insert(0, {str(FOLDER)!r})
import regression
regression.models(peers_only=True)
assert not {{"skflow", "torch"}} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
