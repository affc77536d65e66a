"""The page of a diagnosis."""

from skflow._pages import Card, Page, page_of
from skflow.diagnostics.pages._findings import picture_of, picture_of_rows
from skflow.diagnostics.report._diagnose import Diagnosis

__all__ = ["cards_of_causes", "cards_of_checks", "verdict_of_causes"]

# the check that shows a cause
SHOWS = {
    "ties": "repeated values",
    "unconverged": "training",
    "integral": "integral",
    "sampler": "draws against scores",
    "overfit": "coverage",
    "tails": "tails",
    "far draws": "far draws",
    "underfit": "draws against rows",
}
# how each picture is read
READ = {
    "training": "A loss that still falls at the end was stopped too early.",
    "coverage": "Below the band: too sure of itself. Above it: regions are too large.",
    "margins": "Flat is right. A slope: draws are shifted; high ends: draws are too narrow.",
    "whole images": "Flat is right. A slope: draws are shifted; high ends: draws are too narrow.",
    "tails": "To the right of the line draws stay too near, to the left they reach too far.",
    "draws against rows": "How well a classifier tells draws from rows; at one half it cannot.",
    "draws against scores": "Draws walk by the density's own scores and should not drift.",
    "latents": "On the line is right; steeper at the right end: tails are too light.",
    "round trip": "Rows to latents and back: what is left is rounding.",
    "integral": "A density integrates to one.",
}


def cards_of_causes(causes, pictures):
    """Cards of what is wrong, each with the picture (by name of the cause) that shows it."""
    return [
        Card(
            cause.name,
            cause.evidence,
            to_do=cause.remedy,
            note=f"Tried: {cause.what_failed}." if cause.what_failed else "",
            picture=pictures.get(cause.name),
            bad=True,
        )
        for cause in causes
    ]


def cards_of_checks(findings, causes, pictures, shown, to_read):
    """Cards of checks whose pictures causes do not show, and one of what the others say."""
    told = {cause.evidence for cause in causes}
    seen = {name for name in findings if pictures.get(name) is not None and name not in shown}
    cards = [
        Card(name, found.reading, picture=pictures[name], note=to_read[name])
        for name, found in findings.items()
        if name in seen
    ]
    lines = [
        (name, found.reading)
        for name, found in findings.items()
        if name not in seen and found.reading not in told
    ]
    return [*cards, Card("other checks", lines=lines)] if lines else cards


def verdict_of_causes(causes, how):
    """Say in a line what is wrong."""
    if not causes:
        return "Nothing stands out."
    return f"{how}: {', '.join(cause.name for cause in causes)}."


@page_of.register
def _(diagnosis: Diagnosis) -> Page:
    causes = diagnosis.causes
    shown = {cause.name: SHOWS.get(cause.name) for cause in causes}
    of_findings = {name: picture_of(found) for name, found in diagnosis.findings.items()}
    pictures = {cause: of_findings.get(name) for cause, name in shown.items()}
    cards = cards_of_causes(causes, pictures)
    title = f"draws beside {diagnosis.what}"
    text = "In the columns where they differ most."
    cards.append(Card(title, text, picture=picture_of_rows(diagnosis.sketch)))
    cards += cards_of_checks(diagnosis.findings, causes, of_findings, shown.values(), READ)
    verdict = verdict_of_causes(causes, "Likely")
    return Page("Diagnosis", verdict, diagnosis.summary, cards, bool(causes))
