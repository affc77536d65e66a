"""Pages in a browser: nothing runs over the edge, nothing is fetched, pictures are there."""

import pytest

from tests.diagnostics.pages.browser import COMMAND, Browser
from tests.diagnostics.pages.results import RESULTS

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(COMMAND is None, reason="no Chromium is installed"),
]
PICTURES = "[...document.images].map(i => i.complete && i.naturalWidth > 0)"
EDGES = "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    browser = Browser(tmp_path_factory.mktemp("profile"))
    yield browser
    browser.close()


@pytest.fixture(scope="module", params=RESULTS)
def page(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("pages") / "report.html"
    RESULTS[request.param]().to_html(path)
    return path


@pytest.mark.parametrize("width", [400, 1280])
def test_page(browser, page, width):
    browser.open(page, width)
    content, window = browser.value(EDGES)
    assert width - 20 < window <= width  # beside a bar to scroll with
    assert content <= window
    assert all(browser.value(PICTURES))
    assert {url for url in browser.requests if not url.startswith("data:")} == {page.as_uri()}


@pytest.mark.parametrize(("scheme", "dark"), [("light", False), ("dark", True)])
def test_colours(browser, page, scheme, dark):
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.ask("Emulation.setEmulatedMedia", features=features)
    browser.open(page, 400)
    colour = "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)"
    assert (sum(browser.value(colour)[:3]) < 300) == dark


def test_what_runs_over_the_edge_or_is_fetched_is_seen(browser, tmp_path):
    page = tmp_path / "wide.html"
    other = (tmp_path / "other.png").as_uri()
    page.write_text(f'<div style="width:900px">wide</div><img src="{other}">')
    browser.open(page, 400)
    content, window = browser.value(EDGES)
    assert content > window
    assert other in browser.requests
    assert not all(browser.value(PICTURES))
