"""Small drawings that several pages share, each into axes that it is given."""

import numpy as np

from skflow._pages import plain
from skflow.diagnostics.displays._style import BLUE, GREY, LIGHT, ORANGE, legend_above

__all__ = ["draw_bars", "draw_estimate", "draw_histograms", "draw_outlines", "named"]


def draw_estimate(ax, value, interval, right, label, ends):
    """Draw a number with its interval on a line, beside the value that is right."""
    ax.axvline(right, color=GREY, linestyle="--", linewidth=1, label="as it should be")
    low, high = interval
    ax.plot([low, high], [0, 0], color=BLUE, linewidth=5, alpha=0.35, label="95% interval")
    ax.plot(value, 0, color=BLUE, marker="o", linestyle="none", label="found")
    ax.set(xlabel=label, yticks=[], ylim=(-1, 1), xlim=ends)
    legend_above(ax)


def draw_bars(ax, names, values, band, label):
    """Draw a number for each name as a bar, the first on top, over the band that is right."""
    ax.axvspan(*band, color=LIGHT, linewidth=0)
    places = np.arange(len(names))
    ax.barh(places, values, height=0.6, color=BLUE)
    ax.axvline(0, color=GREY, linewidth=1)
    ax.set_yticks(places, [plain(name) for name in names], fontsize="small")
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.set_xlabel(label)


def draw_histograms(ax, edges, parts, labels):
    """Draw shares of two tables in the same bins, one filled and one as an outline."""
    ax.stairs(parts[0], edges, fill=True, color=BLUE, alpha=0.35, label=labels[0])
    ax.stairs(parts[1], edges, color=ORANGE, linewidth=1.8, label=labels[1])
    ax.set_ylim(bottom=0)


def draw_outlines(ax, samples, labels, label):
    """Draw how large two sets of numbers are: the share of each that is at most so large."""
    for values, line, color, name in zip(
        samples, ("-", "--"), (BLUE, ORANGE), labels, strict=True
    ):
        shares = np.arange(1, len(values) + 1) / len(values)
        ax.step(np.sort(values), shares, line, color=color, where="post", label=name)
    ax.set(xlabel=label, ylabel="share of the rows", ylim=(0, 1))
    legend_above(ax)


def named(name):
    """Return the name of a column for a picture, where a number says that it is one."""
    return f"column {name}" if name.isdigit() else plain(name)
