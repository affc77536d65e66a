"""Real tables, cleaned alike for every method, and the tuned classical densities.

Tables come from ``*.npz`` files with a key ``X`` in the folder that the environment variable
``SKFLOW_DATA`` names (or in its subfolder ``tabular``); without the variable, from OpenML.
"""

import os
from pathlib import Path

import numpy as np
from sklearn.datasets import fetch_openml
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import GridSearchCV, KFold, train_test_split
from sklearn.neighbors import KernelDensity

OPENML = (
    "banknote-authentication",
    "diabetes",
    "ionosphere",
    "kin8nm",
    "phoneme",
    "sonar",
    "stock",
    "vehicle",
    "wdbc",
    "wine-quality-red",
    "wine-quality-white",
)


def names():
    folder = _folder()
    return sorted(path.stem for path in folder.glob("*.npz")) if folder else list(OPENML)


def load(name, max_rows=20_000):
    """One cleaned table, (n, d) float64 in its own units."""
    folder = _folder()
    if folder:
        with np.load(folder / f"{name}.npz", allow_pickle=True) as file:
            X = file["X"]
    else:
        X = fetch_openml(name, version=1).data.select_dtypes("number")
    return clean(np.asarray(X, dtype=float), max_rows)


def _folder():
    root = os.environ.get("SKFLOW_DATA")
    if not root:
        return None
    for folder in (Path(root), Path(root) / "tabular"):
        if any(folder.glob("*.npz")):
            return folder
    raise SystemExit(f"SKFLOW_DATA={root}: no .npz file there or in its subfolder 'tabular'")


def clean(X, max_rows):
    """What makes a likelihood comparable between methods, in this order.

    Rows with a non-finite value and repeated rows go; of the others ``max_rows`` are drawn.
    Constant columns go, and the later column of each pair with \\|correlation\\| above 0.98.
    Columns with fewer than 90 % distinct values get uniform noise as wide as their smallest gap
    and at least 0.05 standard deviations: on repeated values a density has no upper bound.
    """
    X = np.unique(X[np.isfinite(X).all(axis=1)], axis=0)
    rng = np.random.default_rng(0)
    X = X[rng.permutation(len(X))[:max_rows]]
    X = X[:, X.std(axis=0) > 0]
    if X.shape[1] > 1:
        correlation = np.triu(np.abs(np.corrcoef(X, rowvar=False)), k=1)
        X = X[:, (correlation <= 0.98).all(axis=0)]
    for column in X.T:
        values = np.unique(column)
        if len(values) < 0.9 * len(column):
            width = max(np.diff(values).min(), 0.05 * column.std())
            column += width * rng.uniform(-0.5, 0.5, size=len(column))
    return X


def split(X):
    """80 % to fit and 20 % held out, standardised by the former."""
    train, test = train_test_split(X, test_size=0.2, random_state=0)
    mean, scale = train.mean(axis=0), train.std(axis=0)
    return (train - mean) / scale, (test - mean) / scale


class TunedKDE:
    """Gaussian kernels; the bandwidth by 3-fold cross-validation on at most ``cap`` rows."""

    cap = 5000

    def fit(self, X):
        search = GridSearchCV(KernelDensity(), {"bandwidth": np.logspace(-1.5, 0.5, 25)}, cv=3)
        bandwidth = search.fit(X[: self.cap]).best_params_["bandwidth"]
        # the best bandwidth shrinks with n as n ** (-1 / (d + 4))
        bandwidth *= (min(self.cap, len(X)) / len(X)) ** (1 / (X.shape[1] + 4))
        self.model_ = KernelDensity(bandwidth=bandwidth).fit(X)
        return self

    def score_samples(self, X):
        return self.model_.score_samples(X)

    def sample(self, n_samples):
        return self.model_.sample(n_samples, random_state=0)


class TunedGMM:
    """Covariance type, floor and number of components by 3-fold cross-validation."""

    cap = 5000
    n_components = (1, 2, 3, 5, 8, 12, 20, 32, 50)

    def fit(self, X):
        best = max(
            (
                result
                for covariance in ("full", "tied", "diag")
                for floor in (1e-4, 1e-2, 1e-1)
                for result in self._by_size(X[: self.cap], covariance, floor, len(X))
            ),
            key=lambda result: result[0],
        )
        self.model_ = GaussianMixture(**best[1], n_init=3, random_state=0).fit(X)
        return self

    def score_samples(self, X):
        return self.model_.score_samples(X)

    def sample(self, n_samples):
        return self.model_.sample(n_samples)[0]

    def _by_size(self, X, covariance, floor, n_rows):
        """(cross-validated score, settings) until two sizes in a row are worse than the last."""
        last, worse = -np.inf, 0
        for k in self.n_components:
            if worse == 2 or 3 * k > n_rows:
                return
            settings = {"n_components": k, "covariance_type": covariance, "reg_covar": floor}
            score = np.mean(
                [
                    self._fold(settings, X[a], X[b])
                    for a, b in KFold(3, shuffle=True, random_state=0).split(X)
                ]
            )
            worse = worse + 1 if score < last else 0
            last = score
            yield score, settings

    @staticmethod
    def _fold(settings, train, test):
        try:
            return GaussianMixture(**settings, random_state=0).fit(train).score(test)
        except ValueError:  # a component collapsed: this setting is out
            return -np.inf
