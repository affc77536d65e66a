"""What a page consists of: words, tables and pictures that are drawn when they are asked for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from skflow._escapes import escaped

__all__ = ["Card", "Page", "Picture", "plain"]

MOST_CHARACTERS = 28  # of a name in a picture


@dataclass(frozen=True)
class Picture:
    """A picture that is not drawn yet.

    Attributes
    ----------
    draw : callable
        Of an empty matplotlib figure.
    size : tuple of two float
        Width and height in inches.
    """

    draw: Callable
    size: tuple = (5.4, 3.6)


@dataclass(frozen=True)
class Card:
    """One thing that was looked at.

    Attributes
    ----------
    title, text : str
    to_do : str
        What is to be done about it, if anything.
    note : str
        What is said in smaller letters.
    picture : Picture or None
    lines : sequence of (str, str)
        Names and what is said of each; a name may be empty.
    table : list of sequence of str
        Its first row is the head; empty for none.
    bad : bool
        Whether something is wrong.
    """

    title: str
    text: str = ""
    to_do: str = ""
    note: str = ""
    picture: Picture | None = None
    lines: Sequence = ()
    table: Sequence = ()
    bad: bool = False


@dataclass(frozen=True)
class Page:
    """All of it, the verdict first.

    Attributes
    ----------
    title, verdict, summary : str
    cards : list of Card
    bad : bool or None
        Whether the verdict is one to act on; None if that is not the question.
    """

    title: str
    verdict: str
    summary: str
    cards: list
    bad: bool | None


def plain(name, most=MOST_CHARACTERS):
    """Return a name as a picture can show it: cut, printable, and no formula."""
    name = escaped(name).replace("\n", " ")
    name = name if len(name) <= most else f"{name[: most - 1]}…"
    return name.replace("$", r"\$")
