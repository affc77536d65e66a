"""Calls that `integrate` and vegas take to an error of a thousandth, on integrals that are known.

    python benchmarks/integrate.py [--functions camel] [--columns 4 8] [--seeds 3] [--cover 200]

Calls are counted, and learning with them, until each says that its error is a thousandth. vegas,
where it is installed, adapts in ten iterations as its tutorial advises, and goes on in iterations
of the same number of calls, of which five at least are averaged; of five numbers the one that
needs fewest calls counts. An answer that is off by a tenth, for want of a peak, is none. Whether
the errors are right is told beside: pulls are what an estimate is off by, in units of its error.

Then the shares of runs within one error and within two (``--cover`` runs of each), and how many
proposals are accepted by ``unweight``.
"""

import argparse
import sys
import time
import warnings
from importlib.util import find_spec

import numpy as np
from _common import machine, markdown, use_threads, verdict
from _unit_cube import FUNCTIONS, SEPARABLE, SIGNED

from skflow import integrate

RTOL = 1e-3
ITERATIONS, LEAST_AVERAGED = 10, 5
SIZES = 1_000, 3_000, 10_000, 30_000, 100_000  # calls of an iteration of vegas
MOST_CALLS, MOST_SECONDS = 3_000_000, 30.0
MISSED = 0.1  # share of an integral, that an answer must not lack
TWICE, FIFTH = 2.0, 0.2
COVERED = ("gaussian", 2), ("camel", 4), ("waves", 2)
COVERAGE, EITHER_WAY = 0.68, 0.05
UNWEIGHTED = 4, 8  # columns of the camel
EFFICIENCY, N_EVENTS = 0.3, 10_000


def ours(function, d, seed):
    """Calls, pull, CPU seconds and result."""
    start = time.process_time()
    found = integrate(function.f, [(0, 1)] * d, rtol=RTOL, random_state=seed)
    spent = time.process_time() - start
    pull = (found.estimate - function.integral) / found.error
    return (found.n_calls if found.verdict == "good" else np.inf), pull, spent, found


def of_vegas(function, d, seed, size, most):
    """Calls until vegas says that its error is small enough, infinite beyond the most; pull."""
    import vegas

    calls = 0

    @vegas.lbatchintegrand
    def f(x):
        nonlocal calls
        calls += len(x)
        return function.f(np.asarray(x))

    np.random.seed(seed)  # noqa: NPY002 - what vegas draws from
    integrator, found = vegas.Integrator([[0, 1]] * d), []
    integrator(f, nitn=ITERATIONS, neval=size)
    start = time.process_time()
    while calls < most and time.process_time() - start < MOST_SECONDS:
        result = integrator(f, nitn=1, neval=size)
        found.append((result.mean, max(result.sdev, 1e-300)))
        means, errors = np.array(found).T
        weight = errors**-2.0
        mean, error = weight @ means / weight.sum(), weight.sum() ** -0.5
        if len(found) >= LEAST_AVERAGED and error < RTOL * abs(mean):
            right = abs(mean - function.integral) < MISSED * abs(function.integral)
            return (calls if right else np.inf), (mean - function.integral) / error
    return np.inf, np.nan


def best_of_vegas(function, d, seed):
    best = np.inf, np.nan
    for size in SIZES:
        if size * (ITERATIONS + LEAST_AVERAGED) < min(best[0], MOST_CALLS):
            run = of_vegas(function, d, seed, size, min(best[0], MOST_CALLS))
            best = min(best, run, key=lambda each: each[0])
    return best


