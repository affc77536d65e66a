"""What the benchmarks of tables share: tables as they are, holes, fits, and what is printed.

With the environment variable ``SKFLOW_DATA`` data frames come from ``NAME.csv.gz`` in that folder
or its subfolder ``mixed``, beside a ``NAME.json`` that says which columns are ``categories`` and
which is the ``target``; binary tables from ``NAME.npz`` there or in ``binary``, with keys
``train``, ``valid`` and ``test``. Without it they are fetched from OpenML and from the
repository of the binary ones.
"""

import argparse
import json
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from _common import Journal, find_data, machine, markdown, use_threads
from _tables import load, names, split
from sklearn.datasets import fetch_openml, load_breast_cancer, load_iris, load_wine
from sklearn.model_selection import train_test_split

from skflow import TableDensity

OPENML = {  # id there, of our names
    "adult-4000": 1590,
    "ecoli": 39,
    "german": 31,
    "glass": 41,
    "ionosphere": 59,
    "seeds": 1499,
    "tictactoe": 50,
    "wine_quality_red": 40691,
}
BUNDLED = {"iris": load_iris, "wine": load_wine, "breast-cancer": load_breast_cancer}
BINARY = (
    "https://raw.githubusercontent.com/UCLA-StarAI/Density-Estimation-Datasets/master/datasets"
)
PARTS = "train", "valid", "test"
MAX_ROWS = 4_000  # of a frame that is fetched
SETTINGS = {"random_state": 0}  # of every TableDensity, which is otherwise as it comes
N_TABLES = 10


def binary(name):
    """Rows of 0 and 1, uint8, that train, validate and test."""
    path = find_data(f"binary/{name}.npz", f"{name}.npz")
    if path is None:
        parts = [_fetch_binary(name, part) for part in PARTS]
    else:
        with np.load(path) as file:
            parts = [file[part] for part in PARTS]
    if any(set(np.unique(part)) - {0, 1} for part in parts):
        raise ValueError(f"{name} must hold nothing but 0 and 1.")
    return parts


def _fetch_binary(name, part):
    return np.loadtxt(f"{BINARY}/{name}/{name}.{part}.data", delimiter=",", dtype=np.uint8)


def frame(name):
    """A data frame, its categories as text, and the name of its target."""
    path = find_data(f"mixed/{name}.csv.gz", f"{name}.csv.gz")
    if path is None:
        return _fetch_frame(OPENML[name])
    facts = json.loads(path.with_name(f"{name}.json").read_text())
    table = pd.read_csv(path, na_values="?", dtype=dict.fromkeys(facts["categories"], str))
    return table, facts["target"]


def _fetch_frame(number):
    """At most ``MAX_ROWS`` rows, at random; whole numbers as integers, categories as text."""
    found = fetch_openml(data_id=number, as_frame=True)
    target = found.target_names[0]
    table = found.frame.sample(min(MAX_ROWS, len(found.frame)), random_state=0)
    for column in table:
        if not pd.api.types.is_numeric_dtype(table[column]) or column == target:
            table[column] = table[column].astype(object).map(str, na_action="ignore")
        elif (table[column] % 1 == 0).all():
            table[column] = table[column].astype(np.int64)
    return table.reset_index(drop=True), target


def classes(name):
    """Numbers X (n, d) and classes y (n,)."""
    if name in BUNDLED:
        return BUNDLED[name](return_X_y=True)
    table, target = frame(name)
    X = table.drop(columns=target).apply(pd.to_numeric, errors="coerce")
    return X.to_numpy(dtype=float), table[target].to_numpy(dtype=object).astype(str)


def halves(table):
    """80 % of the rows to fit and 20 % held out."""
    return train_test_split(table, test_size=0.2, random_state=0)


def smallest(n=N_TABLES):
    """Names of the tables of ``run.py`` that have the fewest cells, cleaned."""
    return sorted(sorted(names(), key=lambda name: load(name).size)[:n])


def with_holes(X, share, rng):
    """Numbers with a share of the cells missing completely at random."""
    return np.where(rng.uniform(size=X.shape) < share, np.nan, X)


def density(args, **settings):
    """A TableDensity as a benchmark is asked to fit it."""
    if args.max_steps is not None:
        settings["max_steps"] = args.max_steps
    return TableDensity(**SETTINGS | settings, n_jobs=args.jobs)


def spent(function):
    """What a function returns, and the seconds of the processor that it takes."""
    start = time.process_time()
    result = function()
    return result, time.process_time() - start


def gain(ours, other):
    """Mean of the differences of two scores of the same rows, and its standard error."""
    difference = np.asarray(ours) - other
    return float(difference.mean()), error(difference)


def error(values):
    """Standard error of a mean."""
    return float(np.std(values, ddof=1) / len(values) ** 0.5)


def arguments(doc, tables=None):
    """A parser of what every one of these scripts takes; no tables are the smallest ones."""
    parser = argparse.ArgumentParser(description=doc.split("\n")[0])
    parser.add_argument("--tables", nargs="*", default=tables, choices=tables)
    parser.add_argument("--max-steps", type=int, help="of each net of TableDensity")
    parser.add_argument("--jobs", type=int, help="members side by side")
    parser.add_argument("--resume", action="store_true", help="keep what the CSV file holds")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results")
    return parser


def start(args, script, key):
    """Say on which machine it is; the journal of a script."""
    use_threads(1)
    warnings.simplefilter("ignore")
    print(machine(), flush=True)
    return Journal(args.output / f"{script}.csv", key, args.resume)


def measure_smallest(args, script, key, setting, measure, told):
    """Measure the tables that are asked for, by default the smallest; the journal of it.

    ``measure(args, train, test)`` says what is found, and ``told`` a row of the journal in a line.
    """
    journal = start(args, script, key)
    for name in args.tables or smallest():
        which = name, setting, args.max_steps or "auto"
        if which not in journal:
            train, test = split(load(name))
            facts = {"rows": len(train), "columns": train.shape[1]}
            journal.add(dict(zip(key, which, strict=True)) | facts | measure(args, train, test))
            print(told.format(**journal.rows[-1]), flush=True)
    return journal


def finish(journal, title, header, lines):
    """Write and print the table of a script."""
    text = f"{title}\n\n{markdown(header, lines)}\n"
    journal.path.with_suffix(".md").write_text(f"Machine: {machine()}.\n\n{text}")
    print(f"\n{text}")


def leave(verdicts):
    """End the script, with status 1 if something that is asked is missed."""
    sys.exit(not all(verdicts))
