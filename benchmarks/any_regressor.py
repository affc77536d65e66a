"""Any regressor made a density by FlowRegressor, beside the same with Gaussian residuals.

    SKFLOW_DATA=folder python benchmarks/any_regressor.py [--tables yacht] [--regressors ridge]

For ridge regression, a random forest, boosted trees, nearest neighbours and a Gaussian process
(on tables of at most 2,000 rows): the mean log density of a fifth of the rows, held out, by
``FlowRegressor(regressor=...)`` and by the same regressor fitted to all training rows, with one
deviation, that of its residuals out of five folds. Three random splits; y on a grid is spread over
it, as in ``regression.py``. Flags regressors that lose more than 0.02 nats.

Every split is written to any_regressor.csv as soon as it is done; ``--resume`` goes on from there.
"""

import argparse
import sys
import time
import warnings
from pathlib import Path

import numpy as np
from _common import Journal, machine, markdown, use_threads, verdict
from _regression import SETS, spread, table
from _regression_peers import GaussianResiduals
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skflow import FlowRegressor

TABLES = (*SETS, "diabetes", "california")
PROCESS = GaussianProcessRegressor(
    ConstantKernel() * RBF() + WhiteKernel(), normalize_y=True, random_state=0
)
REGRESSORS = {
    "ridge": make_pipeline(StandardScaler(), RidgeCV(np.logspace(-3, 3, 13))),
    "random forest": RandomForestRegressor(random_state=0),
    "boosted trees": HistGradientBoostingRegressor(random_state=0),
    "nearest neighbours": make_pipeline(StandardScaler(), KNeighborsRegressor()),
    "Gaussian process": make_pipeline(StandardScaler(), PROCESS),
}
MAX_ROWS = {"Gaussian process": 2_000}  # of a table, as a fit takes their third power
WORSE = -0.02  # nats
KEY = "table", "regressor", "split", "rows"


def compare(regressor, X, y, seed):
    """Mean log densities of both on held-out rows, the difference and its standard error."""
    X, X_test, y, y_test = train_test_split(X, y, test_size=0.2, random_state=seed)
    start = time.process_time()
    ours = FlowRegressor(regressor=regressor, random_state=seed).fit(X, y)
    scores = ours.log_density(X_test, y_test)
    spent = time.process_time() - start
    gaussian = GaussianResiduals(regressor, seed).fit(X, y).log_density(X_test, y_test)
    gains = scores - gaussian
    return {
        "ours": scores.mean(),
        "gaussian": gaussian.mean(),
        "gain": gains.mean(),
        "error": gains.std(ddof=1) / len(gains) ** 0.5,
        "seconds": spent,
        "features": " + ".join(ours.features_),
    }


def rows_of(name, max_rows):
    """At most so many rows of a table, at random, with y spread."""
    X, y = table(name)
    y = spread(y, np.random.default_rng(0))
    chosen = np.random.default_rng(0).permutation(len(y))[:max_rows]
    return X[chosen], y[chosen]


def run(name, regressors, n_splits, max_rows, journal):
    X, y = rows_of(name, max_rows)
    for seed in range(n_splits):
        for regressor in regressors:
            key = name, regressor, seed, len(y)
            if key in journal or len(y) > MAX_ROWS.get(regressor, len(y)):
                continue
            result = compare(REGRESSORS[regressor], X, y, seed)
            journal.add(dict(zip(KEY, key, strict=True)) | result)
            print(
                f"{name:12s} {seed} {regressor:20s} {result['ours']:9.4f}, Gaussian "
                f"{result['gaussian']:9.4f}, gain {result['gain']:+.4f} ± {result['error']:.4f}, "
                f"{result['seconds']:.0f} s, given {result['features']}",
                flush=True,
            )


def summary(rows):
    """Lines of the table, and which regressors lose more than they may on which tables.

    The standard error is that of the mean over all rows tested, as if no row were tested twice.
    """
    lines, losers, groups = [], [], {}
    for row in rows:
        key = row["table"], int(row["rows"]), row["regressor"]
        groups.setdefault(key, []).append(row)
    for (name, size, regressor), some in groups.items():
        ours, gaussian, gain, spent = (
            np.mean([row[column] for row in some])
            for column in ("ours", "gaussian", "gain", "seconds")
        )
        error = np.sqrt(np.sum([row["error"] ** 2 for row in some])) / len(some)
        loses = not gain >= WORSE  # so that a gain that is not a number is flagged
        losers += [f"{regressor} on {name}"] * loses
        figures = f"{ours:.3f}", f"{gaussian:.3f}", f"{gain:+.3f} ± {error:.3f}", f"{spent:.0f}"
        lines.append([name, f"{size:,}", regressor, *figures, "worse" * loses])
    return lines, losers


def parsed():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--tables", nargs="*", default=TABLES, choices=TABLES)
    parser.add_argument("--regressors", nargs="*", default=list(REGRESSORS), choices=REGRESSORS)
    parser.add_argument("--splits", type=int, default=3)
    parser.add_argument("--max-rows", type=int, default=3_000, help="of a table")
    parser.add_argument("--resume", action="store_true", help="keep what the CSV file holds")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results")
    return parser.parse_args()


def main():
    args = parsed()
    use_threads(1)
    warnings.simplefilter("ignore")
    print(machine(), flush=True)
    journal = Journal(args.output / "any_regressor.csv", KEY, args.resume)
    for name in args.tables:
        run(name, args.regressors, args.splits, args.max_rows, journal)
    lines, losers = summary(journal.rows)
    header = ["table", "rows", "regressor", "FlowRegressor", "Gaussian", "gain", "s", ""]
    text = markdown(header, lines)
    (args.output / "any_regressor.md").write_text(f"Machine: {machine()}.\n\n{text}\n")
    print(f"\nMean log density of held-out rows, nats:\n\n{text}\n")
    measured = f"{len(losers)} of {len(lines)}" + (f" ({', '.join(losers)})" if losers else "")
    sys.exit(not verdict(f"worse by more than {-WORSE} nats", 0, measured, not losers))


if __name__ == "__main__":
    main()
