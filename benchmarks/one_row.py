"""One row at a time, as a service scores them: milliseconds of a call of ``score_samples``.

    python benchmarks/one_row.py [--calls 500]

One thread, everything warmed up, a row of its own for every call, the estimators in turns: default
fits of a coupling flow and of the default ensemble to 1,000 x 5 rows. Beside them the same flows
written by ``export`` and run by torch without the package.
"""

import argparse
import tempfile
import warnings
from pathlib import Path

import numpy as np
import torch
from _common import machine, markdown, seconds, use_threads, verdict

import skflow

ASKED = {"RealNVPDensity": 1.0, "NSFDensity": 3.0}  # milliseconds, at the median
N_ROWS, N_FEATURES = 1_000, 5
ROUNDS = 10  # in which the estimators take turns
SKIPPED = 5  # calls of a turn before the clock counts
WARM = 300  # calls of each before the first turn, of which fits record some


def rows():
    rng = np.random.default_rng(0)
    Z = rng.normal(size=(N_ROWS, N_FEATURES))
    Z[:, 1] += Z[:, 0] ** 2
    Z[:, 2] = np.sinh(Z[:, 2])
    return Z @ rng.normal(size=(N_FEATURES, N_FEATURES))


def exported(estimator, folder):
    """The program of an estimator as a function of rows, without gradients."""
    path = Path(folder) / "density.pt2"
    estimator.export(path)
    program = torch.export.load(path).module()

    def run(X):
        with torch.no_grad():
            return program(torch.from_numpy(X))

    return run


def one_by_one(function, X):
    """Call a function with the next row of X each time."""
    turns = iter(np.tile(np.arange(len(X)), 100))

    def call():
        i = next(turns)
        return function(X[i : i + 1])

    return call


def in_turns(calls, n_calls):
    """Milliseconds of calls by name, in some rounds of calls one right after the other."""
    times = {name: [] for name in calls}
    for call in calls.values():
        for _ in range(WARM):
            call()
    for _ in range(ROUNDS):
        for name, call in calls.items():
            turn = [seconds(call) for _ in range(SKIPPED + n_calls // ROUNDS)]
            times[name] += turn[SKIPPED:]
    return {name: 1e3 * np.array(each) for name, each in times.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--calls", type=int, default=500)
    args = parser.parse_args()
    use_threads(1)
    print(machine(), end="\n\n")
    X, calls = rows(), {}
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # how well they are fitted does not change their speed
        for name in ASKED:
            estimator = getattr(skflow, name)(random_state=0).fit(X)
            calls[name] = one_by_one(estimator.score_samples, X)
            calls[f"{name}, exported"] = one_by_one(exported(estimator, folder), X)
    times = in_turns(calls, args.calls)
    spent = {name: np.percentile(each, [50, 99]) for name, each in times.items()}
    table = [[name, f"{p50:.2f}", f"{p99:.2f}"] for name, (p50, p99) in spent.items()]
    print(markdown(["one row, ms", "p50", "p99"], table))
    for name, asked in ASKED.items():
        p50 = spent[name][0]
        verdict(f"{name}, one row, p50 in ms", f"<= {asked:.0f}", f"{p50:.2f}", p50 <= asked)


if __name__ == "__main__":
    main()
