"""Fits of one process and of several by the gradients of all, under torchrun.

    python benchmarks/data_parallel.py [--rows 400000] [--epochs 3] [--device cpu]
    torchrun --nproc_per_node=2 benchmarks/data_parallel.py [the same options]

Each process has one thread, and an equal part of the same table, a known density of eight
columns; a step takes 1,024 rows of all together. With ``--device cuda`` each process takes the
GPU of its number, and gradients go through NCCL. Rank 0 prints a line: rows a second of the
epochs, validation included, the first and the last loss, which tell whether several processes
do what one does, and the score of new rows.
"""

import argparse
import os
import time

from _common import machine, markdown, use_threads
from _known import KnownDensity
from sklearn import config_context

from skflow import NSFDensity
from skflow.scale import data_parallel

FLOW = {"n_layers": 3, "hidden_features": (64, 64), "batch_size": 1_024, "n_members": 1}


def fitted(X, epochs, device):
    flow = NSFDensity(
        **FLOW, max_epochs=epochs, n_iter_no_change=None, device=device, random_state=0
    )
    with config_context(working_memory=32):  # alone, too, the table counts as a large one
        return flow.fit([X] if "RANK" not in os.environ else X)


def report(flow, n_ranks, epochs, seconds, new):
    last = flow.history_[-1]
    rate = epochs * (flow.n_rows_seen_ - len(flow.held_out_scores_)) / last["seconds"]
    line = [n_ranks, f"{rate:,.0f}", f"{seconds:.1f}", f"{flow.history_[0]['train_loss']:.6f}"]
    line += [f"{last['train_loss']:.6f}", f"{flow.score(new):.4f}"]
    header = ["processes", "rows/s", "fit s", "first loss", "last loss", "score"]
    print(machine())
    print(markdown(header, [line]))


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=400_000)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    args = parser.parse_args()
    use_threads(1)
    known = KnownDensity(8)
    X, new = known.sample(args.rows), known.sample(50_000, seed=99)
    start = time.perf_counter()
    if "RANK" not in os.environ:
        flow = fitted(X, args.epochs, args.device)
        report(flow, 1, args.epochs, time.perf_counter() - start, new)
        return
    device = f"cuda:{os.environ['LOCAL_RANK']}" if args.device == "cuda" else "cpu"
    with data_parallel() as ranks:
        own = slice(*(args.rows * k // ranks.size for k in (ranks.rank, ranks.rank + 1)))
        start = time.perf_counter()
        flow = fitted(X[own], args.epochs, device)
        seconds = time.perf_counter() - start
    if ranks.rank == 0:
        report(flow, ranks.size, args.epochs, seconds, new)


if __name__ == "__main__":
    main()
