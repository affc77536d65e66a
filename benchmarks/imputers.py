"""Accuracy of a classifier behind FlowImputer, IterativeImputer and KNNImputer.

    SKFLOW_DATA=folder python benchmarks/imputers.py [--tables iris] [--repeats 2] [--jobs 2]

Six tables of numbers with classes; of each, 30 % of the cells are missing completely at random, in
rows that train and rows that test. Pipelines of ``StandardScaler``, the imputer as it comes
(``random_state=0``), and logistic regression or ``--classifier forest``, a random forest; accuracy
by stratified 5-fold cross-validation, repeated with other holes and folds.

Every fold is written to imputers.csv as soon as it is done; ``--resume`` goes on from there.
"""

import numpy as np
from _common import mean_and_error, verdict
from _frames import arguments, classes, density, finish, leave, spent, start, with_holes
from sklearn.ensemble import RandomForestClassifier
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, KNNImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skflow import FlowImputer

TABLES = "iris", "wine", "breast-cancer", "glass", "ionosphere", "seeds"
CLASSIFIERS = {
    "logistic": LogisticRegression(max_iter=1_000),
    "forest": RandomForestClassifier(random_state=0),
}
OURS = "FlowImputer"
SHARE = 0.3  # of the cells
N_FOLDS = 5
KEY = "table", "classifier", "repeat", "fold", "imputer", "max_steps"


def imputers(args):
    """Imputers by name, ours first."""
    return {
        OURS: FlowImputer(density=density(args), random_state=0),
        "IterativeImputer": IterativeImputer(random_state=0),
        "KNNImputer": KNNImputer(),
    }


def folds(X, y, repeat):
    """X with holes, and the rows that train and that test, of one repeat."""
    holed = with_holes(X, SHARE, np.random.default_rng(repeat))
    return holed, StratifiedKFold(N_FOLDS, shuffle=True, random_state=repeat).split(X, y)


def measure(model, X, y, train, test):
    """Accuracy on rows held out, and the seconds of the processor of the fit."""
    _, seconds = spent(lambda: model.fit(X[train], y[train]))
    return {"accuracy": model.score(X[test], y[test]), "fit_s": seconds}


def run(args, name, journal):
    X, y = classes(name)
    for repeat in range(args.repeats):
        holed, parts = folds(X, y, repeat)
        for fold, (train, test) in enumerate(parts):
            for imputer, filler in imputers(args).items():
                steps = args.max_steps or "auto"
                key = name, args.classifier, repeat, fold, imputer, steps
                if key in journal:
                    continue
                model = make_pipeline(StandardScaler(), filler, CLASSIFIERS[args.classifier])
                figures = measure(model, holed, y, train, test)
                journal.add(dict(zip(KEY, key, strict=True)) | figures)
        print(f"{name:14s} {repeat} {means(asked(args, journal), name)}", flush=True)


def asked(args, journal):
    """Rows with the classifier and the steps of these arguments."""
    chosen = args.classifier, args.max_steps or "auto"
    return [row for row in journal.rows if (row["classifier"], row["max_steps"]) == chosen]


def means(rows, name):
    """Mean accuracies by imputer, of one table."""
    by_imputer = {}
    for row in rows:
        if row["table"] == name:
            by_imputer.setdefault(row["imputer"], []).append(row["accuracy"])
    return {imputer: float(np.mean(some)) for imputer, some in by_imputer.items()}


def summary(rows):
    """Lines of the table, the last the mean over tables, and whether ours is below no other."""
    tables = list(dict.fromkeys(row["table"] for row in rows))
    by_table = [means(rows, name) for name in tables]
    names = list(by_table[0])
    lines = []
    for table in tables:
        some = [row for row in rows if row["table"] == table]
        accuracies = [[r["accuracy"] for r in some if r["imputer"] == name] for name in names]
        fit_s = np.mean([row["fit_s"] for row in some if row["imputer"] == OURS])
        lines.append([table, *(mean_and_error(each, 4) for each in accuracies), f"{fit_s:.0f}"])
    overall = {name: float(np.mean([means[name] for means in by_table])) for name in names}
    lines.append(["mean", *(f"{overall[name]:.4f}" for name in names), ""])
    verdicts = [
        verdict(f"mean accuracy over {name}'s", "at least +0", f"{gain:+.4f}", gain >= 0)
        for name, gain in ((name, overall[OURS] - overall[name]) for name in names[1:])
    ]
    return ["table", *names, f"fit of {OURS}, s"], lines, verdicts


def main():
    parser = arguments(__doc__, TABLES)
    parser.add_argument("--classifier", default="logistic", choices=CLASSIFIERS)
    parser.add_argument("--repeats", type=int, default=2)
    args = parser.parse_args()
    journal = start(args, "imputers", KEY)
    for name in args.tables:
        run(args, name, journal)
    header, lines, verdicts = summary(asked(args, journal))
    title = f"Accuracy with {SHARE:.0%} of the cells missing, {args.classifier}:"
    finish(journal, title, header, lines)
    leave(verdicts)


if __name__ == "__main__":
    main()
