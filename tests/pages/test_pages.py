"""Pages: whatever words come from users stay words, and nothing reaches outside."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from skflow._pages import Card, Page, Picture, ShownMixin, page_of, plain
from skflow._pages._html import STYLE, document, fragment

WILD = "<script>alert(\"1\")</script> & '$x_$'"
VOID = {"meta", "link", "img"}


class Tags(HTMLParser):
    """Collects tags and checks that they close in order."""

    def __init__(self):
        super().__init__()
        self.open, self.seen, self.text = [], [], ""

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def parsed(html):
    tags = Tags()
    tags.feed(html)
    tags.close()
    assert tags.open == []
    return tags


def line(figure):
    figure.subplots().plot([0, 1], [1, 0])


CARD = Card(WILD, WILD, WILD, WILD, Picture(line, (2, 1)), [(WILD, WILD)], [(WILD,), (WILD,)])
PAGE = Page(WILD, WILD, WILD, [CARD, Card("plain")], bad=True)


@pytest.mark.parametrize("render", [document, fragment])
class TestHtml:
    def test_words_of_users_are_words(self, render):
        tags = parsed(render(PAGE))
        assert "script" not in [tag for tag, _ in tags.seen]
        # title (and that of the window), verdict, summary, and each part of a card
        assert tags.text.count(WILD) >= 3 + 8
        (image,) = (attributes for tag, attributes in tags.seen if tag == "img")
        assert image["alt"] == WILD

    def test_nothing_is_fetched(self, render):
        tags = parsed(render(PAGE))
        targets = [v for _, a in tags.seen for key, v in a.items() if key in ("src", "href")]
        assert targets
        assert all(target.startswith("data:") for target in targets)
        assert "url(" not in STYLE
        assert "@import" not in STYLE

    def test_the_verdict_comes_first(self, render):
        html = render(replace(PAGE, verdict="Yes", cards=[Card("title", "text")]))
        assert html.index("Yes") < html.index("<section")

    @pytest.mark.parametrize("bad", [True, False, None])
    def test_its_colour(self, render, bad):
        html = render(replace(PAGE, bad=bad))
        kinds = {True: "verdict bad", False: "verdict good", None: "verdict"}
        assert f'<p class="{kinds[bad]}">' in html


def test_rules_of_a_fragment_stay_inside():
    selectors = re.findall(r"([^{}]+)\{", STYLE.replace("\n", " "))
    parts = [part.strip() for selector in selectors for part in selector.split(",")]
    assert len(parts) > 10
    assert all(part.startswith(".skflow-page") for part in parts)


def test_drawing_leaves_pyplot_alone():
    import matplotlib.pyplot as plt

    before = plt.get_fignums(), dict(plt.rcParams)
    document(PAGE)
    assert (plt.get_fignums(), dict(plt.rcParams)) == before


def failing(figure):
    raise ValueError("no <ink>")


class TestWithoutPictures:
    def test_matplotlib_is_missing(self, monkeypatch):
        monkeypatch.setitem(__import__("sys").modules, "matplotlib.figure", None)
        with pytest.raises(ImportError, match=r"pip install skflow\[plots\]"):
            document(PAGE)
        tags = parsed(fragment(PAGE))
        assert "pip install skflow[plots]" in tags.text
        assert "img" not in [tag for tag, _ in tags.seen]

    def test_a_picture_fails(self):
        page = replace(PAGE, cards=[Card("one", "said", picture=Picture(failing))])
        with pytest.raises(ValueError, match="no <ink>"):
            document(page)
        text = parsed(fragment(page)).text
        assert "could not be drawn: ValueError: no <ink>" in text
        assert "said" in text


class Result(ShownMixin):
    pass


def test_what_has_no_page():
    with pytest.raises(TypeError, match="no page of a Result"):
        page_of(Result())


def test_half_a_character_can_be_written(tmp_path):
    class Half(ShownMixin):
        pass

    page_of.register(Half, lambda half: Page("\ud83d", "é", "", [], bad=None))
    Half().to_html(tmp_path / "page.html")
    assert "é" in (tmp_path / "page.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "shown"),
    [("age", "age"), ("a$b$", r"a\$b\$"), ("x" * 40, "x" * 27 + "…"), ("a\nb\x1b", r"a b\x1b")],
)
def test_names_in_pictures(name, shown):
    assert plain(name) == shown
