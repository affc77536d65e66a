"""From a page to HTML: everything that comes from users is escaped, nothing is fetched."""

import base64
import io
from html import escape

__all__ = ["document", "fragment"]

DPI = 110
# Colours come from whatever surrounds it, light or dark; rules reach nothing outside the class.
STYLE = """
.skflow-page{font-family:system-ui,sans-serif;line-height:1.45;max-width:78rem;
 overflow-wrap:anywhere}
.skflow-page h2{font-size:1.4em;margin:0 0 .4em}
.skflow-page h3{font-size:1.05em;margin:0 0 .3em}
.skflow-page p{margin:.3em 0}
.skflow-page .verdict{font-size:1.1em;font-weight:600;padding:.5em .8em;margin:.4em 0;
 border-left:.4em solid #808080;background:rgba(128,128,128,.12)}
.skflow-page .verdict.good{border-color:#009e73;background:rgba(0,158,115,.12)}
.skflow-page .verdict.bad{border-color:#d55e00;background:rgba(213,94,0,.14)}
.skflow-page .note{font-size:.85em;opacity:.75}
.skflow-page .cards{display:grid;gap:.8em;margin-top:.8em;
 grid-template-columns:repeat(auto-fill,minmax(min(100%,22rem),1fr))}
.skflow-page .card{border:1px solid rgba(128,128,128,.4);border-radius:.4em;padding:.7em .9em;
 min-width:0}
.skflow-page .card.bad{border-left:.4em solid #d55e00}
.skflow-page .card.wide{grid-column:1/-1}
.skflow-page img{display:block;max-width:100%;height:auto;margin:.5em 0;border-radius:.3em;
 background:#fff}
.skflow-page .scroll{overflow-x:auto}
.skflow-page table{border-collapse:collapse;font-size:.9em;margin:.4em 0}
.skflow-page th,.skflow-page td{padding:.2em .7em;text-align:right;white-space:nowrap;
 border-bottom:1px solid rgba(128,128,128,.3)}
.skflow-page th:first-child,.skflow-page td:first-child{text-align:left}
"""
# whatever was smuggled in could not call home
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
NO_PICTURES = "Pictures need matplotlib: pip install skflow[plots]"


def document(page):
    """Return a whole HTML document; an ImportError says what pictures need."""
    try:
        body = _body(page, pictures=True)
    except ImportError as error:
        raise ImportError(f"{NO_PICTURES}. print shows the same without them.") from error
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        f'<link rel="icon" href="data:,"><title>{escape(page.title)}</title>'
        "<style>:root{color-scheme:light dark}"
        "body{background:Canvas;color:CanvasText;margin:0;padding:1rem}"
        ".skflow-page{margin:0 auto}</style></head>"
        f"<body>{body}</body></html>\n"
    )


def fragment(page):
    """Return what a notebook shows; where no picture can be drawn, it says so."""
    try:
        return _body(page, pictures=True)
    except ImportError:
        return _body(page, pictures=False, note=NO_PICTURES)
    except Exception as error:  # noqa: BLE001, a notebook would show nothing at all
        note = f"Pictures could not be drawn: {type(error).__name__}: {error}"
        return _body(page, pictures=False, note=note)


def _body(page, *, pictures, note=""):
    verdict = {True: "verdict bad", False: "verdict good", None: "verdict"}[page.bad]
    cards = "".join(_card(card, pictures) for card in page.cards)
    return (
        f'<div class="skflow-page"><style>{STYLE}</style><h2>{escape(page.title)}</h2>'
        f'<p class="{verdict}">{escape(page.verdict)}</p>{_line(page.summary)}'
        f'{_line(note, "note")}<div class="cards">{cards}</div></div>'
    )


def _card(card, pictures):
    parts = [f"<h3>{escape(card.title)}</h3>", _line(card.text)]
    if card.to_do:
        parts.append(f"<p><b>What to do:</b> {escape(card.to_do)}</p>")
    if card.picture is not None and pictures:
        parts.append(_image(card.picture, card.text or card.title))
    parts += [_named(name, said) for name, said in card.lines]
    if card.table:
        parts.append(_table(card.table))
    parts.append(_line(card.note, "note"))
    kinds = ["card", *(["bad"] if card.bad else []), *(["wide"] if card.table else [])]
    return f'<section class="{" ".join(kinds)}">{"".join(parts)}</section>'


def _line(text, kind=None):
    mark = f' class="{kind}"' if kind else ""
    return f"<p{mark}>{escape(text)}</p>" if text else ""


def _named(name, said):
    return f"<p><b>{escape(name)}:</b> {escape(said)}</p>" if name else _line(said)


def _table(rows):
    head, *body = ([escape(str(cell)) for cell in row] for row in rows)
    lines = ["".join(f"<th>{cell}</th>" for cell in head)]
    lines += ["".join(f"<td>{cell}</td>" for cell in row) for row in body]
    return f'<div class="scroll"><table><tr>{"</tr><tr>".join(lines)}</tr></table></div>'


def _image(picture, alt):
    from matplotlib.figure import Figure  # not pyplot's: no window, nothing to close

    figure = Figure(figsize=picture.size, layout="constrained")
    picture.draw(figure)
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=DPI)
    data = base64.b64encode(file.getvalue()).decode("ascii")
    return f'<img alt="{escape(alt)}" src="data:image/png;base64,{data}">'
