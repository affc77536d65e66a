"""Fits of random nasty tables: nothing is lost, nothing is not finite, draws stay near.

    python benchmarks/nasty_tables.py [--fits 10000] [--seed 0] [--jobs 2] [--seconds 5400]

Each fit has a seed of its own: the table, its weights and bounds, the estimator and its settings
come from it, so that ``--fits 1 --seed S`` repeats a fit that failed. Of every fit it asks that

* it raises no error and lets no RuntimeWarning of numpy through;
* scores are finite, on the rows and far from them, and -inf outside declared bounds alone;
* draws are finite, inside declared bounds, and at most ten ranges beyond the rows of a column,
  unless its tail index, two standard errors less, may be 3 or lower.
"""

import argparse
import multiprocessing
import sys
import time
from collections import Counter, defaultdict

import numpy as np
from _common import machine, markdown, use_threads, verdict
from _nasty import DENSITIES, Problem


def attempt(seed):
    """Fit one table; its seed, estimator, seconds, description and failures."""
    problem = Problem(seed)
    start = time.perf_counter()
    failures = problem.failures
    seconds = time.perf_counter() - start
    return seed, type(problem.estimator).__name__, seconds, str(problem), failures


def attempts(seeds, jobs):
    """Yield what :func:`attempt` says of each seed, as it comes."""
    if jobs == 1:
        use_threads(1)
        yield from map(attempt, seeds)
        return
    with multiprocessing.get_context("spawn").Pool(jobs, use_threads, (1,)) as pool:
        yield from pool.imap_unordered(attempt, seeds, chunksize=4)


def summary(results):
    """Tables of the fits by estimator, and of the failures by kind."""
    seconds, failed, kinds = defaultdict(list), Counter(), Counter()
    for _, name, took, _, failures in results:
        seconds[name].append(took)
        failed[name] += bool(failures)
        kinds.update({kind for kind, _ in failures})
    rows = [
        [name, len(seconds[name]), f"{1e3 * np.median(seconds[name]):.0f}", failed[name]]
        for name in sorted(seconds)
    ]
    rows.append(["all", len(results), "", sum(failed.values())])
    by_name = markdown(["estimator", "fits", "median ms", "failed"], rows)
    return by_name, markdown(["failure", "fits"], sorted(kinds.items()) or [["none", 0]])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--fits", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=5400)
    args = parser.parse_args()
    print(machine())
    print(f"{args.fits} fits of {len(DENSITIES)} estimators from seed {args.seed} on")
    results, start = [], time.perf_counter()
    for result in attempts(range(args.seed, args.seed + args.fits), args.jobs):
        results.append(result)
        seed, _, _, description, failures = result
        for kind, details in failures:
            print(f"seed {seed}: {kind}: {details}\n    {description}", flush=True)
        if time.perf_counter() - start > args.seconds:
            break
    print("\n\n".join(summary(results)))
    n_failed = sum(bool(failures) for *_, failures in results)
    holds = verdict("fits that failed", 0, f"{n_failed} of {len(results)}", n_failed == 0)
    sys.exit(not holds)


if __name__ == "__main__":
    main()
