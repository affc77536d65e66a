"""Scoring speed: the same two flows in skflow, zuko, nflows and normflows.

    python benchmarks/scoring_speed.py [--repeats 7]

One thread, alternating, no gradients. A masked autoregressive flow (d = 43, five layers of 512 x
512 hidden units) and a coupling flow (d = 2, six layers of 64 x 64). The line ``estimator`` adds
what a user of ours also gets: validation, preprocessing in float64, blocks that bound the memory.
"""

import argparse
import statistics

import torch
from _common import alternate, machine, markdown, median_ratio, use_threads, verdict
from _ours import N_FEATURES, our_coupling, our_estimator, our_flow
from _peers import (
    nflows_coupling,
    nflows_maf,
    normflows_coupling,
    normflows_maf,
    zuko_coupling,
    zuko_maf,
)


def compare(title, ours, peers, n_features, n_rows, repeats, estimator=None):
    torch.manual_seed(0)
    x = torch.randn(n_rows, n_features)
    calls = {"skflow": lambda: ours.log_prob(x)}
    for name, peer in peers.items():
        flow = peer.make(n_features).eval()
        calls[name] = lambda peer=peer, flow=flow: peer.log_prob(flow, x)
    if estimator is not None:
        X = x.double().numpy()
        calls["skflow, estimator"] = lambda: estimator.score_samples(X)
    with torch.no_grad():
        times = alternate(calls, repeats)
    rows = [
        [name, f"{1e3 * statistics.median(t):.2f}", f"{median_ratio(t, times['skflow']):.2f}"]
        for name, t in times.items()
    ]
    print(markdown([f"{title}, {n_rows:,} rows", "ms", "over skflow"], rows))
    fastest = min(peers, key=lambda name: statistics.median(times[name]))
    ratio = median_ratio(times["skflow"], times[fastest])
    verdict(f"{title}: time over {fastest}'s, the fastest", "<= 1", f"{ratio:.2f}", ratio <= 1)
    print()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--rows", type=int, nargs="*", default=[1_000, 10_000])
    args = parser.parse_args()
    use_threads(1)
    print(machine(), end="\n\n")
    couplings = {
        "zuko": zuko_coupling(),
        "nflows": nflows_coupling(),
        "normflows": normflows_coupling(),
    }
    mafs = {
        "zuko": zuko_maf(hidden=(512, 512)),
        "nflows": nflows_maf(),
        "normflows": normflows_maf(),
    }
    maf, coupling, estimator = our_flow(), our_coupling(2), our_estimator()
    for n in args.rows:
        compare("MAF", maf, mafs, N_FEATURES, n, args.repeats, estimator)
        compare("coupling flow", coupling, couplings, 2, n, args.repeats)


if __name__ == "__main__":
    main()
