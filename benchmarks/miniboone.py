"""MINIBOONE with a tenth of its rows: fitted to the validation split, tested on the test split.

    SKFLOW_DATA=folder python benchmarks/miniboone.py [--models NSFDensity MAFDensity]

Published flows train on 29,556 rows; here they see the 3,284 of the official validation split. The
official preprocessing is that of Papamakarios, Pavlakou & Murray (2017), whose archive is
fetched (800 MB) unless ``SKFLOW_DATA`` has a subfolder ``miniboone`` with both splits.
"""

import argparse
import os
import tarfile
import tempfile
import time
import urllib.request
from pathlib import Path

import numpy as np
from _common import machine, use_threads, verdict, warm_up
from sklearn.mixture import GaussianMixture

import skflow

ARCHIVE = "https://zenodo.org/records/1161203/files/data.tar.gz"
MEMBER = "data/miniboone/data.npy"
ASKED = -16.5


def load():
    """Rows to fit (3284, 43) and to test (3648, 43)."""
    folder = Path(os.environ.get("SKFLOW_DATA", "")) / "miniboone"
    files = [folder / f"{name}_normalised.npy" for name in ("val", "test")]
    if all(file.exists() for file in files):
        return [np.load(file).astype(float) for file in files]
    with tempfile.TemporaryDirectory() as folder:
        path, _ = urllib.request.urlretrieve(ARCHIVE, Path(folder) / "data.tar.gz")
        with tarfile.open(path) as archive:
            rows = np.load(archive.extractfile(MEMBER))
    return split(rows)


def split(rows):
    """The last tenth tests, the last tenth of the rest validates; scaled by all but the test."""
    n_test = len(rows) // 10
    rest, test = rows[:-n_test], rows[-n_test:]
    mean, scale = rest.mean(axis=0), rest.std(axis=0)
    validation = rest[-(len(rest) // 10) :]
    return (validation - mean) / scale, (test - mean) / scale


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--models", nargs="*", default=["NSFDensity", "MAFDensity"])
    args = parser.parse_args()
    use_threads(1)
    warm_up()
    train, test = load()
    print(machine(), f"{train.shape} rows to fit, {test.shape} to test", sep="\n")
    models = {"Gaussian": GaussianMixture(reg_covar=1e-4)}
    models |= {name: getattr(skflow, name)(random_state=0) for name in args.models}
    best = -np.inf
    for name, model in models.items():
        start = time.perf_counter()
        scores = model.fit(train).score_samples(test)
        error = scores.std() / len(scores) ** 0.5
        print(
            f"{name:28s} {scores.mean():8.2f} +- {error:.2f} nats a row"
            f"  fit {time.perf_counter() - start:7.1f} s",
            flush=True,
        )
        best = max(best, scores.mean())
    verdict("best flow, nats a row", f"at least {ASKED}", f"{best:.2f}", best >= ASKED)


if __name__ == "__main__":
    main()
