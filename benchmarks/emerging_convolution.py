"""The exact inverse of an emerging convolution beside its forward direction.

    python benchmarks/emerging_convolution.py [--images 64] [--repeats 15]

One thread, alternating. Forward is two convolutions; the inverse goes line by line.
"""

import argparse
import statistics

import torch
from _common import alternate, machine, markdown, median_ratio, use_threads, verdict

from skflow.bijections import EmergingConv

SLOWER = 20
CASES = [((3, 32, 32), 3), ((3, 32, 32), 5), ((12, 16, 16), 3), ((48, 8, 8), 3)]


def measure(shape, kernel_size, n_images, repeats):
    """Seconds of both directions by round, and the largest error of the round trip."""
    torch.manual_seed(0)
    conv = EmergingConv(shape[0], kernel_size)
    with torch.no_grad():
        for p in conv.parameters():
            p.normal_(std=0.3 / (kernel_size * shape[0] ** 0.5))
    x = torch.randn(n_images, *shape)
    z, _ = conv(x)
    calls = {"forward": lambda: conv(x), "inverse": lambda: conv.inverse(z)}
    return alternate(calls, repeats), (conv.inverse(z)[0] - x).abs().max().item()


@torch.no_grad()
def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--images", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=15)
    args = parser.parse_args()
    use_threads(1)
    print(machine())
    table, ratios = [], []
    for shape, kernel_size in CASES:
        times, error = measure(shape, kernel_size, args.images, args.repeats)
        ratios.append(median_ratio(times["inverse"], times["forward"]))
        name = " x ".join(map(str, shape))
        ms = [f"{1e3 * statistics.median(times[k]):.1f}" for k in ("forward", "inverse")]
        table.append([name, kernel_size, *ms, f"{ratios[-1]:.1f}", f"{error:.0e}"])
    header = [f"{args.images} images", "kernel", "forward, ms", "inverse, ms", "ratio", "error"]
    print(markdown(header, table))
    verdict(
        "inverse over forward on 3 x 32 x 32",
        f"<= {SLOWER}",
        f"{ratios[0]:.1f}",
        ratios[0] <= SLOWER,
    )


if __name__ == "__main__":
    main()
