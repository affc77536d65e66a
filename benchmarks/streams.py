"""Tables that do not fit: memory, time and score of a streamed fit, beside a fit to a sample.

A table of a known density, with parts as rare as 1 in 20,000, is written to parquet. A fresh
process fits ``NSFDensity`` to the folder, for each number of rows, and says its peak memory beyond
that after the imports, its seconds, and how far its mean log density on new rows is below the
truth; another one fits a uniform sample of 200,000 rows in memory. The last row is what counts:
the share of what the sample misses that the whole table makes up for.

    python benchmarks/streams.py --rows 1000000 20000000 --n-jobs 2

The files are written to the folder named by SKFLOW_DATA, else to a temporary one.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np
from _known import KnownDensity

SAMPLE, NEW = 200_000, 50_000
ROWS_OF_A_FILE = 1_000_000


def peak_mib():
    """Peak memory of this process, and not of the one that started it."""
    status = pathlib.Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def write(density, n, folder):
    """Write n rows to parquet, a million a file; what is there already stays."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder.mkdir(parents=True, exist_ok=True)
    blocks, pending, k = density.blocks(n), [], 0
    for block in blocks:
        pending.append(block)
        if sum(map(len, pending)) >= min(n, ROWS_OF_A_FILE):
            rows = np.concatenate(pending)
            columns = {f"x{j}": rows[:, j] for j in range(rows.shape[1])}
            pq.write_table(pa.table(columns), folder / f"part-{k:05d}.parquet")
            pending, k = [], k + 1
    return folder


def child(source, n_jobs, settings):
    """Fit in this process, and print what it took as JSON."""
    import pyarrow.dataset  # noqa: F401
    import torch  # noqa: F401

    import skflow
    import skflow.fitting._fit

    density = KnownDensity()
    X = density.sample(SAMPLE, seed=3) if source == "sample" else source
    before, start = peak_mib(), time.perf_counter()
    model = skflow.NSFDensity(random_state=0, n_jobs=n_jobs, **settings).fit(X)
    seconds, peak = time.perf_counter() - start, peak_mib()
    new = density.sample(NEW, seed=2).astype(np.float64)
    score = model.score_samples(new)
    print(
        json.dumps(
            {
                "seconds": seconds,
                "mib": peak - before,
                "missed": float(np.mean(density.score_samples(new) - score)),
                "seen": model.n_rows_seen_,
                "training": model.history_[-1]["seconds"],
                "stopped_by": model.stopped_by_,
            }
        )
    )


def run(source, options):
    command = [sys.executable, __file__, "--child", str(source), "--n-jobs", str(options.n_jobs)]
    command += ["--settings", options.settings]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.strip().splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000_000, 4_000_000])
    parser.add_argument("--n-jobs", type=int, default=2)
    parser.add_argument("--settings", default="{}", help="parameters of NSFDensity as JSON")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.child, options.n_jobs, json.loads(options.settings))
        return
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with tempfile.TemporaryDirectory() as temporary:
        root = pathlib.Path(os.environ.get("SKFLOW_DATA", temporary))
        sample = run("sample", options)
        print(
            f"{'rows':>12} {'seconds':>8} {'peak MiB':>9} {'nats missed':>12} {'made up for':>12}"
        )
        for n in options.rows:
            folder = root / f"known-{n}"
            if not folder.exists():
                write(KnownDensity(), n, folder)
            told = run(folder, options)
            share = 1 - told["missed"] / sample["missed"]
            print(
                f"{n:12,d} {told['seconds']:8.0f} {told['mib']:9.0f} {told['missed']:12.3f} "
                f"{share:12.0%}",
                flush=True,
            )
        print(
            f"{'sample':>12} {sample['seconds']:8.0f} {sample['mib']:9.0f} "
            f"{sample['missed']:12.3f}"
        )


if __name__ == "__main__":
    main()
