"""Programs that torch runs without the package say what score_samples and transform say."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from sklearn.exceptions import NotFittedError

import skflow
from tests.instances import ESTIMATORS, accepted, quick

# Those whose parts take as many steps as a row needs.
REFUSED = {"ContinuousFlowDensity"}
# One of each kind of program; the others are recorded as well where there is more time.
# Splines are those of the test without the package.
ORDINARY = {"MAFDensity, ensemble", "KernelFlowDensity"}
EXPORTABLE = [
    pytest.param(name, marks=[] if name in ORDINARY else pytest.mark.slow)
    for name, make in ESTIMATORS.items()
    if hasattr(make(), "export") and name not in REFUSED
]
LOADED = """
import sys
sys.modules["skflow"] = None
import numpy as np, torch
rows = torch.from_numpy(np.load("rows.npy"))
run = torch.export.load("density.pt2").module()
for name, some in {"all": rows, "one": rows[:1], "thrice": rows.repeat(3, 1)}.items():
    log_density, latents = run(some)
    np.savez(name, log_density=log_density.detach(), latents=latents.detach())
"""


def table(n=60):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 3))
    X[:, 1] = np.sinh(2 * X[:, 1])
    X[:, 2] += X[:, 0] ** 2
    return X


def fitted(estimator, X):
    # two layers, between which columns change places
    least = {"max_epochs": 2, "n_layers": 2, "hidden_features": (8,)}
    return estimator.set_params(**accepted(type(estimator), least)).fit(X)


def program(density, folder):
    density.export(folder / "density.pt2")
    module = torch.export.load(folder / "density.pt2").module()

    def run(X):
        with torch.no_grad():
            return (t.numpy() for t in module(torch.from_numpy(X)))

    return run


def assert_agrees(density, run, X):
    log_density, latents = run(X)
    assert log_density.dtype == latents.dtype == np.float64
    np.testing.assert_allclose(log_density, density.score_samples(X), rtol=1e-6, atol=1e-5)
    inside = np.isfinite(log_density)
    np.testing.assert_allclose(latents[inside], density.transform(X[inside]), atol=1e-5)
    assert np.isnan(latents[~inside]).all()


@pytest.mark.parametrize("name", EXPORTABLE)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_any_number_of_rows_however_far_out(name, tmp_path):
    X = table()
    density = fitted(ESTIMATORS[name](), X)
    run = program(density, tmp_path)
    for rows in (X, X[:1], np.repeat(X, 3, axis=0), 20 * X):
        assert_agrees(density, run, rows)


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_steps_that_depend_on_the_row_are_refused(name, tmp_path):
    density = fitted(ESTIMATORS[name](), table())
    with pytest.raises(skflow.NotExportableError, match="as many as a row needs.*distill"):
        density.export(tmp_path / "density.pt2")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_bounds_periods_and_constants_without_the_package(tmp_path):
    rng = np.random.default_rng(0)
    X = np.column_stack([table()[:, 0], rng.exponential(size=60), rng.uniform(0, 24, 60)])
    X = np.column_stack([X, np.ones(60)])
    X[:5, 1] = 0.0
    settings = {"support": {1: (0, None)}, "periodic": {2: 24}}
    density = quick(skflow.NSFDensity, **settings).fit(X)
    density.export(tmp_path / "density.pt2")
    outside, turned = X[:5] - [0, 9, 0, 0], X[:5] + [0, 0, 240, 0]
    rows = np.concatenate([X, outside, turned, X[:5] + [1e3, 0, 0, 0]])
    np.save(tmp_path / "rows.npy", rows)
    subprocess.run([sys.executable, "-c", LOADED], cwd=tmp_path, check=True)
    for name, some in {"all": rows, "one": rows[:1], "thrice": np.tile(rows, (3, 1))}.items():
        out = dict(np.load(tmp_path / f"{name}.npz"))
        assert_agrees(density, lambda _, out=out: (out["log_density"], out["latents"]), some)
        assert (out["log_density"][60:65] == -np.inf).all()


@pytest.mark.slow
@pytest.mark.parametrize("levels", [None, 4])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_images(levels, tmp_path):
    X = np.random.default_rng(0).integers(0, 4, size=(40, 16)).astype(float)
    settings = {"image_shape": (1, 4, 4), "levels": levels, "preprocessing": "auto"}
    density = quick(skflow.GlowDensity, **settings).fit(X)
    assert_agrees(density, program(density, tmp_path), X)


def test_not_fitted(tmp_path):
    with pytest.raises(NotFittedError):
        skflow.NSFDensity().export(tmp_path / "density.pt2")
