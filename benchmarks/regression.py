"""Densities of y given x on the published splits of the UCI tables, beside NGBoost and others.

    SKFLOW_DATA=folder python benchmarks/regression.py [--sets yacht boston] [--splits 5] [...]

Negative log-likelihood, root mean squared error, CRPS of 200 draws, the share of test rows inside
the central 90 % interval and seconds, by the protocol of Hernandez-Lobato & Adams (2015), all in
the units of y. Values of y that repeat on a grid are spread over it, for everybody alike.

Every split is written to regression.csv as soon as it is done; ``--resume`` goes on from there.
What NGBoost needs does not go with what skflow needs, so that it may run in an environment of its
own with ``--peers-only``, which imports no skflow and writes regression_peers.csv; the table is of
both files. Without SKFLOW_DATA the tables are downloaded.
"""

import argparse
import warnings
from pathlib import Path

import numpy as np
from _common import Journal, machine, read_rows, use_threads
from _regression import FIGURES, SETS, measure, published, spread
from _regression_peers import peers
from _regression_report import merged, report

KEY = "set", "split", "model", "rows"
FAILED = dict.fromkeys((*FIGURES, "fit_s", "answers_s"), float("nan"))


def models(peers_only):
    """What makes each model from a seed, by name."""
    found, missing = peers()
    if missing:
        print(f"left out, as not installed: {', '.join(missing)}")
    if peers_only:
        return found
    from skflow import FlowRegressor

    return {"FlowRegressor": lambda seed: FlowRegressor(random_state=seed)} | found


def splits(n, tests, max_rows):
    """Number, rows to fit and rows to test of each split, at most ``max_rows`` of either."""
    for k, test in enumerate(tests):
        train = np.setdiff1d(np.arange(n), test)
        train = np.random.default_rng(k).permutation(train)[:max_rows] if max_rows else train
        yield k, train, test[:max_rows]


def attempt(make, seed, X, y, train, test):
    """Figures of one model on one split; its failure is a result, not the end of the run."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return measure(make(seed), X[train], y[train], X[test], y[test]) | {"error": ""}
    except Exception as error:
        return FAILED | {"error": f"{type(error).__name__}: {error}"}


def run(name, makers, n_splits, max_rows, journal):
    """All models on one split after the other; only what the journal does not know."""
    X, y, tests = published(name)
    y = spread(y, np.random.default_rng(0))
    for k, train, test in splits(len(y), tests[:n_splits], max_rows):
        for model, make in makers.items():
            key = name, k, model, len(train)
            if key in journal:
                continue
            result = attempt(make, k, X, y, train, test)
            journal.add(dict(zip(KEY, key, strict=True)) | result)
            figures = "  ".join(f"{figure} {result[figure]:8.4f}" for figure in FIGURES)
            spent = f"fit {result['fit_s']:.1f} s, answers {result['answers_s']:.1f} s"
            text = result["error"] or f"{figures}  {spent}"
            print(f"{name:12s} {k:2d} {model:24s} {text}", flush=True)


def parsed():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sets", nargs="*", default=SETS, choices=SETS)
    parser.add_argument("--splits", type=int, default=20, help="at most so many of each set")
    parser.add_argument("--max-rows", type=int, help="at most so many to fit, and to test")
    parser.add_argument("--models", nargs="*", help="of those that there are; default all")
    parser.add_argument("--peers-only", action="store_true", help="without skflow")
    parser.add_argument("--resume", action="store_true", help="keep what the CSV file holds")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results")
    return parser.parse_args()


def main():
    args = parsed()
    makers = models(args.peers_only)
    unknown = set(args.models or ()) - set(makers)
    if unknown:
        raise SystemExit(f"--models must be of {list(makers)}, got {sorted(unknown)}")
    makers = {name: makers[name] for name in args.models or makers}
    use_threads(1)
    print(machine(), flush=True)
    files = [args.output / name for name in ("regression.csv", "regression_peers.csv")]
    journal = Journal(files[args.peers_only], KEY, args.resume)
    for name in args.sets:
        run(name, makers, args.splits, args.max_rows, journal)
    text = report(merged([read_rows(file) for file in files if file.exists()], KEY))
    (args.output / "regression.md").write_text(f"Machine: {machine()}.\n\n{text}\n")
    print(f"\n{text}\n\nsaved in {args.output}: {journal.path.name}, regression.md")


if __name__ == "__main__":
    main()
