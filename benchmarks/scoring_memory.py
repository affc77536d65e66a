"""Memory of score_samples: flat in the number of rows, beyond the rows and the scores themselves.

    python benchmarks/scoring_memory.py [--rows 100000 1000000 10000000]

Each size runs in a process of its own, whose peak resident memory is compared with what it held
just before scoring. Needs Linux, which can reset that peak.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from _common import machine, markdown, use_threads, verdict

MIB = 2**20
TOLERANCE_MIB = 50  # an allocator does not return every page


def resident_bytes(field):
    """VmRSS is what the process holds now, VmHWM the most it held since the last reset."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return 1024 * int(line.split()[1])
    raise SystemExit(f"{field} is not in /proc/self/status: this benchmark needs Linux")


def reset_peak():
    Path("/proc/self/clear_refs").write_text("5")


def measure(n_rows):
    """In a process of its own: prints the working memory of one call in MiB, and its seconds."""
    from skflow import NSFDensity

    use_threads(1)
    rng = np.random.default_rng(0)
    estimator = NSFDensity(
        n_layers=2, hidden_features=(32, 32), n_members=1, max_epochs=2, random_state=0
    ).fit(rng.normal(size=(1000, 2)))
    estimator.score_samples(rng.normal(size=(20_000, 2)))  # what is loaded once, is loaded now
    X = rng.normal(size=(n_rows, 2))
    reset_peak()
    before, start = resident_bytes("VmRSS"), time.perf_counter()
    scores = estimator.score_samples(X)
    seconds = time.perf_counter() - start
    print(f"{(resident_bytes('VmHWM') - before - scores.nbytes) / MIB:.1f} {seconds:.1f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", type=int, nargs="*", default=[100_000, 1_000_000, 10_000_000])
    parser.add_argument("--measure", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        measure(args.measure)
        return
    use_threads(1)
    print(machine())
    table, working = [], []
    for n in args.rows:
        command = [sys.executable, "-W", "ignore", __file__, "--measure", str(n)]
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        used, seconds = map(float, output.split())
        working.append(used)
        table.append(
            [
                f"{n:,}",
                f"{n * 16 / MIB:.1f}",
                f"{n * 8 / MIB:.1f}",
                f"{used:.1f}",
                f"{seconds:.1f}",
            ]
        )
    header = ["rows (d = 2)", "rows, MiB", "scores, MiB", "beyond these at the peak, MiB", "s"]
    print(markdown(header, table))
    growth = max(working) - working[0]
    verdict(
        "growth of what is beyond rows and scores",
        f"<= {TOLERANCE_MIB} MiB",
        f"{growth:.1f} MiB",
        growth <= TOLERANCE_MIB,
    )


if __name__ == "__main__":
    main()
