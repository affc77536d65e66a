"""A training step of Glow with memory_efficient=True: its memory, gradients and seconds.

    python benchmarks/image_memory.py [--steps 4 32] [--images 32] [--repeats 3]

The peak is what one step (forward, backward, Adam) needs beyond what was held before it. On a CPU
each step runs in a process of its own, whose peak resident memory is read, which needs Linux; on
a GPU, if there is one, it is what torch allocated. Gradients are compared after a few steps of
training, in float32.
"""

import argparse
import math
import os
import statistics
import subprocess
import sys
from functools import partial

import torch
from _common import alternate, machine, markdown, median_ratio, use_threads, verdict
from scoring_memory import MIB, reset_peak, resident_bytes

from skflow.architectures import glow_step, image_coupling, multiscale_stack
from skflow.bijections import Affine

SHAPE, N_SCALES, HIDDEN = (3, 32, 32), 2, (64, 64)
GROWTH, ERROR, SLOWER = 1.5, 1e-4, 1.6
TRAINED = 5  # steps before gradients are compared
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


class Trained:
    """A flow of images in training, from the same weights whether memory-efficient or not."""

    def __init__(self, n_steps, memory_efficient):
        torch.manual_seed(0)
        net = {"elementwise": Affine(), "hidden_features": HIDDEN}
        self.flow = multiscale_stack(
            SHAPE,
            partial(glow_step, **net),
            partial(image_coupling, **net),
            n_steps=n_steps,
            n_scales=N_SCALES,
            memory_efficient=memory_efficient,
        )
        self.flow.to(DEVICE).train()
        self.parameters = list(self.flow.parameters())
        self.optimizer = torch.optim.Adam(self.parameters)

    def gradients(self, x):
        z, log_det = self.flow(x)
        loss = (0.5 * z.square().sum(-1) - log_det).mean()
        return torch.autograd.grad(loss, self.parameters)

    def step(self, x):
        for p, g in zip(self.parameters, self.gradients(x), strict=True):
            p.grad = g
        self.optimizer.step()
        self.optimizer.zero_grad()
        if DEVICE == "cuda":
            torch.cuda.synchronize()


def images(n):
    """Draw smooth images with some noise, as rows."""
    coarse = torch.randn(n, SHAPE[0], 4, 4, generator=torch.Generator().manual_seed(0))
    smooth = torch.nn.functional.interpolate(coarse, SHAPE[1:], mode="bilinear")
    noise = torch.randn(smooth.shape, generator=torch.Generator().manual_seed(1))
    return (smooth + 0.1 * noise).flatten(1).to(DEVICE)


def peak(n_steps, memory_efficient, n_images):
    """Bytes that one step needs at its peak beyond what was held before it."""
    trained, x = Trained(n_steps, memory_efficient), images(n_images)
    trained.step(x[:2])  # what is loaded or kept once, is there now
    if DEVICE == "cuda":
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        trained.step(x)
        return torch.cuda.max_memory_allocated() - before
    reset_peak()
    before = resident_bytes("VmRSS")
    trained.step(x)
    return resident_bytes("VmHWM") - before


def peak_elsewhere(n_steps, memory_efficient, n_images):
    """Return the same, from a process of its own that gives freed memory back at once."""
    command = [sys.executable, "-W", "ignore", __file__, "--images", str(n_images)]
    command += ["--peak", str(n_steps), str(int(memory_efficient))]
    environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "0"}
    output = subprocess.run(
        command, check=True, capture_output=True, text=True, env=environment
    ).stdout
    return int(output.split()[-1])


def compare(n_steps, n_images, repeats):
    """Relative error of all gradients together, and seconds of both by round."""
    x = images(n_images)
    plain, efficient = Trained(n_steps, False), Trained(n_steps, True)
    with torch.no_grad():
        plain.flow.initialize(x)
    for _ in range(TRAINED):
        plain.step(x)
    for p, q in zip(efficient.parameters, plain.parameters, strict=True):
        p.data.copy_(q.data)
    theirs, ours = plain.gradients(x), efficient.gradients(x)
    off = sum((a - b).double().square().sum() for a, b in zip(ours, theirs, strict=True))
    size = sum(b.double().square().sum() for b in theirs)
    calls = {"plain": lambda: plain.step(x), "efficient": lambda: efficient.step(x)}
    return math.sqrt(off / size), alternate(calls, repeats)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--steps", type=int, nargs="*", default=[4, 32])
    parser.add_argument("--images", type=int, default=32)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--peak", type=int, nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    use_threads(1)
    if args.peak:
        n_steps, memory_efficient = args.peak
        print(peak(n_steps, bool(memory_efficient), args.images))
        return
    print(f"{machine()}, {DEVICE}")
    table, peaks, errors, slower = [], [], [], []
    for n_steps in args.steps:
        plain, efficient = (peak_elsewhere(n_steps, m, args.images) for m in (False, True))
        error, times = compare(n_steps, args.images, args.repeats)
        peaks.append(efficient)
        errors.append(error)
        slower.append(median_ratio(times["efficient"], times["plain"]))
        cells = [f"{b / MIB:.0f}" for b in (plain, efficient)]
        cells += [f"{statistics.median(times[k]):.2f}" for k in ("plain", "efficient")]
        table.append([n_steps, *cells, f"{slower[-1]:.2f}", f"{error:.0e}"])
    header = ["steps a scale", "peak, MiB", "memory_efficient", "step, s", "memory_efficient"]
    print(markdown([*header, "ratio", "gradients differ by"], table))
    growth = peaks[-1] / peaks[0]
    question = f"peak at {args.steps[-1]} steps over that at {args.steps[0]}"
    verdict(question, f"< {GROWTH}", f"{growth:.2f}", growth < GROWTH)
    verdict("gradients", f"<= {ERROR}", f"{max(errors):.0e}", max(errors) <= ERROR)
    verdict("seconds of a step", f"<= {SLOWER} x", f"{max(slower):.2f} x", max(slower) <= SLOWER)


if __name__ == "__main__":
    main()