def of_calls(args):
    """Print the table of calls; whether all that is asked holds."""
    rows, held = [], []
    for name in args.functions:
        for d in args.columns:
            function = FUNCTIONS[name](d)
            runs = [ours(function, d, seed) for seed in range(args.seeds)]
            calls = np.median([run[0] for run in runs])
            pulls = " ".join(f"{run[1]:+.1f}" for run in runs)
            rows.append([name, d, _shown(calls), pulls, f"{np.median([r[2] for r in runs]):.1f}"])
            if find_spec("vegas"):
                theirs = [best_of_vegas(function, d, seed) for seed in range(args.seeds)]
                median = np.median([run[0] for run in theirs])
                told = " ".join(f"{run[1]:+.1f}" for run in theirs)
                rows[-1] += [_shown(median), told, _ratio(calls, median)]
                held += list(_compared(name, d, calls, min(median, MOST_CALLS)))
            print(rows[-1], file=sys.stderr, flush=True)
    header = ["function", "columns", "calls", "pulls", "CPU s"]
    print(markdown(header + ["vegas", "its pulls", "ratio"] * bool(held), rows), end="\n\n")
    return [verdict(*each) for each in held]


def _compared(name, d, calls, theirs):
    if name in SEPARABLE:
        yield (
            f"{name}, {d} columns",
            "at most twice",
            _ratio(calls, theirs),
            calls <= TWICE * theirs,
        )
    elif name in ("camel", "ridge") and d >= 4:
        yield (
            f"{name}, {d} columns",
            "below a fifth",
            _ratio(calls, theirs),
            calls < FIFTH * theirs,
        )


def _shown(calls):
    return f"{calls:,.0f}" if np.isfinite(calls) else "not reached"


def _ratio(calls, theirs):
    return f"{calls / theirs:.2f}" if np.isfinite(theirs) else f"< {calls / MOST_CALLS:.2f}"


def of_coverage(n_runs):
    """Print the shares of runs within one error and two; whether those of one are as asked."""
    rows, held = [], []
    for name, d in COVERED:
        function = (FUNCTIONS | SIGNED)[name](d)
        runs = [ours(function, d, seed) for seed in range(n_runs)]
        pulls = np.array([run[1] for run in runs])
        one, two = ((np.abs(pulls) < k).mean() for k in (1, 2))
        calls = np.median([run[0] for run in runs])
        rows.append([name, d, f"{one:.1%}", f"{two:.1%}", f"{pulls.mean():+.2f}", _shown(calls)])
        print(rows[-1], file=sys.stderr, flush=True)
        asked = f"{COVERAGE:.0%} +- {EITHER_WAY:.0%}"
        held.append((f"{name} within one error", asked, f"{one:.1%}", _near(one)))
    header = ["function", "columns", "within one error", "within two", "mean pull", "calls"]
    print(markdown(header, rows), end="\n\n")
    return [verdict(*each) for each in held]


def _near(share):
    return abs(share - COVERAGE) <= EITHER_WAY


def of_unweighting(seeds):
    """Print how many proposals are accepted, and what is left above the stated weight."""
    rows, held = [], []
    for d in UNWEIGHTED:
        function = FUNCTIONS["camel"](d)
        for seed in range(seeds):
            found = ours(function, d, seed)[-1]
            events = found.unweight(N_EVENTS, random_state=seed)
            share, over = events.efficiency, events.overweight
            rows.append(["camel", d, seed, f"{share:.0%}", f"{over:.2g}"])
            held.append(
                (f"efficiency, {d} columns", "at least 30%", f"{share:.0%}", share >= EFFICIENCY)
            )
    print(markdown(["function", "columns", "seed", "accepted", "overweight"], rows), end="\n\n")
    return [verdict(*each) for each in held]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--functions", nargs="*", default=list(FUNCTIONS), choices=list(FUNCTIONS))
    parser.add_argument("--columns", nargs="+", type=int, default=[2, 4, 8, 16])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--cover", type=int, default=200, help="runs, 0 for none")
    args = parser.parse_args()
    use_threads(1)
    warnings.simplefilter("ignore")  # verdicts are in the figures
    print(machine(), end="\n\n")
    held = of_calls(args) if args.functions else []
    held += of_unweighting(args.seeds)
    if args.cover:
        held += of_coverage(args.cover)
    raise SystemExit(not all(held))


if __name__ == "__main__":
    main()
