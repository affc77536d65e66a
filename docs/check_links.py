"""Dead links within a built site: files that are not there, anchors that no page has."""

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LINKS = {"a": "href", "link": "href", "img": "src", "script": "src", "source": "src"}


class Page(HTMLParser):
    """The anchors of a page and what it links to."""

    def __init__(self, path):
        super().__init__()
        self.anchors, self.links = set(), set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        """Collect what one tag brings."""
        attrs = dict(attrs)
        self.anchors.update(attrs[key] for key in ("id", "name") if attrs.get(key))
        if attrs.get(LINKS.get(tag)):
            self.links.add(attrs[LINKS[tag]])


def dead_links(site):
    """Lines "page: link" for each internal link of a site that leads nowhere."""
    site = Path(site).resolve()
    files = sorted(site.rglob("*.html"))
    pages = {path: Page(path) for path in files if "_static" not in path.parts}
    if not pages:
        yield f"{site}: no pages"
    for path, page in pages.items():
        for link in sorted(page.links):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if target.is_dir():
                target /= "index.html"
            anchor = unquote(parts.fragment) if target in pages else ""
            if not target.exists() or (anchor and anchor not in pages[target].anchors):
                yield f"{path.relative_to(site)}: {link}"


def main(site):
    """Print what is dead; the exit code."""
    dead = list(dead_links(site))
    print("\n".join(dead) or "no dead internal link")
    return int(bool(dead))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
