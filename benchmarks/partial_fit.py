"""``partial_fit`` beside ``fit``: 200 blocks of 5,000 rows, and a million rows at once.

    python benchmarks/partial_fit.py [--density NSFDensity] [--blocks 200] [--sorted] [--no-fit]

Rows have 8 columns of which the density is known, so that scores are given as nats per row and
column that are missing to it. ``--sorted`` sorts the stream by its first column, the worst order
that there is.
"""

import argparse
import time
import warnings

import numpy as np

import skflow
from skflow.exceptions import DriftWarning

D = 8


def rows(n, rng):
    """Draw rows (n, 8) and their log densities (n,)."""
    z = rng.normal(size=(n, D))
    x = z.copy()
    x[:, 1] += z[:, 0] ** 2
    x[:, 2] = np.sin(2 * z[:, 0]) + 0.3 * z[:, 2]
    x[:, 3] = z[:, 3] * np.exp(0.5 * z[:, 4])
    jacobian = np.log(0.3) + 0.5 * z[:, 4]
    return x, -0.5 * (z**2).sum(axis=1) - D / 2 * np.log(2 * np.pi) - jacobian


def missing(model, test):
    """Nats per row and column by which a model's scores are below the truth."""
    x, truth = test
    return float(np.mean(truth - model.score_samples(x))) / D


def stream(density, x, size, test):
    """Learn blocks in turn; print now and then how far the stream is."""
    start, alarms = time.perf_counter(), 0
    for k, first in enumerate(range(0, len(x), size), 1):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            density.partial_fit(x[first : first + size])
        alarms += sum(issubclass(w.category, DriftWarning) for w in caught)
        told = k in (1, 2, 5) or k % 20 == 0 or first + size >= len(x)
        if told and density.stream_history_:
            last = density.stream_history_[-1]
            print(
                f"{k:4d} blocks {time.perf_counter() - start:7.1f} s  missing "
                f"{missing(density, test):.4f}  held out {last['held_out_score']:.3f}  "
                f"reports {alarms}  taken {sum(r['taken'] for r in density.stream_history_)}",
                flush=True,
            )


def main():
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--density", default="NSFDensity")
    parser.add_argument("--blocks", type=int, default=200)
    parser.add_argument("--size", type=int, default=5_000)
    parser.add_argument("--sorted", action="store_true")
    parser.add_argument("--no-fit", action="store_true")
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    x, _ = rows(options.blocks * options.size, rng)
    test = rows(20_000, rng)
    if options.sorted:
        x = x[np.argsort(x[:, 0])]
    make = getattr(skflow, options.density)
    density = make(random_state=0)
    stream(density, x, options.size, test)
    shifted = rows(options.size, rng)[0]
    shifted[:, 6] += 0.5
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        density.partial_fit(shifted)
    print("shift of half a deviation:", [str(w.message) for w in caught])
    if not options.no_fit:
        start = time.perf_counter()
        whole = make(random_state=0).fit(x)
        seconds = time.perf_counter() - start
        print(f"fit on all rows {seconds:7.1f} s  missing {missing(whole, test):.4f}")


if __name__ == "__main__":
    main()
