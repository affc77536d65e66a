"""Fits on the workers of a LocalCluster of one process and of two, and scores of many rows.

    python benchmarks/dask_fit.py [--rows 400000] [--epochs 3] [--members 2] [--scored 2000000]

Every process has one thread. The table is a known density of eight columns, in partitions of
100,000 rows that workers draw, so that none of it is ever in the process of the client. Rows a
second are those of the epochs, of all members, validation included; the fit's seconds hold all
three passes too. Each worker is trained once on few rows beforehand, so that imports do not count.
"""

import argparse
import time

import dask
import dask.array as da
import numpy as np
from _common import machine, markdown, use_threads
from _known import KnownDensity
from dask import delayed
from distributed import Client, LocalCluster
from sklearn import config_context

from skflow import NSFDensity

PART = 100_000
# Dask has workers give memory back to the system at once, in which they lose 40 % of a fit's speed
KEEP = {"MALLOC_TRIM_THRESHOLD_": 2**30, "MALLOC_MMAP_THRESHOLD_": 2**30, "OMP_NUM_THREADS": 1}
FLOW = {"n_layers": 3, "hidden_features": (128, 128), "batch_size": 512}


def table(known, n, seed=1):
    """Dask array of n rows, drawn where they are asked for."""
    draw = delayed(known.sample)
    parts = [
        da.from_delayed(draw(PART, [seed, k]), (PART, known.n_features), dtype=np.float32)
        for k in range(n // PART)
    ]
    return da.concatenate(parts)


def fitted(known, n, epochs, n_members, new):
    settings = FLOW | {"random_state": 0, "n_iter_no_change": None, "n_members": n_members}
    with config_context(working_memory=32):  # whatever the number of rows
        NSFDensity(max_epochs=1, **settings).fit(table(known, 2 * PART))
        start = time.perf_counter()
        flow = NSFDensity(max_epochs=epochs, **settings).fit(table(known, n))
        seconds = time.perf_counter() - start
    n_trained = flow.n_rows_seen_ - len(flow.held_out_scores_)
    rate = epochs * n_members * n_trained / flow.history_[-1]["seconds"]
    return flow, rate, seconds, flow.score(new)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=400_000)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--members", type=int, default=2)
    parser.add_argument("--scored", type=int, default=2_000_000)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    args = parser.parse_args()
    use_threads(1)
    dask.config.set({"distributed.nanny.pre-spawn-environ": KEEP})
    known = KnownDensity(8)
    new = known.sample(50_000, seed=99)
    print(machine())
    print(f"the density's own score of new rows: {known.score_samples(new).mean():.4f}")
    lines, first = [], None
    for n_workers in args.workers:
        options = {"n_workers": n_workers, "threads_per_worker": 1, "dashboard_address": ":0"}
        with LocalCluster(**options) as cluster, Client(cluster):
            flow, rate, seconds, score = fitted(known, args.rows, args.epochs, args.members, new)
            first = first or (rate, score)
            start = time.perf_counter()
            scores = flow.score_samples(table(known, args.scored, seed=2))
            mean = float(scores.mean())  # which computes them, block by block
            scoring = time.perf_counter() - start
        lines.append(
            [
                n_workers,
                f"{rate:,.0f}",
                f"{rate / first[0]:.2f}",
                f"{seconds:.1f}",
                f"{score:.4f}",
                f"{(score - first[1]) / known.n_features:+.4f}",
                f"{scoring:.1f}",
                f"{mean:.4f}",
            ]
        )
    header = ["processes", "rows/s", "times", "fit s", "score", "a column", "scoring s", "mean"]
    print(markdown(header, lines))


if __name__ == "__main__":
    main()
