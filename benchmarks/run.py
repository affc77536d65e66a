"""Held-out log-likelihood and times of our estimators, the classical densities and the peers.

    SKFLOW_DATA=folder python benchmarks/run.py [--tables banknote] [--models NSFDensity] [...]

Each table is cleaned alike for every method, split 80/20 (seed 0) and standardised by the training
rows. Prints a line per table and model; saves results.csv, results.md and results.png. Fit times
of the tuned baselines include their search. Without SKFLOW_DATA, tables come from OpenML.
"""

import argparse
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from _common import machine, use_threads, warm_up
from _peers import (
    TutorialFit,
    nflows_maf_residual,
    normflows_nsf,
    zuko_maf,
    zuko_nsf,
)
from _report import write_markdown, write_picture
from _tables import TunedGMM, TunedKDE, load, names, split

import skflow

N_TIMED = 1000  # rows scored and drawn for the times
OURS = [name for name in skflow.__all__ if name.endswith("Density")]
BASELINES = {"KDE, tuned": TunedKDE, "GMM, tuned": TunedGMM}
PEERS = {
    "zuko NSF": zuko_nsf,
    "zuko MAF": zuko_maf,
    "nflows MAF": nflows_maf_residual,
    "normflows NSF+LU": normflows_nsf,
}
MODELS = (*BASELINES, *OURS, *PEERS)


def build(name, max_seconds=None):
    if name in OURS:
        model = getattr(skflow, name)(random_state=0)
        if "max_seconds" in model.get_params():
            model.set_params(max_seconds=max_seconds)
        return model
    return BASELINES[name]() if name in BASELINES else TutorialFit(PEERS[name]())


def measure(model, train, test):
    start = time.perf_counter()
    model.fit(train)
    fit_s = time.perf_counter() - start
    scores = np.asarray(model.score_samples(test))
    rows = np.resize(test, (N_TIMED, test.shape[1]))
    start = time.perf_counter()
    model.score_samples(rows)
    score_s = time.perf_counter() - start
    start = time.perf_counter()
    model.sample(N_TIMED)
    return {
        "log_likelihood": scores.mean(),
        "standard_error": scores.std() / len(scores) ** 0.5,
        "not_finite": int((~np.isfinite(scores)).sum()),
        "fit_s": fit_s,
        "score_ms": 1e3 * score_s,
        "sample_ms": 1e3 * (time.perf_counter() - start),
        "error": "",
    }


def run_table(name, models, max_rows, max_seconds):
    X = load(name, max_rows)
    train, test = split(X)
    for model in models:
        torch.manual_seed(0)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                result = measure(build(model, max_seconds), train, test)
        except Exception as error:  # one method's failure is a result, not the end of the run
            result = {"error": f"{type(error).__name__}: {error}"}
        row = {"table": name, "n": len(train), "d": X.shape[1], "model": model, **result}
        print(
            f"{name:24s} {len(train):6d} x {X.shape[1]:3d}  {model:17s}",
            row["error"]
            or f"{row['log_likelihood']:10.3f} +- {row['standard_error']:6.3f}"
            f"  fit {row['fit_s']:7.1f} s  score {row['score_ms']:7.1f} ms"
            f"  sample {row['sample_ms']:7.1f} ms",
            flush=True,
        )
        yield row


def add_gains(results):
    """Nats per column above the better of the tuned baselines that were run on the table."""
    baselines = results[results["model"].isin(BASELINES)]
    best = baselines.groupby("table")["log_likelihood"].max()
    gain = results["log_likelihood"] - results["table"].map(best)
    return results.assign(gain_per_column=gain / results["d"])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--tables", nargs="*")
    parser.add_argument("--models", nargs="*", default=list(MODELS), choices=MODELS)
    parser.add_argument("--max-rows", type=int, default=20_000)
    parser.add_argument("--max-seconds", type=float, help="bound of each fit that has one")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results")
    args = parser.parse_args()
    use_threads(args.threads)
    warm_up()
    print(machine())
    args.output.mkdir(parents=True, exist_ok=True)
    rows = []
    for name in args.tables or names():
        rows += run_table(name, args.models, args.max_rows, args.max_seconds)
        # after every table, so that an interrupted run keeps what it has
        results = add_gains(pd.DataFrame(rows))
        results.to_csv(args.output / "results.csv", index=False)
    text = write_markdown(results, BASELINES, machine(), args.output / "results.md")
    write_picture(results, BASELINES, args.output / "results.png")
    print(f"\n{text}\n\nsaved in {args.output}: results.csv, results.md, results.png")
    failed = results[results["error"].ne("") & results["model"].isin(OURS)]
    if len(failed):
        raise SystemExit(f"our estimators failed on {sorted(set(failed['table']))}")


if __name__ == "__main__":
    main()
