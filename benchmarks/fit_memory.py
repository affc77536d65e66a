"""Memory of a fit: at most three times the table in float32, and 200 MiB.

    python benchmarks/fit_memory.py [--tables 200000x20 1000000x20] [--dtype float64] [--ties]
                                    [--estimator NSFDensity] [--max-epochs 1]

Each table is fitted in a process of its own, whose peak resident memory is compared with what it
held just before. Training passes over the rows once, since more passes take no more. Needs Linux.
"""

import argparse
import subprocess
import sys
import time

import numpy as np
from _common import machine, markdown, use_threads, verdict
from scoring_memory import MIB, reset_peak, resident_bytes

TABLES, CONSTANT_MIB = 3, 200


def measure(args, n, d):
    """In a process of its own: prints by how many MiB the fit grew the peak, and its seconds."""
    import skflow

    use_threads(1)
    X = np.random.default_rng(0).normal(size=(n, d)).astype(args.dtype)
    if args.ties:
        X[:, : d // 2] = X[:, : d // 2].round(1)
    kind = getattr(skflow, args.estimator)
    trained = {"max_epochs": args.max_epochs, "n_members": 1}
    settings = {name: trained[name] for name in trained if hasattr(kind, name)}
    kind(**settings).fit(X[:100])  # what is loaded once, is loaded now
    settings.pop("n_members", None)
    reset_peak()
    before, start = resident_bytes("VmRSS"), time.perf_counter()
    kind(random_state=0, **settings).fit(X)
    seconds = time.perf_counter() - start
    print(f"{(resident_bytes('VmHWM') - before) / MIB:.1f} {seconds:.1f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--tables", nargs="*", default=["200000x20", "1000000x20"])
    parser.add_argument("--dtype", default="float64")
    parser.add_argument("--ties", action="store_true", help="round half of the columns")
    parser.add_argument("--estimator", default="NSFDensity")
    parser.add_argument("--max-epochs", type=int, default=1)
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        measure(args, *map(int, args.measure.split("x")))
        return
    print(machine())
    table, holds = [], True
    for size in args.tables:
        command = [sys.executable, "-W", "ignore", *sys.argv, "--measure", size]
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        grown, seconds = map(float, output.split()[-2:])
        rows = np.prod([int(part) for part in size.split("x")]) * 4 / MIB
        limit = TABLES * rows + CONSTANT_MIB
        holds &= grown <= limit
        table.append([size, f"{rows:.0f}", f"{limit:.0f}", f"{grown:.0f}", f"{seconds:.0f}"])
    print(markdown(["table", "in float32, MiB", "at most, MiB", "grown, MiB", "s"], table))
    verdict("growth of the peak", f"{TABLES} tables and {CONSTANT_MIB} MiB", "see above", holds)


if __name__ == "__main__":
    main()
