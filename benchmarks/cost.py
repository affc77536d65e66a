"""How long a default fit takes and how much memory it needs, over rows and over columns.

    python benchmarks/cost.py [--rows 300 1000 ...] [--columns 10] [--estimators ...] [--limit 300]

Each table is drawn from a mixture of bent normals (``_known.py``) and fitted in a process of its
own, one thread, whose CPU seconds and growth of the peak of resident memory are taken; then 1,000
rows are scored and drawn. Sizes of an estimator go up until a fit has taken longer than the limit.
Saves cost.csv and, over rows, cost.png. Needs Linux.
"""

import argparse
import subprocess
import sys
import time

import numpy as np
import pandas as pd
from _common import machine, markdown, use_threads
from _known import KnownDensity
from scoring_memory import MIB, reset_peak, resident_bytes
from sklearn.base import is_classifier

ESTIMATORS = (
    *("MixtureFlowDensity", "KernelFlowDensity", "NSFDensity", "StackedDensity"),
    *("TableDensity", "FlowOutlierDetector", "FlowRegressor", "FlowClassifier"),
    "SimulationPosterior",
)
ASKED = 1000
FIGURES = ("fit, s", "fit, MiB", "score 1,000, s", "draw 1,000, s")
LEAST = {"fit, s": 0.1, "fit, MiB": 5.0}  # that are told apart in the picture


def measure(name, n, d):
    """In a process of its own: print the figures of a fit to n rows of d columns."""
    import skflow

    use_threads(1)
    estimator = getattr(skflow, name)(random_state=0)
    X = KnownDensity(d).sample(n + ASKED)
    data, new = _asked(name, X[:n], X[n:])
    skflow.MixtureFlowDensity(n_components=1).fit(X[:50])  # what is loaded once, is loaded now
    reset_peak()
    before, start = resident_bytes("VmRSS"), time.process_time()
    estimator.fit(*data)
    fitted = time.process_time() - start
    grown = (resident_bytes("VmHWM") - before) / MIB
    scored = _seconds(lambda: _scored(estimator, new))
    drawn = _seconds(lambda: estimator.sample(ASKED)) if _draws_rows(estimator) else np.nan
    print(*(f"{figure:.4g}" for figure in (fitted, grown, scored, drawn)))


def _asked(name, X, new):
    """What is passed to fit, and what is scored."""
    if name == "FlowRegressor":
        return (X[:, :-1], X[:, -1]), (new[:, :-1], new[:, -1])
    if name == "FlowClassifier":
        middle = np.median(X[:, -1])
        return (X[:, :-1], X[:, -1] > middle), (new[:, :-1],)
    if name == "SimulationPosterior":
        half = X.shape[1] // 2
        return (X[:, :half], X[:, half:]), (new[:, :half], new[:, half:])
    return (X,), (new,)


def _scored(estimator, new):
    if is_classifier(estimator):
        return estimator.predict_proba(*new)
    if hasattr(estimator, "refine"):  # the posterior of one observation
        return estimator.score_samples(new[0], new[1][0])
    return (estimator.log_density if len(new) == 2 else estimator.score_samples)(*new)


def _draws_rows(estimator):
    return not any(hasattr(estimator, name) for name in ("predict", "refine", "p_values"))


def _seconds(call):
    start = time.process_time()
    call()
    return time.process_time() - start


def _curve(name, sizes, limit):
    """Figures of an estimator at sizes that go up, until a fit took longer than the limit."""
    for n, d in sizes:
        command = [sys.executable, "-W", "ignore", sys.argv[0], "--measure", name, str(n), str(d)]
        run = subprocess.run(command, check=True, capture_output=True, text=True)
        figures = [float(word) for word in run.stdout.split()[-len(FIGURES) :]]
        yield {
            "estimator": name,
            "rows": n,
            "columns": d,
            **dict(zip(FIGURES, figures, strict=True)),
        }
        if figures[0] > limit:
            return


def picture(frame, path):
    """Draw seconds and memory of fits over rows."""
    import matplotlib.pyplot as plt

    panels = {"fit, s": "seconds of a fit, one core", "fit, MiB": "memory of a fit, MiB"}
    fig, axes = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
    for axis, (figure, title) in zip(axes, panels.items(), strict=True):
        for name, rows in frame.groupby("estimator", sort=False):
            seen = rows[figure].clip(lower=LEAST[figure])
            axis.plot(rows["rows"], seen, marker="o", ms=3, label=name)
        axis.set(xscale="log", yscale="log", xlabel="rows", title=title)
        axis.grid(alpha=0.3)
    fig.legend(*axes[0].get_legend_handles_labels(), loc="outside right center", fontsize=8)
    fig.savefig(path, dpi=120)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", nargs="*", type=int, default=[300, 1000, 3000, 10000, 30000])
    parser.add_argument("--columns", nargs="*", type=int, default=[10])
    parser.add_argument("--estimators", nargs="*", default=ESTIMATORS)
    parser.add_argument("--limit", type=float, default=300.0, help="seconds")
    parser.add_argument("--measure", nargs=3, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        name, *size = args.measure
        measure(name, *map(int, size))
        return
    print(machine())
    found = []
    for d in args.columns:
        for name in args.estimators:
            for row in _curve(name, [(n, d) for n in sorted(args.rows)], args.limit):
                found.append(row)
                print(*row.values(), flush=True)
                pd.DataFrame(found).to_csv("cost.csv", index=False)
    frame = pd.DataFrame(found)
    print(markdown(list(frame.columns), frame.astype(str).values.tolist()))
    picture(frame[frame["columns"] == args.columns[0]], "cost.png")


if __name__ == "__main__":
    main()
