"""Bits per dimension of images: digits, a part of MNIST, Fashion-MNIST.

    SKFLOW_DATA=folder python benchmarks/images.py digits|mnist|fashion-mnist [--models glow ...]

Every method sees integer pixels; the classical ones and the flow of rows are fitted to them with
uniform noise. All are scored by the log of the mean over four draws of the noise, which is what
flows of images do by themselves. digits is scikit-learn's (80/20, seed 0); mnist fits 6,000 images
and tests on the official 10,000, read from ``images/mnist_val6k_test10k.npz`` in the folder or, in
the order there, fetched from OpenML; fashion-mnist takes its 60,000 and 10,000 likewise
(``images/fashion_mnist_full.npz``).
"""

import argparse
import math
import os
import time
from pathlib import Path

import numpy as np
from _common import machine, use_threads, verdict, warm_up
from _tables import TunedGMM, TunedKDE
from sklearn.datasets import fetch_openml, load_digits
from sklearn.decomposition import PCA
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

import skflow
from skflow.dequantization import N_DRAWS


class WhitenedGMM:
    """A Gaussian mixture on all principal components, scaled to one variance (with its Jacobian).

    Pixels that hardly ever vary keep a floor of variance from the noise, so that all components
    can be kept and the density is one of pixels.
    """

    n_components = (10, 20, 40)

    def fit(self, X):
        train, held_out = train_test_split(X, test_size=0.1, random_state=0)
        self.pca_ = PCA(whiten=True, random_state=0).fit(X)
        self.log_volume_ = -0.5 * np.log(self.pca_.explained_variance_).sum()

        def mixture(k):
            return GaussianMixture(k, covariance_type="diag", reg_covar=1e-3, random_state=0)

        scores = {
            k: mixture(k).fit(self.pca_.transform(train)).score(self.pca_.transform(held_out))
            for k in self.n_components
        }
        self.model_ = make_pipeline(self.pca_, mixture(max(scores, key=scores.get))).fit(X)
        return self

    def score_samples(self, X):
        return self.model_.score_samples(X) + self.log_volume_


class OnNoise:
    """A density of continuous rows, fitted to and scored on integers with uniform noise."""

    def __init__(self, density):
        self.density = density

    def fit(self, X):
        self.density.fit(X + np.random.default_rng(0).random(X.shape))
        return self

    def bits_per_dim(self, X):
        rng = np.random.default_rng(1)
        each = [self.density.score_samples(X + rng.random(X.shape)) for _ in range(N_DRAWS)]
        scores = np.logaddexp.reduce(each) - math.log(N_DRAWS)
        return -scores.mean() / (X.shape[1] * math.log(2))


def digits():
    X = load_digits().data
    return train_test_split(X, test_size=0.2, random_state=0)


def from_file(name):
    """The arrays of a file in the folder ``images`` of ``SKFLOW_DATA``, None if there is none."""
    path = Path(os.environ.get("SKFLOW_DATA", "")) / "images" / name
    return np.load(path) if path.exists() else None


def mnist():
    parts = from_file("mnist_val6k_test10k.npz")
    if parts is not None:
        return rows(parts["x_train6k"]), rows(parts["x_test"])
    X = rows(fetch_openml("mnist_784", as_frame=False).data)
    return X[54_000:60_000], X[60_000:]


def fashion_mnist():
    parts = from_file("fashion_mnist_full.npz")
    if parts is not None:
        return rows(parts["x_train"]), rows(parts["x_test"])
    X = rows(fetch_openml("Fashion-MNIST", as_frame=False).data)
    return X[:60_000], X[60_000:]


def rows(images):
    return np.asarray(images, dtype=float).reshape(len(images), -1)


def glow(shape, levels, **settings):
    return skflow.GlowDensity(image_shape=shape, levels=levels, random_state=0, **settings)


TABLES = {
    "digits": {
        "load": digits,
        "image": ((1, 8, 8), 17),
        "asked": 2.55,
        "others": {
            "KDE, tuned": lambda: OnNoise(TunedKDE()),
            "GMM, tuned": lambda: OnNoise(TunedGMM()),
            "NSFDensity, rows": lambda: OnNoise(skflow.NSFDensity(random_state=0)),
        },
    },
    "mnist": {
        "load": mnist,
        "image": ((1, 28, 28), 256),
        "asked": None,
        "others": {
            "GMM, whitened": lambda: OnNoise(WhitenedGMM()),
            "MAFDensity, rows": lambda: OnNoise(
                skflow.MAFDensity(random_state=0, base="normal", max_seconds=1_500)
            ),
        },
    },
    "fashion-mnist": {
        "load": fashion_mnist,
        "image": ((1, 28, 28), 256),
        "asked": 3.0,
        "others": {"GMM, whitened": lambda: OnNoise(WhitenedGMM())},
    },
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("table", choices=TABLES)
    parser.add_argument("--models", nargs="*", help="by default all")
    parser.add_argument("--max-seconds", type=float, default=1_700, help="bound of a Glow's fit")
    parser.add_argument("--max-rows", type=int, help="of the images to fit")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args()
    use_threads(args.threads)
    warm_up()
    table = TABLES[args.table]
    train, test = table["load"]()
    train = train[: args.max_rows]
    print(machine(), f"{train.shape} rows to fit, {test.shape} to test", sep="\n")
    settings = {"max_seconds": args.max_seconds, "device": args.device}
    models = {**table["others"], "GlowDensity": lambda: glow(*table["image"], **settings)}
    bits = {}
    for name in args.models or models:
        start = time.perf_counter()
        model = models[name]().fit(train)
        fit_s = time.perf_counter() - start
        bits[name] = model.bits_per_dim(test)
        print(f"{name:20s} {bits[name]:7.3f} bits per dimension  fit {fit_s:7.1f} s", flush=True)
    ours = bits.get("GlowDensity")
    if table["asked"] and ours is not None:
        asked = table["asked"]
        verdict(
            "GlowDensity, bits per dimension", f"at most {asked}", f"{ours:.3f}", ours <= asked
        )


if __name__ == "__main__":
    main()
