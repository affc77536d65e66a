"""The pages of all results: small, whole, with pictures, of plain data."""

import pickle

import pytest

from skflow._pages import page_of
from tests.diagnostics.pages.results import NAMES, RESULTS
from tests.pages.test_pages import parsed

PICTURES = {
    "flow": 10,
    "overfit": 7,
    "one column": 7,
    "scores": 1,
    "scores without gains": 0,
    "no scores": 0,
    "posterior": 5,
    "copied table": 4,
    "fresh table": 3,
}


def said(result):
    """What the page of a result must say."""
    findings = [str(found) for found in getattr(result, "findings", {}).values()]
    told = [cause.evidence for cause in getattr(result, "causes", [])]
    remedies = [cause.remedy for cause in getattr(result, "causes", [])]
    return [*findings, *told, *remedies, getattr(result, "note", "")]


@pytest.mark.parametrize("name", RESULTS)
class TestPages:
    @pytest.fixture(scope="class")
    @classmethod
    def results(cls):
        return {}

    @pytest.fixture
    def result(self, results, name):
        if name not in results:
            results[name] = RESULTS[name]()
        return results[name]

    def test_what_notebooks_show(self, result, name):
        html = result._repr_html_()
        tags = parsed(html)
        assert len(html) < 500_000
        assert not {"i", "script"} & {tag for tag, _ in tags.seen}
        assert [words for words in said(result) if words not in tags.text] == []
        assert html.count("<img") == PICTURES[name]

    def test_plain_data(self, result, name):
        data = pickle.dumps(result)
        assert len(data) < 300_000
        page, again = page_of(result), page_of(pickle.loads(data))
        assert again.verdict == page.verdict
        assert [card.title for card in again.cards] == [card.title for card in page.cards]

    def test_causes_come_first(self, result, name):
        bad = [card.bad for card in page_of(result).cards]
        assert bad == sorted(bad, reverse=True)


def test_file(tmp_path):
    result = RESULTS["scores"]()
    assert result.to_html(tmp_path / "report.html") is None
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert html.startswith("<!DOCTYPE html>")
    assert result._repr_html_() in html


def test_copies_stand_out():
    page = page_of(RESULTS["copied table"]())
    assert page.verdict == "Stands out: too near, copies."
    assert page.bad
    assert "what this does not promise" in [card.title for card in page.cards]
    names = [row[0] for row in page.cards[-1].table]
    assert set(NAMES) < set(names)


def test_the_overfitted_one():
    page = page_of(RESULTS["overfit"]())
    assert page.verdict == "Likely: overfit."
    assert page.cards[0].picture is not None
    assert "bandwidth" in page.cards[0].to_do
