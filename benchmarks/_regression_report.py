"""Tables of the regression benchmark: what was measured, and beside it what others published."""

from _common import markdown, mean_and_error
from _regression import SETS

# Mean test negative log-likelihoods, nats in the units of y, over splits drawn by the same
# protocol, and of most the same splits; y not spread
SOURCES = {
    "PBP": "as reported in [1]",
    "MC dropout": "result files in the repository of the splits, 100-fold epochs, one layer",
    "deep ensembles": "[1]",
    "NGBoost, published": "as reported in [2]",
    "evidential": "deep evidential regression, as reported in [2]",
    "WGBoost": "[2]",
    "PGBM": "as reported with TreeFlow [3]",
    "TreeFlow": "[3]",
    "TabResFlow": "as its authors report, in the README of [4]",
    "TabResFlow, rerun": "[4]",
    "TabPFN v2": "pretrained; run by [4], not by its authors",
}
REFERENCES = """\
[1] Lakshminarayanan, Pritzel & Blundell (2017), Simple and scalable predictive uncertainty \
estimation using deep ensembles, NeurIPS.
[2] Matsubara (2024), Wasserstein gradient boosting, arXiv:2405.09536, table 1.
[3] Wielopolski & Zięba (2023), TreeFlow, ECAI; notebooks of its repository, pfilo8/TreeFlow.
[4] README of ayhamo/Probabilistic_Point_Estimations, a thesis."""
PUBLISHED = {  # of a method, in the order of SETS
    "PBP": (2.57, 3.16, -3.73, 2.84, 2.97, 1.63),
    "MC dropout": (2.40, 2.94, -4.45, 2.81, 2.87, 1.25),
    "deep ensembles": (2.41, 3.06, -5.63, 2.79, 2.83, 1.18),
    "NGBoost, published": (2.43, 3.04, -5.34, 2.79, 2.81, 0.20),
    "evidential": (2.35, 3.01, -5.73, 2.81, 2.63, 1.03),
    "WGBoost": (2.47, 2.83, -5.47, 2.60, 2.70, 0.16),
    "PGBM": (None, 2.75, -3.44, 2.60, 2.79, 0.05),
    "TreeFlow": (None, 3.02, -5.54, 2.65, 2.02, 0.72),
    "TabResFlow": (None, 2.90, -5.30, 2.60, 1.95, 0.67),
    "TabResFlow, rerun": (None, 2.89, -5.33, 2.58, 1.93, 0.56),
    "TabPFN v2": (None, 2.21, -7.33, 2.28, 1.73, -0.73),
}
CELL = -6.91  # NLL of naval of one who knows the value: a uniform density over a step of 0.001


def merged(tables, key):
    """Rows of several tables, each measurement once: that of the first that has it."""
    found = {}
    for rows in tables:
        for row in rows:
            found.setdefault(tuple(row[name] for name in key), row)
    return list(found.values())


def report(rows):
    """Markdown of both tables, with the sources of what was published."""
    sources = "\n".join(f"- {method}: {source}" for method, source in SOURCES.items())
    return "\n\n".join(
        [
            "Mean negative log-likelihood of test rows (nats, in the units of y; smaller is "
            "better), ± its standard error over splits, and below what others published, who "
            "did not spread y:",
            likelihoods(rows),
            f"Below {CELL} a density of naval is narrower than the grid of its y.",
            "The other figures, and seconds of the processor:",
            others(rows),
            f"Sources:\n\n{sources}\n\n{REFERENCES}",
        ]
    )


def likelihoods(rows):
    """A line for each method, a column for each set and number of rows that was fitted."""
    sets = _sets(rows)
    lines = [
        [model, *(_cell(_of(rows, *size, model)) for size in sets)]
        for model in dict.fromkeys(row["model"] for row in rows)
    ]
    for method, figures in PUBLISHED.items():
        of = dict(zip(SETS, figures, strict=True))
        lines.append(
            [method, *("" if of[name] is None else f"{of[name]:.2f}" for name, _ in sets)]
        )
    return markdown(["", *(f"{name}, {size:,} rows" for name, size in sets)], lines)


def others(rows):
    """A line for each set, number of rows and model."""
    models = dict.fromkeys(row["model"] for row in rows)
    lines = [
        [name, f"{size:,}", model, len(some), *_figures(some, 5 if name == "naval" else 3)]
        for name, size in _sets(rows)
        for model in models
        if (some := _of(rows, name, size, model))
    ]
    header = ["set", "rows", "", "splits", "RMSE", "CRPS", "in 90 %", "fit, s", "answers, s"]
    return markdown(header, lines)


def _sets(rows):
    """Names and numbers of rows, in the order of SETS."""
    found = {(row["set"], int(row["rows"])) for row in rows}
    return sorted(found, key=lambda pair: (SETS.index(pair[0]), pair[1]))


def _figures(rows, digits):
    """Cells of one line, for one model on one set."""
    by_figure = {name: [row[name] for row in rows] for name in rows[0]}
    return [
        mean_and_error(by_figure["RMSE"], digits),
        mean_and_error(by_figure["CRPS"], digits),
        mean_and_error(by_figure["in 90 %"], 3),
        _seconds(by_figure["fit_s"]),
        _seconds(by_figure["answers_s"]),
    ]


def _of(rows, name, size, model):
    wanted = name, size, model
    return [row for row in rows if (row["set"], row["rows"], row["model"]) == wanted]


def _cell(rows):
    return mean_and_error([row["NLL"] for row in rows]) if rows else ""


def _seconds(values):
    values = [value for value in values if value == value]
    return f"{sum(values) / len(values):.1f}" if values else ""
