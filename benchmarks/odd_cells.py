"""How often TableDensity finds the one cell of a row that was replaced, beside isolation forests.

    SKFLOW_DATA=folder python benchmarks/odd_cells.py [--tables sk-iris] [--trials 200] [--jobs 2]

The ten tables of ``run.py`` that have the fewest cells, cleaned, split and standardised as there.
In each trial one cell of a held-out row, drawn at random, becomes another value of its column,
that of a random training row. Found means ranked first among the cells of the row; cells that
share the first rank share the find.

- ``explain`` of ``TableDensity`` fitted to the training rows;
- ``IsolationForest`` of the same rows: the score of a cell is by how much the anomaly of its row
  falls when the cell becomes a value of a training row, mean over 20 such rows.

Every table is written to odd_cells.csv as soon as it is done; ``--resume`` goes on from there.
"""

import numpy as np
from _common import verdict
from _frames import arguments, density, error, finish, leave, measure_smallest, spent
from sklearn.ensemble import IsolationForest

ASKED = 9 / 10  # of the tables
N_REPLACEMENTS = 20
TOLD = "{table:18s} {explain:.3f}, forest {forest:.3f}"
KEY = "table", "trials", "max_steps"


def replaced(train, test, n_trials, rng):
    """Held-out rows, over and over, with one cell of each replaced, and which one it is."""
    order = rng.permutation(len(test))
    rows = test[order[np.arange(n_trials) % len(test)]]
    cells = rng.integers(rows.shape[1], size=n_trials)
    for row, cell in zip(rows, cells, strict=True):
        others = train[train[:, cell] != row[cell], cell]
        row[cell] = rng.choice(others)
    return rows, cells


def replacement_scores(forest, rows, train, rng):
    """By how much less anomalous (n, d) rows are, on average, without each of their cells."""
    own = forest.score_samples(rows)
    others = train[rng.integers(len(train), size=(len(rows), N_REPLACEMENTS))]
    scores = np.empty(rows.shape)
    for cell in range(rows.shape[1]):
        changed = np.repeat(rows, N_REPLACEMENTS, axis=0)
        changed[:, cell] = others[:, :, cell].ravel()
        means = forest.score_samples(changed).reshape(len(rows), -1).mean(axis=1)
        scores[:, cell] = means - own
    return scores


def found(scores, cells):
    """Whether (n,) each cell is first in its row; a share of it where others are first too."""
    first = scores == scores.max(axis=1, keepdims=True)
    return first[np.arange(len(cells)), cells] / first.sum(axis=1)


def measure(args, train, test):
    """Shares of the trials in which each finds the cell."""
    rng = np.random.default_rng(0)
    rows, cells = replaced(train, test, args.trials, rng)
    model, seconds = spent(lambda: density(args).fit(train))
    ours = found(model.explain(rows), cells)
    forest = IsolationForest(random_state=0).fit(train)
    theirs = found(replacement_scores(forest, rows, train, rng), cells)
    return {
        "explain": float(ours.mean()),
        "forest": float(theirs.mean()),
        "error": error(ours - theirs),
        "fit_s": seconds,
    }


def line(row):
    shares = (100 * row[name] for name in ("explain", "forest"))
    gain = f"{100 * (row['explain'] - row['forest']):+.1f} ± {100 * row['error']:.1f}"
    size = int(row["rows"]), int(row["columns"])
    chance = f"{100 / row['columns']:.1f}"
    return [
        row["table"],
        *size,
        chance,
        *(f"{s:.1f}" for s in shares),
        gain,
        f"{row['fit_s']:.0f}",
    ]


def main():
    parser = arguments(__doc__)
    parser.add_argument("--trials", type=int, default=200, help="of each table")
    args = parser.parse_args()
    journal = measure_smallest(args, "odd_cells", KEY, args.trials, measure, TOLD)
    lines = [line(row) for row in journal.rows]
    header = ["table", "rows", "columns", "chance", "explain", "isolation forest", "gain"]
    title = "Replaced cells that are ranked first in their row, %:"
    finish(journal, title, [*header, "fit, s"], lines)
    n_better = sum(row["explain"] > row["forest"] for row in journal.rows)
    asked = f"at least {int(np.ceil(ASKED * len(lines)))}"
    holds = n_better >= ASKED * len(lines)
    question = "tables on which explain finds more cells"
    leave([verdict(question, asked, f"{n_better} of {len(lines)}", holds)])


if __name__ == "__main__":
    main()
