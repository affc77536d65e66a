"""From the rows of ``curves.py`` to Markdown and a picture of gaps over seconds."""

import matplotlib

matplotlib.use("Agg")

import numpy as np
import pandas as pd
from _common import markdown
from matplotlib import pyplot as plt
from matplotlib.ticker import FuncFormatter

__all__ = ["add_gaps", "front", "table", "write_picture"]

LEAST, MOST = 1e-3, 3.0  # nats a column: below is noise, and lies on the edges
# Okabe and Ito's colours, one for each kind, and a mark for each of a kind
OURS, CLASSICAL, PEERS = "#0072B2", "#555555", "#D55E00"
LOOKS = {
    "NSFDensity()": (OURS, "o", "NSF"),
    "NSFDensity(max_seconds=10)": (OURS, "P", "NSF, 10 s"),
    "RealNVPDensity()": (OURS, "s", "RealNVP"),
    "KernelFlowDensity()": (OURS, "D", "kernel flow"),
    "GMM, tuned": (CLASSICAL, "^", "GMM"),
    "KDE, tuned": (CLASSICAL, "v", "KDE"),
    "vine copula": (CLASSICAL, "<", "vine"),
    "KDEpy, Scott": (CLASSICAL, ">", "KDEpy"),
    "zuko NSF": (PEERS, "X", "zuko"),
    "nflows NSF+LU": (PEERS, "*", "nflows"),
    "normflows NSF+LU": (PEERS, "p", "normflows"),
}
CELL = ["axis", "family", "n", "d"]


def add_gaps(results):
    """Nats a column below the truth; of a real table, below the best of those compared."""
    best = results.groupby(CELL)["score"].transform("max")
    gap = results["short_of_truth"].fillna((best - results["score"]) / results["d"])
    gap = gap.where(results["score"].notna())  # a failure has none
    return results.assign(gap=gap, error=results["error"].fillna(""))


def front(cell):
    """Rows of one table that no other beats at once in gap and in seconds, fastest first."""
    order = cell[cell["gap"].notna()].sort_values(["cpu_s", "gap"])
    lowest = order["gap"].cummin().shift(fill_value=np.inf)
    return order[order["gap"] < lowest]


def table(results):
    """A line for each table, a column for each density: gap and seconds, the best in bold."""
    models = list(dict.fromkeys(results["model"]))
    lines = []
    for (family, n, d), cell in results.groupby(["family", "n", "d"], sort=False):
        by_model = cell.set_index("model")
        best = by_model["gap"].min()
        lines.append([family, n, d, *(_entry(by_model.loc[m], best) for m in models)])
    return markdown(["table", "rows", "columns", *models], lines)


def _entry(row, best):
    if pd.isna(row["gap"]):
        return f"failed ({row['cpu_s']:.0f})"
    gap = f"**{row['gap']:.3f}**" if row["gap"] == best else f"{row['gap']:.3f}"
    return f"{gap} ({_seconds(row['cpu_s'])})"


def _seconds(s):
    return f"{s:.0f}" if s >= 10 else f"{s:.1f}" if s >= 0.1 else f"{s:.2f}"


def write_picture(results, path):
    """A panel for each table: a mark for each density, and who is the best in so many seconds."""
    by_table = results["axis"].iloc[0] == "table"
    keys = list(dict.fromkeys(zip(results["family"], results["n"], results["d"], strict=True)))
    n_rows = -(-len(keys) // 4) if by_table else results["family"].nunique()
    n_columns = min(len(keys), 4) if by_table else len(keys) // n_rows
    figure, axes = plt.subplots(
        n_rows,
        n_columns,
        figsize=(max(8, 2 + 2.4 * n_columns), 1.5 + 2.3 * n_rows),
        layout="constrained",
        sharex=True,
        sharey=True,
        squeeze=False,
    )
    # simulated tables come size by size, and each family has a row of panels
    panels = axes.ravel() if by_table else axes.T.ravel()
    for ax in panels[len(keys) :]:
        ax.set_axis_off()
    for ax, (family, n, d) in zip(panels, keys, strict=False):
        which = (results["family"] == family) & (results["n"] == n) & (results["d"] == d)
        _panel(ax, results[which], f"{family}: {n:,} x {d}")
    _label(figure, axes, "best of these" if by_table else "truth")
    figure.savefig(path, dpi=100)
    plt.close(figure)


def _panel(ax, cell, title):
    best = front(cell)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_ylim(LEAST / 1.3, MOST * 1.3)
    ax.step(
        [*best["cpu_s"], 1e4],
        np.clip([*best["gap"], *best["gap"][-1:]], LEAST, MOST),
        where="post",
        color="#999999",
        linewidth=1,
        zorder=1,
    )
    for row in cell.itertuples():
        color, mark, _ = LOOKS[row.model]
        failed = pd.isna(row.gap)
        y = MOST if failed else np.clip(row.gap, LEAST, MOST)
        filled = "none" if failed else color
        ax.plot(
            row.cpu_s, y, mark, color=color, markerfacecolor=filled, markersize=6, clip_on=False
        )
    for row in best.itertuples():
        color, _, short = LOOKS[row.model]
        place = row.cpu_s, float(np.clip(row.gap, LEAST, MOST))
        style = {"size": 7, "color": color, "ha": "right", "va": "top"}
        ax.annotate(short, place, (-3, -4), textcoords="offset points", **style)
    ax.set_title(title, size=9)
    ax.grid(alpha=0.25)


def _label(figure, axes, reference):
    plain = FuncFormatter(lambda value, _: f"{value:g}")
    for ax in axes.ravel():
        ax.xaxis.set_major_formatter(plain)
        ax.yaxis.set_major_formatter(plain)
    left, right = axes[0, 0].get_xlim()
    seen = [line.get_xdata() for ax in axes.ravel() for line in ax.lines[1:]]
    seconds = np.concatenate(seen)
    axes[0, 0].set_xlim(max(left, seconds.min() / 6), min(right, seconds.max() * 2))
    figure.supxlabel("CPU seconds of the fit, tuning included", size=9)
    figure.supylabel(f"nats per column below the {reference}; lower is better", size=9)
    handles = [
        plt.Line2D([], [], linestyle="", color=color, marker=mark, label=name)
        for name, (color, mark, _) in LOOKS.items()
    ]
    handles.append(plt.Line2D([], [], color="#999999", label="the best in so many seconds"))
    figure.legend(handles=handles, loc="outside lower center", ncols=4, fontsize=8)
