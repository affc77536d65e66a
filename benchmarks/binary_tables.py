"""Log probabilities of nltcs, plants and dna, beside what is asked and the best published.

    SKFLOW_DATA=folder python benchmarks/binary_tables.py [--tables nltcs] [--validation]

``TableDensity``, with every column a category, is fitted to the official training rows, and with
``--validation`` to the validation rows too: it stops by rows of the fit that its members hold out.
Figures are mean exact log probabilities of the official test rows, nats, larger is better.
``--max-rows`` fits and tests only the first rows: such figures have nothing beside them.

Every table is written to binary_tables.csv as soon as it is done; ``--resume`` goes on from there.
"""

import numpy as np
from _common import verdict
from _frames import arguments, binary, density, error, finish, leave, spent, start

ASKED = {"nltcs": -6.02, "plants": -12.5, "dna": -82.0}
PUBLISHED = {"nltcs": -5.99, "plants": -12.0, "dna": -79.0}
KEY = "table", "rows", "max_steps"


def measure(args, train, test):
    """Mean log probability of test rows, and the seconds of the processor."""
    kinds = dict.fromkeys(range(train.shape[1]), "category")
    model, fit_s = spent(lambda: density(args, kinds=kinds).fit(train))
    scores, score_s = spent(lambda: model.score_samples(test))
    return {
        "log_probability": float(scores.mean()),
        "error": error(scores),
        "fit_s": fit_s,
        "score_s": score_s,
    }


def run(args, name, journal):
    train, valid, test = binary(name)
    if args.validation:
        train = np.concatenate([train, valid])
    train, test = train[: args.max_rows], test[: args.max_rows]
    key = name, len(train), args.max_steps or "auto"
    if key in journal:
        return
    facts = {"columns": train.shape[1], "whole": args.max_rows is None}
    journal.add(dict(zip(KEY, key, strict=True)) | facts | measure(args, train, test))
    print(f"{name:8s} {journal.rows[-1]}", flush=True)


def summary(rows):
    """Lines of the table, and whether each figure of a whole table is as asked."""
    lines, verdicts = [], []
    for row in rows:
        name, whole = row["table"], str(row["whole"]) == "True"
        figure = f"{row['log_probability']:.3f} ± {row['error']:.3f}"
        beside = [f"{of[name]:.2f}" if whole else "" for of in (ASKED, PUBLISHED)]
        seconds = f"{row['fit_s']:.0f}", f"{row['score_s']:.0f}"
        lines.append([name, int(row["rows"]), int(row["columns"]), *beside, figure, *seconds])
        if whole:
            holds = row["log_probability"] >= ASKED[name]
            verdicts.append(verdict(name, f"at least {ASKED[name]}", figure, holds))
    return lines, verdicts


def main():
    parser = arguments(__doc__, tuple(ASKED))
    parser.add_argument("--validation", action="store_true", help="fit the validation rows too")
    parser.add_argument("--max-rows", type=int, help="of the fit and of the test")
    args = parser.parse_args()
    journal = start(args, "binary_tables", KEY)
    for name in args.tables:
        run(args, name, journal)
    lines, verdicts = summary(journal.rows)
    header = ["table", "rows fitted", "columns", "asked", "best published", "TableDensity"]
    title = "Mean log probability of test rows, nats:"
    finish(journal, title, [*header, "fit, s", "score, s"], lines)
    leave(verdicts)


if __name__ == "__main__":
    main()
