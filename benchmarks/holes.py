"""What 30 % of the training cells missing cost the held-out score of TableDensity.

    SKFLOW_DATA=folder python benchmarks/holes.py [--tables sk-iris] [--share 0.3] [--jobs 2]

The ten tables of ``run.py`` that have the fewest cells, cleaned, split and standardised as there.
``TableDensity`` is fitted to the training rows, and again to the same rows with a share of their
cells missing completely at random; the test rows are whole. The cost is the mean of the difference
of the log densities of test rows, nats a column; its standard error is over the test rows.

Every table is written to holes.csv as soon as it is done; ``--resume`` goes on from there.
"""

import numpy as np
from _common import verdict
from _frames import arguments, density, finish, gain, leave, measure_smallest, spent, with_holes

ASKED = 0.1  # nats a column, at most
TOLD = "{table:18s} cost {cost:+.3f} nats a column"
KEY = "table", "share", "max_steps"


def measure(args, train, test):
    """Log densities a column with whole rows and with holes, and what the holes cost."""
    d = train.shape[1]
    holed = with_holes(train, args.share, np.random.default_rng(0))
    scores, seconds = {}, {}
    for name, rows in {"whole": train, "holed": holed}.items():
        model, seconds[f"{name}_s"] = spent(lambda rows=rows: density(args).fit(rows))
        scores[name] = model.score_samples(test) / d
    cost, error = gain(scores["whole"], scores["holed"])
    means = {name: float(values.mean()) for name, values in scores.items()}
    return means | {"cost": cost, "error": error} | seconds


def line(row):
    figures = f"{row['whole']:.3f}", f"{row['holed']:.3f}"
    cost = f"{row['cost']:+.3f} ± {row['error']:.3f}"
    seconds = f"{row['whole_s']:.0f}", f"{row['holed_s']:.0f}"
    return [row["table"], int(row["rows"]), int(row["columns"]), *figures, ASKED, cost, *seconds]


def main():
    parser = arguments(__doc__)
    parser.add_argument("--share", type=float, default=0.3, help="of the cells that are missing")
    args = parser.parse_args()
    journal = measure_smallest(args, "holes", KEY, args.share, measure, TOLD)
    header = ["table", "rows", "columns", "whole", "with holes", "asked at most", "cost"]
    lines = [line(row) for row in journal.rows]
    title = "Mean log density of held-out rows, nats a column, and what holes cost:"
    finish(journal, title, [*header, "fit, s", "fit with holes, s"], lines)
    n_cheap = sum(row["cost"] <= ASKED for row in journal.rows)
    measured = f"{n_cheap} of {len(lines)}"
    asked = f"{len(lines)} of {len(lines)}"
    question = f"tables on which holes cost at most {ASKED} nats a column"
    leave([verdict(question, asked, measured, n_cheap == len(lines))])


if __name__ == "__main__":
    main()
