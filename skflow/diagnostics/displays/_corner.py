"""Rows against draws, column by column and pair by pair."""

from textwrap import fill

import numpy as np

from skflow.diagnostics.displays._style import DATA, SAMPLES, legend, thin_out
from skflow.diagnostics.displays._tables import bin_edges, inner_range

__all__ = ["draw_corner"]

MARGIN = 0.05  # of the range of a column, around it
MAX_POINTS = 400
TURNS = 5
SIDE = 1.7  # of a panel, in inches
LETTERS = 22  # on a line of a label


def draw_corner(display, ax):
    """Draw the rows and samples of a display, whose ``axes_`` and ``figure_`` are set.

    Its ``n_outside_`` counts the rows that lie outside of a panel.
    """
    k = len(display.names)
    size = (max(4.6, 0.8 + SIDE * k), max(3.6, 0.6 + SIDE * k))
    axes = display._panels(ax, (k, k), size, wspace=0.08, hspace=0.08)
    limits = [_limits(a, b) for a, b in zip(display.rows.T, display.samples.T, strict=True)]
    label = display._label_of_rows(*np.array(limits).T)
    for i in range(k):
        for j in range(k):
            if j > i:
                axes[i, j].set_axis_off()
                continue
            pair = display.rows[:, [j, i]], display.samples[:, [j, i]]
            if i == j:
                _draw_margin(axes[i, j], *pair, limits[j], label)
            else:
                _draw_pair(axes[i, j], *pair, limits[j])
            _label(axes[i, j], display.names, i, j)
            if i != j:
                axes[i, j].set_ylim(limits[i])
    where = {"loc": "upper left", "bbox_to_anchor": (1.05, 1.0)} if k > 1 else {"loc": "best"}
    partial = display.n_features is not None and display.n_features > k
    title = f"{k} of {display.n_features} columns" if partial else None
    legend(axes[0, 0], title=title, alignment="left", **where).set_in_layout(k == 1)


def _limits(rows, samples):
    """Range of rows and samples without those that lie far out, with a margin."""
    ends = [*inner_range(rows), *inner_range(samples)]
    margin = MARGIN * ((max(ends) - min(ends)) or 1.0)
    return min(ends) - margin, max(ends) + margin


def _draw_margin(ax, rows, samples, limits, label):
    n_bins = int(np.clip(np.sqrt(len(rows)), 10, 40))
    edges = bin_edges(rows[:, 0], *limits, n_bins)
    width = edges[1] - edges[0]
    # shares of all draws, also of those beyond the panel
    of_rows = np.histogram(rows[:, 0], edges)[0] / len(rows) / width
    of_samples = np.histogram(samples[:, 0], edges)[0] / len(samples) / width
    ax.stairs(of_rows, edges, fill=True, color=DATA["color"], label=label)
    ax.stairs(of_samples, edges, color=SAMPLES["color"], linewidth=2, label="draws")
    ax.set_xlim(limits)
    ax.set_ylim(bottom=0)
    ax.set_yticks([])


def _draw_pair(ax, rows, samples, limits):
    n = min(MAX_POINTS, len(rows), len(samples))
    draws = {"facecolors": "none", "edgecolors": SAMPLES["color"], "marker": SAMPLES["marker"]}
    # by turns, so that neither kind lies on top of all of the other
    for order in np.array_split(np.random.default_rng(0).permutation(n), TURNS):
        ax.scatter(*thin_out(rows, n)[order].T, s=6, linewidths=0, **DATA)
        ax.scatter(*thin_out(samples, n)[order].T, s=10, linewidths=0.7, **draws)
    ax.set_xlim(limits)


def _label(ax, names, i, j):
    """Write names and numbers at the left and lower edge of all panels alone."""
    last = len(names) - 1
    ax.tick_params(labelbottom=i == last, labelleft=j == 0 and i > 0, labelsize=8)
    ax.locator_params(axis="x", nbins=4 if len(names) > 1 else 8)
    if i == last:
        ax.set_xlabel(fill(names[j], LETTERS), fontsize=9)
    if j == 0 and i > 0:
        ax.set_ylabel(fill(names[i], LETTERS), fontsize=9)
    if i > j:
        ax.locator_params(axis="y", nbins=4)
