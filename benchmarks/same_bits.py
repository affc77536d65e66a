"""The same seed gives the same bits: alone, and beside processes that keep every core busy.

    python benchmarks/same_bits.py [--busy 4] [--table sk-wine]

The default stack, spline flow and outlier detector are fitted alone and once more beside busy
processes; scores, held-out scores and draws must be equal to the last bit. The table is a file of
the folder that SKFLOW_DATA names, or scikit-learn's wine.
"""

import argparse
import multiprocessing
import os
import sys
import time
import warnings
from pathlib import Path

import numpy as np
from _common import machine, markdown, verdict

NAMES = ("StackedDensity", "NSFDensity", "FlowOutlierDetector")


def rows_of(name):
    folder = os.environ.get("SKFLOW_DATA")
    if folder and name:
        for place in (Path(folder), Path(folder) / "tabular"):
            if (place / f"{name}.npz").exists():
                return np.load(place / f"{name}.npz")["X"]
    from sklearn.datasets import load_wine

    return load_wine().data


def outputs(name, X):
    """All that a fit says about its rows, and its draws, in one list."""
    import skflow

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = getattr(skflow, name)(random_state=0).fit(X)
    found = [model.score_samples(X), model.held_out_scores_]
    if hasattr(model, "sample"):
        found.append(model.sample(500, random_state=0))
    return found


def keep_busy():
    parent = os.getppid()
    while os.getppid() == parent:  # not longer than who asked for it
        np.linalg.eigh(np.random.default_rng(0).normal(size=(300, 300)))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--busy", type=int, default=4)
    parser.add_argument("--table")
    args = parser.parse_args()
    print(machine())
    X = rows_of(args.table)
    table, holds = [], True
    for name in NAMES:
        start = time.perf_counter()
        alone = outputs(name, X)
        middle = time.perf_counter()
        others = [
            multiprocessing.get_context("spawn").Process(target=keep_busy, daemon=True)
            for _ in range(args.busy)
        ]
        for process in others:
            process.start()
        beside = outputs(name, X)
        seconds = middle - start, time.perf_counter() - middle
        for process in others:
            process.kill()
        pairs = zip(alone, beside, strict=True)
        equal = all(np.array_equal(a, b, equal_nan=True) for a, b in pairs)
        holds &= equal
        table.append([name, *(f"{s:.0f}" for s in seconds), "equal" if equal else "DIFFER"])
    print(markdown(["default fit", "s alone", f"s beside {args.busy}", "bits"], table))
    verdict("bits alone and beside busy processes", "equal", "see above", holds)
    sys.exit(not holds)


if __name__ == "__main__":
    main()
