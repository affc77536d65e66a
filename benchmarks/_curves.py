"""From the rows of ``curves.py`` to Markdown and a picture of gaps over seconds."""

import matplotlib

matplotlib.use("Agg")

import numpy as np
import pandas as pd
from _common import markdown
from matplotlib import pyplot as plt
from matplotlib.ticker import FuncFormatter

__all__ = ["add_gaps", "front", "table", "write_picture"]

LEAST, MOST = 1e-3, 3.0  # nats a column: what is below is noise; both lie on the edges
FASTEST = 0.02  # seconds: what takes less is as good as free
BETTER = 0.98  # of a gap: what is nearer to it is no progress
# Okabe and Ito's colours, one for each kind, and a mark for each of a kind
OURS, IN_TIME, CLASSICAL, PEERS = "#0072B2", "#2A9DD8", "#444444", "#D55E00"
LOOKS = {
    "NSFDensity()": (OURS, "o", "NSF"),
    "NSFDensity(max_seconds=10)": (IN_TIME, "P", "NSF(10 s)"),
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
    return results.assign(gap=gap)


def front(cell):
    """Rows of one table that are better than all that took less, fastest first."""
    lowest, found = np.inf, []
    order = cell[np.isfinite(cell["gap"])].sort_values(["cpu_s", "gap"])
    for place, gap in order["gap"].items():
        if gap < BETTER * lowest or gap <= 0 < lowest:
            found.append(place)
            lowest = gap
    return cell.loc[found]


def table(results):
    """Gap and seconds of each table and density, the best of a table in bold."""
    models = list(dict.fromkeys(results["model"]))
    lines = [["", *models]]
    for (family, n, d), cell in results.groupby(["family", "n", "d"], sort=False):
        by_model = cell.set_index("model")
        best = by_model["gap"].min()
        lines.append([f"{family}, {n} x {d}", *(_entry(by_model.loc[m], best) for m in models)])
    if len(models) >= len(lines):  # a line for each of what there is more of
        lines = list(zip(*lines, strict=True))
    return markdown(list(lines[0]), lines[1:])


def _entry(row, best):
    if pd.isna(row["gap"]):
        return f"failed ({row['cpu_s']:.0f})"
    gap = f"**{row['gap']:.3f}**" if row["gap"] == best else f"{row['gap']:.3f}"
    return f"{gap} ({_seconds(row['cpu_s'])})"


def _seconds(s):
    return f"{s:.0f}" if s >= 10 else f"{s:.1f}" if s >= 0.1 else f"{s:.2f}"


def write_picture(results, path):
    """A panel for each table: a mark for each density, and who is the best in so many seconds."""
    places, shape = _places(results)
    figure, axes = plt.subplots(
        *shape,
        figsize=(max(9, 1 + 2.5 * shape[1]), 1.5 + 2.1 * shape[0]),
        layout="constrained",
        sharex=True,
        sharey=True,
        squeeze=False,
    )
    for place in np.ndindex(shape):
        if place not in places:
            axes[place].set_axis_off()
            continue
        family, n, d = places[place]
        which = (results["family"] == family) & (results["n"] == n) & (results["d"] == d)
        _panel(axes[place], results[which], f"{family}, {n:,} x {d}")
    _describe(figure, axes, results)
    figure.savefig(path, dpi=95)
    plt.close(figure)


def _places(results):
    """Tables by the place of their panels, and how many rows and columns of panels there are."""
    keys = list(dict.fromkeys(zip(results["family"], results["n"], results["d"], strict=True)))
    if results["axis"].iloc[0] == "tables":
        width = min(4, len(keys))
        return {divmod(i, width): key for i, key in enumerate(keys)}, (
            -(-len(keys) // width),
            width,
        )
    families = list(dict.fromkeys(family for family, *_ in keys))
    sizes = sorted({key[1:] for key in keys})
    places = {(families.index(key[0]), sizes.index(key[1:])): key for key in keys}
    return places, (len(families), len(sizes))


def _panel(ax, cell, title):
    cell = cell.assign(x=cell["cpu_s"].clip(FASTEST), y=cell["gap"].clip(LEAST, MOST).fillna(MOST))
    for row in cell.itertuples():
        color, mark, _ = LOOKS[row.model]
        inside = "none" if pd.isna(row.gap) else color
        style = {"color": color, "markerfacecolor": inside, "markersize": 7, "clip_on": False}
        ax.plot(row.x, row.y, mark, markeredgewidth=0.5, **style)
    best = front(cell)
    if len(best):
        x, y = [*best["x"], 1e5], [*best["y"], best["y"].iloc[-1]]
        ax.step(x, y, where="post", color="#999999", linewidth=1, zorder=1)
    # in the corner that is empty as long as nothing is good at once
    for i, row in enumerate(reversed(list(best.itertuples()))):
        color, _, short = LOOKS[row.model]
        text = f"{short} in {_seconds(row.cpu_s)} s" if row.cpu_s >= FASTEST else short
        place = 0.03, 0.04 + 0.085 * i
        ax.text(*place, text, color=color, size=8, transform=ax.transAxes)
    ax.set_title(title, size=9)
    ax.grid(alpha=0.25)


def _describe(figure, axes, results):
    """Axes, their labels and the legend."""
    first, plain = axes[0, 0], FuncFormatter(lambda value, _: f"{value:g}")
    first.set(xscale="log", yscale="log", xlim=(FASTEST, 1.5 * results["cpu_s"].max()))
    lowest = results["gap"].clip(LEAST, MOST).min()
    first.set_ylim(max(LEAST, lowest / 6), 1.2 * min(MOST, max(1, results["gap"].max())))
    for axis in (first.xaxis, first.yaxis):
        axis.set_major_formatter(plain)
    reference = "best of these" if results["axis"].iloc[0] == "tables" else "truth"
    text = "CPU seconds of the fit, tuning included (further left and down is better)"
    figure.supxlabel(text, size=10)
    figure.supylabel(f"nats per column below the {reference}", size=10)
    handles = [
        plt.Line2D([], [], linestyle="", color=color, marker=mark, label=name)
        for name, (color, mark, _) in LOOKS.items()
        if name in set(results["model"])
    ]
    handles.append(plt.Line2D([], [], color="#999999", label="the best in so many seconds"))
    figure.legend(handles=handles, loc="outside upper center", ncols=4, fontsize=9)
