"""Sampling from a masked autoregressive flow beside scoring with it, and beside zuko's sampling.

    python benchmarks/sampling_speed.py [--repeats 7] [--rows 1000]

One thread, alternating. d = 43, five layers, 512 x 512 hidden units. An autoregressive flow
scores in one pass and, inverted naively, samples in d passes.
"""

import argparse
import statistics

import torch
from _common import alternate, machine, markdown, median_ratio, use_threads, verdict
from _ours import N_FEATURES, our_estimator, our_flow
from _peers import zuko_maf

SLOWER_THAN_SCORING = 3
FASTER_THAN_ZUKO = 15


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--rows", type=int, default=1000)
    args = parser.parse_args()
    use_threads(1)
    print(machine())
    torch.manual_seed(0)
    n, x = args.rows, torch.randn(args.rows, N_FEATURES)

    estimator, flow = our_estimator(), our_flow()
    X = x.double().numpy()
    zuko = zuko_maf(hidden=(512, 512))
    zuko_flow = zuko.make(N_FEATURES)
    calls = {
        "MAFDensity.score_samples": lambda: estimator.score_samples(X),
        "MAFDensity.sample": lambda: estimator.sample(n, random_state=0),
        "Flow.log_prob": lambda: flow.log_prob(x),
        "Flow.sample": lambda: flow.sample(n),
        "zuko log_prob": lambda: zuko.log_prob(zuko_flow, x),
        "zuko sample": lambda: zuko.sample(zuko_flow, n),
    }
    with torch.no_grad():
        times = alternate(calls, args.repeats)
    table = [[name, f"{1e3 * statistics.median(t):.1f}"] for name, t in times.items()]
    print(markdown([f"{n} rows, d = {N_FEATURES}", "ms"], table))
    for score, sample in (
        ("MAFDensity.score_samples", "MAFDensity.sample"),
        ("Flow.log_prob", "Flow.sample"),
    ):
        slower = median_ratio(times[sample], times[score])
        verdict(
            f"{sample} over {score}",
            f"<= {SLOWER_THAN_SCORING}",
            f"{slower:.2f}",
            slower <= SLOWER_THAN_SCORING,
        )
        faster = median_ratio(times["zuko sample"], times[sample])
        verdict(
            f"{sample}, times faster than zuko's",
            f">= {FASTER_THAN_ZUKO}",
            f"{faster:.1f}",
            faster >= FASTER_THAN_ZUKO,
        )


if __name__ == "__main__":
    main()
