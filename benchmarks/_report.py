"""From the rows of a benchmark run to Markdown and a picture."""

from itertools import cycle

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
from _common import markdown

NOT_WORSE = -0.005  # nats per column: rounding, not a difference


def write_markdown(results, baselines, machine, path):
    text = "\n\n".join(
        [
            f"Machine: {machine}.",
            "Mean log-likelihood of held-out rows (nats; larger is better):",
            _likelihoods(results),
            "Against the better of the tuned KDE and the tuned GMM, and medians of the times over "
            "the tables (1,000 rows scored, 1,000 drawn):",
            _summary(results, baselines),
        ]
    )
    path.write_text(text + "\n")
    return text


def _likelihoods(results):
    models = list(dict.fromkeys(results["model"]))
    header, *rows = [["table", "rows", "columns", *models]]
    for (table, n, d), group in results.groupby(["table", "n", "d"], sort=False):
        by_model = group.set_index("model")["log_likelihood"]
        best = by_model.max()
        cells = [_bold(by_model[m], best) if m in by_model else "" for m in models]
        rows.append([table, n, d, *cells])
    if len(models) > len(rows):  # a line for each of what there is more of
        header, *rows = zip(header, *rows, strict=True)
    return markdown(header, rows)


def _bold(value, best):
    text = "failed" if value != value else f"{value:.2f}"
    return f"**{text}**" if value == best else text


def _summary(results, baselines):
    rows = []
    for model, group in results.groupby("model", sort=False):
        gain = group["gain_per_column"]
        against = (
            ["", "", ""]
            if model in baselines or gain.isna().all()
            else [
                f"{(gain > NOT_WORSE).sum()} of {len(gain)}",
                f"{gain.mean():+.3f}",
                f"{gain.min():+.3f}",
            ]
        )
        times = group[["fit_s", "score_ms", "sample_ms"]].median()
        rows.append([model, *against, *(f"{t:.1f}" for t in times), f"{group['fit_s'].sum():.0f}"])
    header = ["model", "not worse on", "mean gain per column", "worst gain per column"]
    return markdown([*header, "fit, s", "score, ms", "sample, ms", "all fits, s"], rows)


def write_picture(results, baselines, path):
    """Gain per column of every table and model, and median times, side by side."""
    models = list(dict.fromkeys(results["model"]))
    tables = list(dict.fromkeys(results["table"]))
    figure, (gains, times) = plt.subplots(
        1, 2, figsize=(13, 2 + 0.3 * max(len(tables), len(models))), layout="constrained"
    )
    colors = dict(zip(models, cycle(plt.get_cmap("tab20").colors), strict=False))
    for model, group in results[~results["model"].isin(baselines)].groupby("model", sort=False):
        rows = [tables.index(t) for t in group["table"]]
        gains.scatter(group["gain_per_column"], rows, s=30, color=colors[model], label=model)
    gains.axvline(0, color="black", linewidth=1)
    gains.set_xscale("symlog", linthresh=0.1)
    gains.set_yticks(range(len(tables)), tables)
    gains.invert_yaxis()
    gains.set_xlabel("gain over the better of tuned KDE and GMM, nats per column")
    gains.grid(alpha=0.3)
    if gains.get_legend_handles_labels()[0]:
        gains.legend(loc="best", fontsize="small")
    medians = results.groupby("model", sort=False)[["fit_s", "score_ms", "sample_ms"]].median()
    for marker, column, label in (
        ("o", medians["fit_s"], "fit"),
        ("s", medians["score_ms"] / 1e3, "score 1,000 rows"),
        ("^", medians["sample_ms"] / 1e3, "draw 1,000 rows"),
    ):
        times.plot(column, range(len(column)), marker, label=label)
    times.set_xscale("log")
    times.set_yticks(range(len(medians)), medians.index)
    times.invert_yaxis()
    times.set_xlabel("seconds, median over the tables")
    times.grid(alpha=0.3)
    times.legend(loc="best", fontsize="small")
    figure.savefig(path, dpi=110)
    plt.close(figure)
