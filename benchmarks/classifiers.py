"""FlowClassifier on ten labelled tables: log loss beside classical ones, and classes left out.

    SKFLOW_DATA=folder python benchmarks/classifiers.py [--tables iris] [--seeds 3]

For each seed 70 % of the rows of each class train, and the mean log loss of the others is told in
nats, of ``FlowClassifier()`` and, on standardised columns, of quadratic discriminants (with a
shrinkage of 0.01 where a covariance is singular), Gaussian naive Bayes, a Gaussian mixture for
each class (one to five components by the Bayesian criterion) and logistic regression. Then, with
the split of seed 0, each class in turn is left out of the training rows: the share of its rows
whose novelty p-value is at most 5 %, and that of the test rows of the known classes. Tables of two
classes leave one to be known. At most 3,000 rows of a table, drawn at random.

Without ``SKFLOW_DATA`` tables come from scikit-learn and from OpenML. Each seed and each class is
written to classifiers.csv and classifiers_left_out.csv as soon as it is done; ``--resume`` goes on
from there.
"""

import os
import time
from pathlib import Path

import numpy as np
from _common import Journal, verdict
from _frames import classes as labelled_frame
from _frames import finish, leave, start
from _outliers import arguments, by_table
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import fetch_openml, load_digits
from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import train_test_split
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skflow import FlowClassifier

FRAMES = "iris", "wine", "breast-cancer", "glass", "ionosphere", "seeds"
OPENML = {"banknote": "banknote-authentication", "phoneme": "phoneme", "sonar": "sonar"}
TABLES = (*FRAMES, "digits", *OPENML)
MAX_ROWS, TEST = 3_000, 0.3
MARGIN, ALPHA = 0.01, 0.05
GENERATIVE = "quadratic", "naive Bayes", "mixtures"
HALF_FOUND, TABLES_FOUND = 0.5, 6


class ClassMixtures(ClassifierMixin, BaseEstimator):
    """A mixture for each class, of the size that the Bayesian criterion prefers."""

    def fit(self, X, y):
        self.classes_, counts = np.unique(y, return_counts=True)
        self.log_priors_ = np.log(counts / counts.sum())
        self.mixtures_ = [self._best(X[y == c]) for c in self.classes_]
        return self

    def _best(self, X):
        sizes = range(1, min(5, len(X)) + 1)
        fits = [GaussianMixture(k, reg_covar=1e-3, random_state=0).fit(X) for k in sizes]
        return min(fits, key=lambda mixture: mixture.bic(X))

    def predict_proba(self, X):
        scores = np.column_stack([mixture.score_samples(X) for mixture in self.mixtures_])
        return softmax(scores + self.log_priors_, axis=1)


class Quadratic(ClassMixtures):
    """Quadratic discriminants, regularised where they have to be."""

    def fit(self, X, y):
        try:
            self.model_ = QuadraticDiscriminantAnalysis().fit(X, y)
        except np.linalg.LinAlgError:
            self.model_ = QuadraticDiscriminantAnalysis(solver="eigen", shrinkage=0.01).fit(X, y)
        return self

    def predict_proba(self, X):
        return self.model_.predict_proba(X)


PEERS = {
    "quadratic": Quadratic(),
    "naive Bayes": GaussianNB(),
    "mixtures": ClassMixtures(),
    "logistic": LogisticRegression(max_iter=5_000),
}


def load(table):
    """Numbers X (n, d) and the classes of the rows, 0, 1, ..., (n,)."""
    if table == "digits":
        X, y = load_digits(return_X_y=True)
    elif table in FRAMES:
        X, y = labelled_frame(table)
        X = X[:, np.isfinite(X).all(axis=0)]
    else:
        X, y = _labelled_table(table)
    kept = np.random.default_rng(0).permutation(len(X))[:MAX_ROWS]
    return np.asarray(X, dtype=float)[kept], np.unique(y, return_inverse=True)[1][kept]


def _labelled_table(table):
    root = os.environ.get("SKFLOW_DATA")
    if not root:
        found = fetch_openml(OPENML[table], version=1)
        return found.data.to_numpy(dtype=float), found.target.to_numpy(dtype=str)
    paths = Path(root) / "tabular" / f"{table}.npz", Path(root) / f"{table}.npz"
    with np.load(next(path for path in paths if path.exists()), allow_pickle=True) as file:
        return file["X"], file["y"]


def split(X, y, seed):
    """Training rows and labels, test rows and labels."""
    X, X_test, y, y_test = train_test_split(X, y, test_size=TEST, random_state=seed, stratify=y)
    varies = np.ptp(X, axis=0) > 0  # or the quadratic discriminants have no answer
    return X[:, varies], y, X_test[:, varies], y_test


