"""Outliers among rows of which some that train are outliers too, beside three detectors.

    SKFLOW_DATA=folder python benchmarks/contaminated.py [--tables 14_glass] [--seeds 5] [--time]

Fifteen tables of ADBench. A random half of all rows trains, anomalies included and not marked,
the other half tests, for each seed; both standardised by the rows that train. Of tables above
50,000 rows so many are drawn. The figure is 100 times the area under the ROC curve of the scores
of the test rows.

- ``FlowOutlierDetector`` as it comes, and with ``contamination=0.1`` declared on every table;
- scikit-learn's ``IsolationForest``, ``LocalOutlierFactor`` of 20 neighbours, and the distance to
  the fifth nearest training row.

``--time`` instead fits 100,000 normal rows of 5 columns and prints the seconds.

Every seed is written to contaminated.csv as soon as it is done; ``--resume`` goes on from there.
"""

import numpy as np
from _common import machine, markdown, seconds, use_threads, verdict
from _frames import finish, leave, start
from _outliers import NAMES, arguments, by_table, labelled
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import LocalOutlierFactor, NearestNeighbors
from sklearn.preprocessing import StandardScaler

from skflow import FlowOutlierDetector

KEY = "table", "seed"
MAX_ROWS = 50_000
OURS = "detector", "declared"
PEERS = "forest", "LOF", "neighbours"


class FifthNeighbour(NearestNeighbors):
    """The nearer the fifth nearest training row, the more normal a row is."""

    def score_samples(self, X):
        return -self.kneighbors(X)[0][:, -1]


def detectors(seed):
    return {
        "detector": FlowOutlierDetector(random_state=seed),
        "declared": FlowOutlierDetector(contamination=0.1, random_state=seed),
        "forest": IsolationForest(random_state=seed),
        "LOF": LocalOutlierFactor(n_neighbors=20, novelty=True),
        "neighbours": FifthNeighbour(n_neighbors=5),
    }


def halves(X, y, seed):
    """Rows that train, rows that test, and which of the latter are anomalies."""
    rng = np.random.RandomState(seed)
    if len(y) > MAX_ROWS:
        drawn = rng.choice(len(y), MAX_ROWS, replace=False)
        X, y = X[drawn], y[drawn]
    train, test = np.array_split(rng.permutation(len(y)), 2)
    scaler = StandardScaler().fit(X[train])
    return scaler.transform(X[train]), scaler.transform(X[test]), y[test]


def measure(X, y, seed):
    """AUROC x 100 of each detector, and its seconds to fit and to score."""
    train, test, is_odd = halves(X, y, seed)
    figures = {"rows": len(train), "columns": X.shape[1], "odd": 100 * float(y.mean())}
    for name, model in detectors(seed).items():
        scores = []
        figures[f"{name}_s"] = seconds(
            lambda model=model, scores=scores: scores.append(model.fit(train).score_samples(test))
        )
        figures[name] = 100 * float(roc_auc_score(is_odd, -scores[0]))
    return figures


def line(table, rows):
    """Means over the seeds; the best figure of the table is bold."""
    means = {name: np.mean([row[name] for row in rows]) for name in (*OURS, *PEERS)}
    texts = {name: f"{mean:.1f}" for name, mean in means.items()}
    best = max(texts.values(), key=float)
    cells = [f"**{text}**" if text == best else text for text in texts.values()]
    first = rows[0]
    return [table, int(first["rows"]), int(first["columns"]), f"{first['odd']:.1f}", *cells]


def last_lines(tables):
    """Means over the tables of the figures and of the seconds of a fit with its scores."""
    means = {
        name: np.mean([np.mean([row[name] for row in rows]) for _, rows in tables])
        for model in (*OURS, *PEERS)
        for name in (model, f"{model}_s")
    }
    aurocs = {name: means[name] for name in (*OURS, *PEERS)}
    empty = [""] * 3
    figures = ["mean", *empty, *(f"{mean:.2f}" for mean in aurocs.values())]
    times = ["seconds", *empty, *(f"{means[f'{name}_s']:.2f}" for name in aurocs)]
    return [figures, times], aurocs


def time_long():
    """Print the seconds of two detectors on 100,000 x 5 normal rows."""
    use_threads(1)
    print(machine(), flush=True)
    X = np.random.default_rng(0).normal(size=(100_000, 5))
    lines = []
    for name in ("detector", "forest"):
        model = detectors(0)[name]
        fit, predict = seconds(lambda m=model: m.fit(X)), seconds(lambda m=model: m.predict(X))
        lines.append([type(model).__name__, f"{fit:.1f}", f"{predict:.1f}"])
    print(f"\n{markdown(['100,000 x 5', 'fit, s', 'predict, s'], lines)}")


def main():
    parser = arguments(__doc__, NAMES, 5)
    parser.add_argument("--time", action="store_true", help="of a long table, and nothing else")
    args = parser.parse_args()
    if args.time:
        return time_long()
    journal = start(args, "contaminated", KEY)
    for table in args.tables:
        X, y = labelled(table)
        for seed in range(args.seeds):
            if (table, seed) not in journal:
                row = {"table": table, "seed": seed} | measure(X, y, seed)
                journal.add(row)
                told = " ".join(f"{name} {row[name]:.1f}" for name in (*OURS, *PEERS))
                print(f"{table:20s} {seed} {told}", flush=True)
    tables = by_table(journal.rows)
    ends, means = last_lines(tables)
    header = ["table", "rows", "columns", "anomalies, %", *OURS, *PEERS]
    title = "AUROC x 100 of test rows, of halves with anomalies unmarked among those that train:"
    finish(journal, title, header, [*(line(*pair) for pair in tables), *ends])
    best = max(means[name] for name in PEERS)
    question = "mean AUROC of the detector as it comes"
    measured = f"{means['detector']:.2f}"
    asked = f"at least {best:.2f}, the best peer's"
    return leave([verdict(question, asked, measured, means["detector"] >= best)])


if __name__ == "__main__":
    main()
