"""How long until the default flow is better than a tuned Gaussian mixture, table by table.

    SKFLOW_DATA=folder python benchmarks/time_to_beat.py [--tables banknote] [--seconds 1 2 3 5 10]

Tables, split and mixture as in ``run.py``; one thread. ``NSFDensity(random_state=0)`` is fitted
with each limit of time and without one, everything imported and loaded before. A fit beats the
mixture when its held-out score is 0.01 nats a column higher, or as high where the one without a
limit comes no further. The seconds of a table are those, by the clock, of the first fit that does.
Saves time_to_beat.csv and a picture of the scores over the seconds.
"""

import argparse
import math
import statistics
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from _common import machine, markdown, use_threads, verdict
from _tables import TunedGMM, load, names, split
from matplotlib import pyplot as plt

import skflow

AHEAD = 0.01  # nats a column
SECONDS = (1.0, 2.0, 3.0, 5.0, 10.0)
TARGET, KEPT = 3.0, 0.9


def fit(train, max_seconds):
    """Return a fitted density, and the seconds that it took."""
    model = skflow.NSFDensity(max_seconds=max_seconds, random_state=0)
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(train)
    return model, time.perf_counter() - start


def load_what_is_loaded_once():
    fit(np.random.default_rng(0).normal(size=(200, 3)), 2.0)


def run_table(name, limits, max_rows):
    """Score and seconds of each fit, as rows of a table; the mixture's score in each."""
    train, test = split(load(name, max_rows))
    mixture = float(TunedGMM().fit(train).score_samples(test).mean())
    for limit in (*limits, math.inf):
        model, seconds = fit(train, None if limit == math.inf else limit)
        yield {
            "table": name,
            "n": len(train),
            "d": train.shape[1],
            "mixture": mixture,
            "limit": limit,
            "seconds": seconds,
            "score": model.score(test),
        }


def seconds_to_beat(rows):
    """Seconds of the first fit of a table that beats the mixture, infinite if none does."""
    first = rows.iloc[0]
    ahead = first.mixture + AHEAD * first.d
    level = ahead if rows.score.iloc[-1] > ahead else first.mixture
    return min(rows.seconds[rows.score >= level], default=math.inf)


def share_kept(results, limit):
    """Of the mean gain per column without a limit, the share that a limit leaves."""
    gain = (results.score - results.mixture) / results.d
    return gain[results.limit == limit].mean() / gain[results.limit == math.inf].mean()


def write_picture(results, path):
    figure, ax = plt.subplots(figsize=(8, 5), layout="constrained")
    for _, rows in results.groupby("table", sort=False):
        gain = (rows.score - rows.mixture) / rows.d
        order = rows.seconds.argsort()
        ax.plot(rows.seconds.iloc[order], gain.iloc[order], ".-", color="C0", alpha=0.4)
    ax.axhline(AHEAD, color="black", linewidth=1, linestyle=":")
    ax.axvline(TARGET, color="black", linewidth=1, linestyle=":")
    ax.set(xscale="log", xlabel="seconds of the fit, one core")
    ax.set_yscale("symlog", linthresh=0.01)
    ax.set_ylabel("gain over the tuned mixture, nats per column")
    ax.grid(alpha=0.3)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def report(results):
    tables = results.groupby("table", sort=False)
    times = {name: seconds_to_beat(rows) for name, rows in tables}
    body = [
        [
            name,
            rows.n.iloc[0],
            rows.d.iloc[0],
            f"{times[name]:.1f}",
            *(f"{(s - rows.mixture.iloc[0]) / rows.d.iloc[0]:+.3f}" for s in rows.score),
            f"{rows.seconds.iloc[-1]:.1f}",
        ]
        for name, rows in tables
    ]
    limits = [f"gain in {limit:g} s" for limit in results.limit.unique() if limit < math.inf]
    header = ["table", "rows", "columns", "seconds to beat", *limits, "gain, no limit", "its s"]
    print(markdown(header, body))
    median = statistics.median(times.values())
    asked = f"<= {TARGET:g}"
    verdict("median seconds to beat the tuned mixture", asked, f"{median:.1f}", median <= TARGET)
    longest = max(limit for limit in results.limit if limit < math.inf)
    kept = share_kept(results, longest)
    text = f"share of the gain that max_seconds={longest:g} keeps"
    verdict(text, f">= {KEPT}", f"{kept:.2f}", kept >= KEPT)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--tables", nargs="*")
    parser.add_argument("--seconds", nargs="*", type=float, default=SECONDS)
    parser.add_argument("--max-rows", type=int, default=20_000)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results")
    args = parser.parse_args()
    use_threads(1)
    print(machine())
    load_what_is_loaded_once()
    args.output.mkdir(parents=True, exist_ok=True)
    rows = []
    for name in args.tables or names():
        rows += run_table(name, args.seconds, args.max_rows)
        results = pd.DataFrame(rows)
        results.to_csv(args.output / "time_to_beat.csv", index=False)
        print(f"{name:20s} {seconds_to_beat(results[results.table == name]):.1f} s", flush=True)
    write_picture(results, args.output / "time_to_beat.png")
    report(results)


if __name__ == "__main__":
    main()