def losses(X, y, seed):
    """Mean log loss in nats of each, and the seconds of a fit of ours."""
    X, y, X_test, y_test = split(X, y, seed)
    begun = time.process_time()
    ours = FlowClassifier(random_state=seed).fit(X, y)
    spent = time.process_time() - begun
    proba = {"ours": ours.predict_proba(X_test)}
    for name, peer in PEERS.items():
        fitted = make_pipeline(StandardScaler(), peer).fit(X, y)
        proba[name] = fitted.predict_proba(X_test)
    told = {name: log_loss(y_test, p, labels=np.unique(y)) for name, p in proba.items()}
    return told | {"rows": len(X), "columns": X.shape[1], "seconds": spent}


def left_out(X, y, c):
    """Shares of rows of class c, which is left out, and of known test rows that are flagged."""
    X_train, y_train, X_test, y_test = split(X, y, 0)
    new = np.concatenate([X_train[y_train == c], X_test[y_test == c]])
    model = FlowClassifier(random_state=0).fit(X_train[y_train != c], y_train[y_train != c])
    found = model.novelty_p_values(new) <= ALPHA
    false = model.novelty_p_values(X_test[y_test != c]) <= ALPHA
    return {"found": found.mean(), "false": false.mean(), "new": len(new)}


def measure(table, seeds, journals):
    """Add what is missing of a table to the journals of losses and of classes left out."""
    X, y = load(table)
    of_losses, of_classes = journals
    for seed in range(seeds):
        if (table, seed) not in of_losses:
            row = {"table": table, "seed": seed} | losses(X, y, seed)
            of_losses.add(row)
            told = ", ".join(f"{name} {row[name]:.3f}" for name in ("ours", *PEERS))
            print(f"{table:14s} {seed} {told}, {row['seconds']:.0f} s", flush=True)
    for c in range(y.max() + 1):
        if (table, c) not in of_classes:
            row = {"table": table, "class": c} | left_out(X, y, c)
            of_classes.add(row)
            told = f"found {row['found']:.2f}, false alarms {row['false']:.2f}"
            print(f"{table:14s} without class {c}: {told}", flush=True)


def means_of(rows, names):
    return {name: np.mean([row[name] for row in rows]) for name in names}


def told(means):
    """Cells of a line of the table that is printed."""
    counts = [int(means[name]) for name in ("rows", "columns", "classes")]
    cells = [f"{means[name]:.3f}" for name in ("ours", *PEERS)]
    shares = [f"{100 * means[name]:.0f}" for name in ("found", "false")]
    return [*counts, *cells, *shares, f"{means['seconds']:.0f}"]


def main():
    args = arguments(__doc__, TABLES, 3).parse_args()
    of_losses = start(args, "classifiers", ("table", "seed"))
    path = of_losses.path.with_name("classifiers_left_out.csv")
    of_classes = Journal(path, ("table", "class"), args.resume)
    for table in args.tables:
        measure(table, args.seeds, (of_losses, of_classes))
    classes = dict(by_table(of_classes.rows))
    names = "ours", *PEERS, "seconds", "rows", "columns"
    means = {
        table: means_of(rows, names)
        | means_of(classes[table], ("found", "false"))
        | {"classes": len(classes[table])}
        for table, rows in by_table(of_losses.rows)
    }
    header = ["table", "rows", "columns", "classes", "FlowClassifier", *PEERS]
    title = "Mean log loss of held-out rows, nats; rows with a novelty p-value of at most 5 %, %:"
    lines = [[table, *told(each)] for table, each in means.items()]
    finish(of_losses, title, [*header, "left out", "known", "s"], lines)
    leave(verdicts(means))


def verdicts(means):
    """Compare with what is asked, and print it."""
    above = [
        f"{name} on {table}"
        for table, each in means.items()
        for name in GENERATIVE
        if not each["ours"] <= each[name] + MARGIN
    ]
    below = sum(each["ours"] < each["logistic"] for each in means.values())
    found = sum(each["found"] >= HALF_FOUND for each in means.values())
    half, asked = (int(np.ceil(share * len(means))) for share in (0.5, TABLES_FOUND / 10))
    measured = str(len(above)) + (f" ({', '.join(above)})" if above else "")
    question = "tables on which half of the rows of a class left out are found"
    return [
        verdict("generative rivals better by more than 0.01", 0, measured, not above),
        verdict("tables below logistic regression", f"at least {half}", below, below >= half),
        verdict(question, f"at least {asked}", found, found >= asked),
    ]


if __name__ == "__main__":
    main()
