"""TableDensity of adult and german, beside independent columns and adversarial random forests.

    SKFLOW_DATA=folder python benchmarks/mixed_forests.py [--tables german] [--trees 100]

Rows with holes are left out, 80 % of the others train and 20 % are held out (seed 0). Figures are
mean log densities of held-out rows, nats a row: integers, which all numbers of these tables are,
and categories have probabilities.

- Independent columns: of integers kernels of several widths, weighted by the leave-one-out
  likelihood, of categories smoothed shares.
- Adversarial random forests, in ``_adversarial_forest.py``: the leaf density of Watson et al.
  (2023), smoothed; the size of the leaves and how much they are smoothed are what a fifth of the
  training rows like best.

Every table is written to mixed_forests.csv as soon as it is done; ``--resume`` goes on from there.
"""

import pandas as pd
from _adversarial_forest import by_held_out_rows
from _common import verdict
from _frames import arguments, density, finish, frame, gain, halves, leave, spent, start
from _marginals import Marginals

TABLES = "adult-4000", "german"
SETTINGS = [
    {"min_leaf": min_leaf, "prior": prior} for min_leaf in (1, 2, 5, 10) for prior in (1, 3, 10)
]
ASKED = {"independent": 2.0, "forest": 0.0}  # nats a row above each
TITLES = {"independent": "independent columns", "forest": "adversarial forest"}
KEY = "table", "rows", "trees", "max_steps"


def measure(args, train, test):
    """Mean log densities of held-out rows, gains over the others, seconds of the processor."""
    # levels are known to the others from all rows, as they would be declared
    table = pd.concat([train, test])
    marginals = Marginals().fit(train, table)
    forest, forest_s = spent(
        lambda: by_held_out_rows(marginals, marginals.codes(train), SETTINGS, n_trees=args.trees)
    )
    model, fit_s = spent(lambda: density(args).fit(train))
    ours, score_s = spent(lambda: model.score_samples(test))
    others = {
        "independent": marginals.score_samples(test),
        "forest": forest.score_samples(marginals.codes(test)),
    }
    row = {"ours": float(ours.mean())}
    for name, scores in others.items():
        mean, error = gain(ours, scores)
        row |= {name: float(scores.mean()), f"{name}_gain": mean, f"{name}_error": error}
    facts = {"min_leaf": forest.min_leaf, "prior": forest.prior, "rounds": len(forest.accuracies_)}
    facts |= {"accuracy": forest.accuracies_[-1]}
    return row | facts | {"forest_s": forest_s, "fit_s": fit_s, "score_s": score_s}


def run(args, name, journal):
    table = frame(name)[0].dropna().reset_index(drop=True)
    train, test = (part[: args.max_rows] for part in halves(table))
    key = name, len(train), args.trees, args.max_steps or "auto"
    if key in journal:
        return
    facts = {"columns": train.shape[1]}
    journal.add(dict(zip(KEY, key, strict=True)) | facts | measure(args, train, test))
    print(f"{name:12s} {journal.rows[-1]}", flush=True)


def summary(rows):
    """Lines of the table, and whether each gain is as asked."""
    lines, verdicts = [], []
    for row in rows:
        line = [row["table"], int(row["rows"]), int(row["columns"]), f"{row['ours']:.2f}"]
        for name, asked in ASKED.items():
            figure = f"{row[f'{name}_gain']:+.2f} ± {row[f'{name}_error']:.2f}"
            line += [f"{row[name]:.2f}", f"{asked:+.0f}", figure]
            holds = row[f"{name}_gain"] >= asked
            question = f"{row['table']}, gain over {TITLES[name]}"
            verdicts.append(verdict(question, f"at least {asked:+.0f} nats", figure, holds))
        seconds = (f"{row[name]:.0f}" for name in ("fit_s", "score_s", "forest_s"))
        lines.append([*line, *seconds])
    return lines, verdicts


def main():
    parser = arguments(__doc__, TABLES)
    parser.add_argument("--trees", type=int, default=100, help="of the adversarial forest")
    parser.add_argument("--max-rows", type=int, help="of the fit and of the test")
    args = parser.parse_args()
    journal = start(args, "mixed_forests", KEY)
    for name in args.tables:
        run(args, name, journal)
    lines, verdicts = summary(journal.rows)
    header = ["table", "rows", "columns", "TableDensity"]
    for title in TITLES.values():
        header += [title, "asked gain", "gain"]
    title = "Mean log density of held-out rows, nats:"
    finish(journal, title, [*header, "fit, s", "score, s", "forest, s"], lines)
    leave(verdicts)


if __name__ == "__main__":
    main()
