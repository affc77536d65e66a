"""Training steps per second of the default spline flow's ensemble, on the CPU and on a GPU.

    python benchmarks/gpu_step.py [--rows 2000] [--columns 10] [--steps 100] [--repeats 5]

The flow and its batches are those of ``NSFDensity()`` on so many rows, the members side by side,
and the loop is the public one with all it does. It asks the host after every step whether the
gradient is finite, so that a step cannot be one CUDA graph; only the plain step is measured. One
thread; a second column says what larger batches cost. Without a GPU only the CPU is measured, in
some four minutes.
"""

import argparse
import copy
import statistics
import warnings

import numpy as np
import torch
from _common import alternate, machine, markdown, use_threads

from skflow import NSFDensity
from skflow.training import Batch, Batches, MaximumLikelihood, Rows, TrainingConfig, train


def default_fit(n, d):
    """A NSFDensity with everything but its training done, which is one epoch."""
    X = np.random.default_rng(0).normal(size=(n, d))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # one epoch converges nowhere
        return NSFDensity(max_epochs=1, random_state=0).fit(X)


def loop(density, batch_size, n_steps, device):
    """Training for so many steps of so many rows a member, as a function without arguments."""
    n_members, d = density.flow_.n_members, density.n_features_in_
    flow = copy.deepcopy(density.flow_.members.behind(None)).to(device)
    core = torch.randn(n_steps * batch_size, d, generator=torch.Generator().manual_seed(0))
    index = torch.arange(len(core), device=device).expand(n_members, -1)
    batches = Batches(Rows(Batch(core.to(device)), index), batch_size)
    config = TrainingConfig(max_epochs=1, n_iter_no_change=None)
    # the loop reads the losses of an epoch at its end, so that the device is done when it returns
    return lambda: train(flow, MaximumLikelihood(), batches, config, n_members=n_members)


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--columns", type=int, default=10)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args(argv)
    use_threads(1)
    print(machine())
    cuda = torch.cuda.is_available()
    if cuda:
        print(torch.cuda.get_device_name())
    density = default_fit(args.rows, args.columns)
    sizes = density.batch_size_, 8 * density.batch_size_
    loops = {
        (device, size): loop(density, size, args.steps, device)
        for device in (["cpu", "cuda"] if cuda else ["cpu"])
        for size in sizes
    }
    times = alternate(loops, args.repeats)
    per_second = {key: args.steps / statistics.median(t) for key, t in times.items()}
    rows = []
    for device in ("cpu", "cuda"):
        cells = [f"{per_second[device, size]:.1f}" for size in sizes if (device, size) in loops]
        rows.append([device, *(cells or ["not measured"] * len(sizes))])
    kind = f"NSFDensity(), {args.rows} x {args.columns}, {density.flow_.n_members} members"
    print(markdown([kind, *(f"steps/s, batches of {size}" for size in sizes)], rows))
    if not cuda:
        print("cuda: not measured: no CUDA device")


if __name__ == "__main__":
    main()
