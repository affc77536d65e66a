"""Held-out score against seconds, over rows and over columns: our estimators and the others.

    python benchmarks/curves.py [--quick] [--rows 250 1000] [--columns 2 8] [--models ...]
    SKFLOW_DATA=folder python benchmarks/curves.py --real [banknote ...]

Tables are drawn from densities that are known (``_simulated.py``), so that a score is given as
what it falls short of the truth's: the Kullback-Leibler divergence in nats a column, estimated on
4,000 new rows. Every density sees the same rows, standardised by those of the fit. Fits follow
each other on one thread; seconds are of the processor, those of tuning included. One that fails or
takes too long is a row as any other. Saves curves.csv and a picture over rows and over columns;
with ``--real`` the tables of ``run.py``, and the gap to the best of those compared.
"""

import argparse
import functools
import signal
import time
import warnings
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
from _common import machine, use_threads, warm_up
from _curves import add_gaps, table, write_picture
from _optional import available
from _peers import TutorialFit, nflows_nsf, normflows_nsf, zuko_nsf
from _simulated import FAMILIES
from _tables import TunedGMM, TunedKDE, load, names, split

import skflow

OPTIONAL, MISSING = available()
MODELS = {
    "NSFDensity()": lambda: skflow.NSFDensity(random_state=0),
    "NSFDensity(max_seconds=10)": lambda: skflow.NSFDensity(max_seconds=10, random_state=0),
    "RealNVPDensity()": lambda: skflow.RealNVPDensity(random_state=0),
    "KernelFlowDensity()": lambda: skflow.KernelFlowDensity(random_state=0),
    "GMM, tuned": TunedGMM,
    "KDE, tuned": TunedKDE,
    **OPTIONAL,
    "zuko NSF": lambda: TutorialFit(zuko_nsf()),
    "nflows NSF+LU": lambda: TutorialFit(nflows_nsf()),
    "normflows NSF+LU": lambda: TutorialFit(normflows_nsf()),
}
IDENTITY = "family", "n", "d", "seed"


class OutOfTime(BaseException):
    """No Exception: searches take those of a fit for a bad setting, and go on."""


@contextmanager
def cpu_limit(seconds):
    """Raise OutOfTime when the block has taken so many seconds of the processor (POSIX)."""

    def stop(signum, frame):
        raise OutOfTime(f"more than {seconds:g} CPU s")

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def simulated(family, n, d, n_test, seed):
    """Rows to fit and to test, standardised by the former; the truth's scores of the latter."""
    truth = FAMILIES[family](d)
    rng = np.random.default_rng([seed, n, d])
    train, test = truth.sample(n, rng), truth.sample(n_test, rng)
    mean, scale = train.mean(axis=0), train.std(axis=0)
    of_truth = truth.log_density(test) + np.log(scale).sum()
    return (train - mean) / scale, (test - mean) / scale, of_truth


def measure(make, train, test, of_truth, max_seconds):
    """Seconds and scores of one density, or why there are none."""
    start, error, spent = (time.process_time(), time.perf_counter()), "", None
    scores = np.full(len(test), np.nan)
    try:
        with cpu_limit(max_seconds), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = make().fit(train)
            spent = _since(*start)
            scores = np.asarray(model.score_samples(test))
    except (Exception, OutOfTime) as problem:  # a failure is a result, not the end of the run
        error = f"{type(problem).__name__}: {problem}"
    short = (of_truth - scores) / test.shape[1]
    return (spent or _since(*start)) | {
        "score": scores.mean(),
        "short_of_truth": short.mean(),
        "standard_error": short.std() / len(short) ** 0.5,
        "not_finite": int((~np.isfinite(scores)).sum()),
        "error": error,
    }


def _since(cpu, wall):
    return {"cpu_s": time.process_time() - cpu, "wall_s": time.perf_counter() - wall}


@functools.cache
def load_what_is_loaded_once(name):
    """Fit a few rows: libraries load more at their first fit than at their import."""
    rows = np.random.default_rng(0).normal(size=(40, 2))
    measure(MODELS[name], rows, rows, np.zeros(40), max_seconds=3)


