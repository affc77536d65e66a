"""The page of a synthetic table beside the real one."""

import numpy as np

from skflow._pages import Card, Page, Picture, page_of, plain
from skflow.diagnostics.displays._style import BLUE, ORANGE
from skflow.diagnostics.pages._diagnosis import cards_of_causes, cards_of_checks, verdict_of_causes
from skflow.diagnostics.pages._drawn import draw_estimate, draw_histograms, draw_outlines
from skflow.diagnostics.synthetic._report import NOT_PROMISED, TableReport

SHOWS = {
    "columns": "columns",
    "pairs": "pairs",
    "told apart": "classifier",
    "too near": "distances",
}
READ = {
    "columns": "The columns that differ most. Rows beyond the picture count at its edges.",
    "pairs": "Synthetic less real: rank correlations, Cramer's V, correlation ratios.",
    "classifier": "How well a classifier tells real from synthetic rows; at one half it cannot.",
    "distances": "A curve of synthetic rows to the left of the other one: they lie too near.",
}
MOST_COLUMNS, MOST_LEVELS, MOST_NAMES, MOST_LINES = 6, 8, 25, 100


@page_of.register
def _(report: TableReport) -> Page:
    pictures = _pictures(report)
    shown = {cause.name: SHOWS.get(cause.name) for cause in report.causes}
    of_causes = {cause: pictures.get(name) for cause, name in shown.items()}
    cards = cards_of_causes(report.causes, of_causes)
    cards += cards_of_checks(report.findings, report.causes, pictures, shown.values(), READ)
    cards.append(Card("what this does not promise", NOT_PROMISED))
    cards.append(Card("each column", table=_table(report.findings["columns"])))
    verdict, bad = verdict_of_causes(report.causes, "Stands out"), bool(report.causes)
    return Page("Synthetic table beside the real one", verdict, report.summary, cards, bad)


def _pictures(report):
    columns, pairs, classifier, distances, _ = report.findings.values()
    n = min(MOST_COLUMNS, len(columns.names))
    ends = min(0.45, classifier.interval[0]), 1
    label = "area under the curve"
    return {
        "columns": Picture(lambda figure: _draw_columns(figure, columns), (5.6, 2.1 * -(-n // 2))),
        "pairs": Picture(lambda figure: _draw_pairs(figure, pairs), (5.4, 4.4))
        if pairs.n_pairs
        else None,
        "classifier": Picture(
            lambda figure: draw_estimate(
                figure.subplots(), classifier.auc, classifier.interval, 0.5, label, ends
            ),
            (5.4, 1.7),
        ),
        "distances": Picture(
            lambda figure: draw_outlines(
                figure.subplots(),
                (distances.held_out, distances.synthetic),
                ("held out" if report.n_holdout else "real, to others", "synthetic"),
                "distance to the closest real row",
            ),
            (5.4, 3.2),
        ),
    }


def _draw_columns(figure, found):
    worst = np.argsort(-found.distances, kind="stable")[:MOST_COLUMNS]
    n_columns = min(2, len(worst))
    panels = figure.subplots(-(-len(worst) // n_columns), n_columns, squeeze=False)
    for panel, j in zip(panels.flat, worst, strict=False):
        shares = found.shares[j]
        draw = _draw_levels if shares.edges is None else _draw_bins
        draw(panel, shares)
        title = f"{plain(found.names[j], 20)}: {found.distances[j]:.2f}"
        panel.set_title(title, fontsize="medium", loc="right")
    for panel in panels.flat[len(worst) :]:
        panel.set_axis_off()
    handles, labels = panels.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=2, frameon=False)


def _draw_bins(ax, shares):
    draw_histograms(ax, shares.edges, (shares.real, shares.synthetic), ("real", "synthetic"))
    if shares.names:
        ax.set_xticks(shares.edges[[0, -1]], shares.names, fontsize="small")
        for label, side in zip(ax.get_xticklabels(), ("left", "right"), strict=True):
            label.set_horizontalalignment(side)
    ax.locator_params(axis="y", nbins=3)


def _draw_levels(ax, shares):
    most = np.argsort(-np.maximum(shares.real, shares.synthetic), kind="stable")[:MOST_LEVELS]
    places = np.arange(len(most))
    ax.barh(places - 0.2, shares.real[most], 0.4, color=BLUE, alpha=0.35, label="real")
    style = {"facecolor": "none", "edgecolor": ORANGE, "linewidth": 1.6, "label": "synthetic"}
    ax.barh(places + 0.2, shares.synthetic[most], 0.4, **style)
    ax.set_yticks(places, [plain(shares.names[k], 14) for k in most], fontsize="small")
    ax.set_ylim(len(most) - 0.5, -0.5)
    ax.locator_params(axis="x", nbins=3)


def _draw_pairs(figure, found):
    difference = found.synthetic - found.real
    order = np.argsort(-np.abs(difference).max(axis=0), kind="stable")[:MOST_NAMES]
    ax, reach = figure.subplots(), max(0.2, float(np.abs(difference).max()))
    image = ax.imshow(
        difference[np.ix_(order, order)], cmap="PuOr", vmin=-reach, vmax=reach, aspect="auto"
    )
    names = [plain(found.names[j], 18) for j in order]
    small = {"fontsize": "small" if len(order) <= 12 else 6}
    ax.set_xticks(range(len(order)), names, rotation=90, **small)
    ax.set_yticks(range(len(order)), names, **small)
    figure.colorbar(image, ax=ax, label="synthetic less real")


def _table(found):
    head = ("column", "distance", "p", "holes, real", "synthetic", "new levels")
    order = np.argsort(-found.distances, kind="stable")[:MOST_LINES]
    rows = [
        (
            found.names[j],
            f"{found.distances[j]:.3f}" + (" !" if found.differ[j] else ""),
            f"{found.p_values[j]:.2g}",
            *(f"{100 * share:.1f} %" for share in found.holes[:, j]),
            f"{100 * found.unknown[j]:.1f} %",
        )
        for j in order
    ]
    return [head, *rows]
