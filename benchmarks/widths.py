"""Held-out score of TableDensity by the share of their widths that its nets keep.

    SKFLOW_DATA=folder python benchmarks/widths.py [--tables sk-iris] [--jobs 2]

The ten tables of ``run.py`` that have the fewest cells, cleaned, split and standardised as there.
``TableDensity`` is fitted once; then the components of its nets get each width in turn. Given are
the mean of the difference of the log densities of test rows to those with whole widths, nats a
column, and the share of the cells in the central 90 % of their distributions given all other cells
of their rows.

Every table is written to widths.csv as soon as it is done; ``--resume`` goes on from there.
"""

import numpy as np
from _common import verdict
from _frames import arguments, density, finish, gain, leave, measure_smallest

WIDTHS = 1.0, 0.95, 0.9, 0.85
ENDS = 0.05, 0.95
TOLD = "{table:18s} {width:.3f}, as it comes: {gain_own:+.4f} nats a column"
KEY = "table", "setting", "max_steps"


def inside(model, test):
    """Share of the cells that lie between the quantiles ENDS given the others of their rows."""
    found = []
    for j, cells in enumerate(test.T):
        low, high = model.predict_quantiles(test, j, ENDS).T
        found.append((low <= cells) & (cells <= high))
    return float(np.mean(found))


def measure(args, train, test):
    """Gains over whole widths and shares inside, by width; "own" is the one that comes."""
    model, d = density(args).fit(train), train.shape[1]
    own = model.conditionals_.width
    whole, figures = None, {"width": own}
    for name, width in {**{str(w): w for w in WIDTHS}, "own": own}.items():
        model.conditionals_.width = width
        scores = model.score_samples(test) / d
        whole = scores if whole is None else whole
        figures[f"gain_{name}"], figures[f"error_{name}"] = gain(scores, whole)
        figures[f"inside_{name}"] = inside(model, test)
    return figures


def told(row, name):
    return f"{row[f'gain_{name}']:+.4f} ({row[f'inside_{name}']:.3f})"


def line(row):
    facts = row["table"], int(row["rows"]), int(row["columns"]), f"{row['inside_1.0']:.3f}"
    own = f"{row['width']:.3f}", told(row, "own"), f"{row['error_own']:.4f}"
    return [*facts, *(told(row, str(width)) for width in WIDTHS[1:]), *own]


def main():
    args = arguments(__doc__).parse_args()
    journal = measure_smallest(args, "widths", KEY, "widths", measure, TOLD)
    lines = [line(row) for row in journal.rows]
    title = "Gain over whole widths, nats a column, and share of cells in their central 90 %:"
    header = ["table", "rows", "columns", "inside at 1", *map(str, WIDTHS[1:])]
    finish(journal, title, [*header, "as it comes", "gain", "error"], lines)
    mean = float(np.mean([row["gain_own"] for row in journal.rows]))
    question = "mean gain of the width that comes, nats a column"
    leave([verdict(question, "at least +0", f"{mean:+.4f}", mean >= 0)])


if __name__ == "__main__":
    main()
