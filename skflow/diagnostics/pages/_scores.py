"""The page of a table of held-out scores."""

from dataclasses import replace

import numpy as np

from skflow._pages import Card, Page, Picture, page_of, plain
from skflow.diagnostics.displays._comparison import DensityComparisonDisplay
from skflow.diagnostics.report._compare import BASELINES
from skflow.estimators._score_table import ScoreTable

TO_READ = (
    "Gains are mean differences of log densities of the same held-out rows, in nats a row; beyond "
    "two standard errors they are no chance."
)


@page_of.register
def _(table: ScoreTable) -> Page:
    card = Card("held-out scores", table=table.cells())
    if _reference(table) is not None:
        size = 6.5, 1.4 + 0.4 * len(table)
        picture = Picture(lambda figure: _draw(figure, table), size)
        card = replace(card, picture=picture, note=TO_READ)
    best = f"{table.rows[0]['name']} stands first." if table.rows else "There are no rows."
    return Page("Comparison on held-out rows", table.note or best, "", [card], bad=None)


def _reference(table):
    """Name of what gains are over, None if no row has a gain."""
    if not any(np.isfinite(row.get("gain", np.nan)) for row in table):
        return None
    without = (row for row in table if np.isnan(row["gain"]) and np.isfinite(row["score"]))
    return next(without, {"name": None})["name"]


def _draw(figure, table):
    DensityComparisonDisplay(
        names=[plain(row["name"]) for row in table],
        gains=np.array([row["gain"] for row in table]),
        errors=np.array([row["gain_error"] for row in table]),
        reference=plain(_reference(table)),
        classical=BASELINES,
    ).plot(figure.subplots())