def run_cell(key, data, models, max_seconds, known):
    """One table, all densities: yields and prints a row each, measured if it is not known."""
    for name in models:
        identity = tuple(key[part] for part in IDENTITY) + (name,)
        if identity in known:
            yield {**known[identity], **key}
            continue
        load_what_is_loaded_once(name)
        row = {**key, "model": name, **measure(MODELS[name], *data, max_seconds)}
        known[identity] = row
        label = f"{key['family']:16s} {key['n']:6d} x {key['d']:3d}  {name:26s}"
        print(
            f"{label} {row['cpu_s']:6.1f} s ",
            row["error"] or _scored(row),
            flush=True,
        )
        yield row


def _scored(row):
    known = np.isfinite(row["short_of_truth"])
    gap = f", {row['short_of_truth']:.4f} a column below the truth" if known else ""
    return f"{row['score']:9.3f} nats{gap}"


def cells(args):
    """Yield what names each table, and a function that makes it."""
    if args.real is not None:
        for name in args.real or names():
            train, test = split(load(name, args.max_rows))
            n, d = train.shape
            key = {"axis": "tables", "family": name, "n": n, "d": d, "seed": 0}
            yield key, (train, test, np.full(len(test), np.nan))
        return
    sizes = [("rows", n, args.at_columns) for n in args.rows]
    sizes += [("columns", args.at_rows, d) for d in args.columns]
    for axis, n, d in sizes:
        for family in args.families:
            key = {"axis": axis, "family": family, "n": n, "d": d, "seed": args.seed}
            yield key, simulated(family, n, d, args.n_test, args.seed)


def arguments(argv):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--families", nargs="*", default=list(FAMILIES), choices=FAMILIES)
    parser.add_argument("--models", nargs="*", default=list(MODELS), choices=MODELS)
    parser.add_argument("--rows", nargs="*", type=int, default=[250, 1000, 4000, 16_000])
    parser.add_argument("--columns", nargs="*", type=int, default=[2, 4, 8, 16, 32])
    parser.add_argument("--at-rows", type=int, default=2000, help="rows of the curve over columns")
    parser.add_argument("--at-columns", type=int, default=6, help="columns of that over rows")
    parser.add_argument("--real", nargs="*", help="real tables instead, all if none is named")
    parser.add_argument("--max-rows", type=int, default=20_000, help="of a real table")
    parser.add_argument("--max-seconds", type=float, default=300, help="of the CPU, for each fit")
    parser.add_argument("--n-test", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--quick", action="store_true", help="see that everything runs: a few minutes"
    )
    parser.add_argument(
        "--resume", action="store_true", help="keep what curves.csv holds of these tables"
    )
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results")
    args = parser.parse_args(argv)
    if args.quick:
        args.rows, args.at_rows, args.columns, args.at_columns = [60], 60, [2], 2
        args.n_test, args.max_seconds = 200, min(args.max_seconds, 10)
    return args


def report(results, output):
    results = add_gaps(results)
    for axis, part in results.groupby("axis", sort=False):
        path = output / f"curves_{axis}.png"
        write_picture(part, path)
        print(f"\nOver {axis}, {path.name}: nats a column, (CPU seconds)\n\n{table(part)}")


def already_known(saved):
    """Rows of an earlier run by what they are of."""
    rows = pd.read_csv(saved, dtype={"error": str}).fillna({"error": ""})
    identities = rows[[*IDENTITY, "model"]].itertuples(index=False, name=None)
    return dict(zip(identities, rows.to_dict("records"), strict=True))


def main(argv=None):
    args = arguments(argv)
    saved = args.output / "curves.csv"
    args.output.mkdir(parents=True, exist_ok=True)
    use_threads(1)
    warm_up()
    print(machine())
    if MISSING:
        print(f"not measured, not installed: {', '.join(MISSING)}")
    known = already_known(saved) if args.resume and saved.exists() else {}
    rows = []
    for key, data in cells(args):
        rows += run_cell(key, data, args.models, args.max_seconds, known)
        # after every table, so that an interrupted run keeps what it has
        pd.DataFrame(rows).to_csv(saved, index=False)
    report(pd.DataFrame(rows), args.output)


if __name__ == "__main__":
    main()
