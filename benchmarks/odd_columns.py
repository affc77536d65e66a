"""How often FlowOutlierDetector names the one column of a row that was replaced, beside forests.

    SKFLOW_DATA=folder python benchmarks/odd_columns.py [--tables iris] [--seeds 3]

Four tables of scikit-learn (of breast-cancer the first ten columns) and the normal rows of six of
ADBench; at most 2,000 rows and the first 20 columns, in their own units. For each seed a random
two thirds of the rows train, columns that are constant there left out. In up to 100 of the other
rows one column, drawn at random, becomes its value in a random training row, a value that differs.
Found means ranked first among the columns; columns that share the first rank share the find.

- ``explain`` of ``FlowOutlierDetector`` fitted to the training rows;
- ``IsolationForest`` of the same rows, as in ``odd_cells.py``: by how much the anomaly of the row
  falls when the column becomes that of a training row, mean over 20 such rows.

Every seed is written to odd_columns.csv as soon as it is done; ``--resume`` goes on from there.
"""

import numpy as np
from _common import mean_and_error, verdict
from _frames import BUNDLED, classes, finish, leave, start
from _outliers import arguments, by_table, labelled
from odd_cells import ASKED, found, replaced, replacement_scores
from sklearn.datasets import load_diabetes
from sklearn.ensemble import IsolationForest
from sklearn.model_selection import train_test_split

from skflow import FlowOutlierDetector

KEY = "table", "seed"
TABLES = (
    "wine",
    "breast-cancer",
    "iris",
    "diabetes",
    "23_mammography",
    "27_PageBlocks",
    "7_Cardiotocography",
    "41_Waveform",
    "14_glass",
    "19_landsat",
)
MAX_ROWS, MAX_COLUMNS, MAX_TRIALS = 2_000, 20, 100


def normal_rows(table):
    """Numbers (n, d) without anomalies."""
    if table == "diabetes":
        return load_diabetes(return_X_y=True)[0]
    if table in BUNDLED:
        return classes(table)[0][:, : 10 if table == "breast-cancer" else None]
    X, is_odd = labelled(table)
    return X[~is_odd]


def thirds(X, seed):
    """Rows that train and other rows, with the columns that vary in the former."""
    rng = np.random.RandomState(seed)
    X = X[rng.permutation(len(X))[:MAX_ROWS], :MAX_COLUMNS]
    train, test = train_test_split(X, test_size=1 / 3, random_state=seed)
    varies = np.ptp(train, axis=0) > 0
    return train[:, varies], test[:, varies]


def measure(X, seed):
    """Shares of the changed rows in which each finds the column."""
    train, test = thirds(X, seed)
    rng = np.random.default_rng(seed)
    n_trials = min(MAX_TRIALS, len(test))
    rows, columns = replaced(train, test, n_trials, rng)
    model = FlowOutlierDetector(random_state=seed).fit(train)
    forest = IsolationForest(random_state=seed).fit(train)
    return {
        "rows": len(train),
        "columns": train.shape[1],
        "trials": n_trials,
        "explain": float(found(model.explain(rows), columns).mean()),
        "forest": float(found(replacement_scores(forest, rows, train, rng), columns).mean()),
    }


def line(table, rows):
    """Means over the seeds in %, and the gain with its standard error over them."""
    ours, theirs = ([100 * row[name] for row in rows] for name in ("explain", "forest"))
    gain = mean_and_error(np.subtract(ours, theirs).tolist(), digits=1)
    first = rows[0]
    size = int(first["rows"]), int(first["columns"]), int(first["trials"])
    chance = f"{100 / first['columns']:.1f}"
    return [table, *size, chance, f"{np.mean(ours):.1f}", f"{np.mean(theirs):.1f}", gain]


def main():
    args = arguments(__doc__, TABLES, 3).parse_args()
    journal = start(args, "odd_columns", KEY)
    for table in args.tables:
        X = normal_rows(table)
        for seed in range(args.seeds):
            if (table, seed) not in journal:
                row = {"table": table, "seed": seed} | measure(X, seed)
                journal.add(row)
                told = "{table:18s} {seed} {explain:.3f}, forest {forest:.3f}"
                print(told.format(**row), flush=True)
    lines = [line(*pair) for pair in by_table(journal.rows)]
    ours, theirs = (np.array([float(cells[i]) for cells in lines]) for i in (5, 6))
    mean = ["mean", *[""] * 4, f"{ours.mean():.1f}", f"{theirs.mean():.1f}", ""]
    header = ["table", "rows", "columns", "changed", "chance", "explain", "isolation forest"]
    title = "Replaced columns that are ranked first in their row, %:"
    finish(journal, title, [*header, "gain"], [*lines, mean])
    n_better, asked = int((ours > theirs).sum()), int(np.ceil(ASKED * len(lines)))
    question = "tables on which explain finds more columns"
    measured = f"{n_better} of {len(lines)}"
    leave([verdict(question, f"at least {asked}", measured, n_better >= asked)])


if __name__ == "__main__":
    main()
