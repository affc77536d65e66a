"""The page of a model card."""

from skflow._model_card import ModelCard
from skflow._pages import Card, Page, page_of

__all__: list[str] = []


@page_of.register
def _(card: ModelCard) -> Page:
    parts = [Card(title, lines=lines) for title, lines in card.parts().items()]
    title = f"Model card: {card.estimator}"
    if card.diagnosis is None:
        return Page(title, card.purpose, "", parts, bad=None)
    checks = page_of(card.diagnosis)
    cards = [*parts, *checks.cards]
    return Page(title, checks.verdict, card.purpose, cards, checks.bad)
