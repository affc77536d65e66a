"""Training steps and fits of the default spline flow's ensemble, on the CPU and on a GPU.

    python benchmarks/gpu_step.py [--rows 2000] [--columns 10] [--steps 100] [--repeats 5]
                                  [--fits 10000 100000] [--estimators NSFDensity ...]

The flow and its batches are those of each estimator on so many rows, the members side by side,
and the loop is the public one with all it does. On a GPU it is measured twice: as CUDA graphs, a
launch a step, and kernel by kernel, where every step asks the host whether the gradient is finite.
Of two epochs the second counts, as the first one loads kernels and records the graphs. A second
column says what larger batches cost.

Then come the seconds of whole fits with ``NSFDensity(device=...)`` to tables of so many rows whose
columns bend; ``--fits`` without numbers leaves them out. One thread. Without a GPU only the CPU is
measured; the steps take some four minutes there.
"""

import argparse
import copy
import statistics
import warnings

import numpy as np
import torch
from _common import machine, markdown, seconds, use_threads

import skflow
from skflow import NSFDensity
from skflow.training import Batch, Batches, MaximumLikelihood, Rows, TrainingConfig, train

WAYS = {  # device, and whether steps are CUDA graphs
    "cpu": ("cpu", False),
    "cuda, kernel by kernel": ("cuda", False),
    "cuda, CUDA graphs": ("cuda", True),
}


def default_fit(name, n, d):
    """An estimator with everything but its training done, which is one epoch."""
    X = np.random.default_rng(0).normal(size=(n, d))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # one epoch converges nowhere
        return getattr(skflow, name)(max_epochs=1, random_state=0).fit(X)


def loop(density, batch_size, n_steps, device, graphs):
    """Seconds of training for so many steps of so many rows a member, as a function."""
    n_members, d = density.n_members_, density.n_features_in_
    whole = density.flow_.members if n_members > 1 else density.flow_
    flow = copy.deepcopy(whole.behind(None)).to(device)
    core = torch.randn(n_steps * batch_size, d, generator=torch.Generator().manual_seed(0))
    index = torch.arange(len(core), device=device)
    index = index.expand(n_members, -1) if n_members > 1 else index
    batches = Batches(Rows(Batch(core.to(device)), index), batch_size)
    config = TrainingConfig(max_epochs=2, n_iter_no_change=None, cuda_graphs=graphs)

    def run():
        together = n_members if n_members > 1 else None
        history = train(flow, MaximumLikelihood(), batches, config, n_members=together)
        if (history.cuda_graphs == "replayed") != graphs:
            print(f"asked for graphs: {graphs}; {history.cuda_graphs or 'not tried'}", flush=True)
        # the loop reads the losses of an epoch at its end, so that the device is done by then
        first, both = (record["seconds"] for record in history.records)
        return both - first

    return run


def steps_per_second(name, density, sizes, n_steps, repeats, ways):
    """Print the medians; the ways take turns, and an uncounted call each comes first."""
    loops = {
        (way, size): loop(density, size, n_steps, *WAYS[way]) for way in ways for size in sizes
    }
    times = {key: [] for key in loops}
    for i in range(repeats + 1):
        for key, run in loops.items():
            found = run()
            if i:
                times[key].append(found)
    rows = []
    for way in WAYS:
        cells = [
            f"{n_steps / statistics.median(times[way, size]):.1f}" for size in sizes if way in ways
        ]
        rows.append([way, *(cells or ["not measured"] * len(sizes))])
    print(markdown([name, *(f"steps/s, batches of {size}" for size in sizes)], rows), flush=True)


def curved(n, d, seed):
    """Rows whose every other column bends over the one before."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d))
    X[:, 1::2] = np.sin(2 * X[:, : d - d % 2 : 2]) + 0.2 * X[:, 1::2]
    return X


def fits(all_n, d, devices):
    """Print seconds of whole fits, and how good they are."""
    rows = []
    for n in all_n:
        X, new = curved(n, d, 0), curved(10_000, d, 1)
        for device in devices:
            density = NSFDensity(device=device, random_state=0)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                took = seconds(lambda density=density, X=X: density.fit(X))
            trained = density.history_[-1]["seconds"]
            cells = f"{took:.1f}", f"{trained:.1f}", density.n_iter_, f"{density.score(new):.3f}"
            rows.append([f"{n} x {d}, {device}", *cells])
            print(*rows[-1], flush=True)
    print(markdown(["fit", "seconds", "in training", "epochs", "score of new rows"], rows))


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--columns", type=int, default=10)
    parser.add_argument("--estimators", nargs="*", default=["NSFDensity"])
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--fits", type=int, nargs="*", default=[10_000, 100_000])
    args = parser.parse_args(argv)
    use_threads(1)
    print(machine())
    cuda = torch.cuda.is_available()
    print(torch.cuda.get_device_name() if cuda else "cuda: not measured: no CUDA device")
    ways = list(WAYS) if cuda else ["cpu"]
    for name in args.estimators:
        density = default_fit(name, args.rows, args.columns)
        sizes = density.batch_size_, 8 * density.batch_size_
        head = f"{name}(), {args.rows} x {args.columns}, {density.n_members_} members"
        steps_per_second(head, density, sizes, args.steps, args.repeats, ways)
    if args.fits:
        # what a process does first takes longer
        NSFDensity(device="auto", max_epochs=3).fit(curved(1000, args.columns, 0))
        fits(args.fits, args.columns, ["cpu", "cuda"] if cuda else ["cpu"])


if __name__ == "__main__":
    main()
