"""Mathematics as MathML, written at build time: no script, no network, no LaTeX.

docutils has the converter and raises an error on a command that it does not know; the error
becomes a warning of the build, and so ends it.
"""

import re

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.util import logging

logger = logging.getLogger(__name__)
# what TeX understands and the converter does not
REWRITTEN = [
    (re.compile(r"(\\[td]?frac)\s*(\d)\s*(\d)"), r"\1{\2}{\3}"),
    (re.compile(r"\\dots\b"), r"\\ldots"),
    (re.compile(r"\\textstyle\b"), ""),
]
# what browsers leave out: the space after a name such as log, unless a bracket follows; and what
# they add: space around bars, which they take for relations
ADDED = [
    (re.compile(r'class="ams-align"'), 'class="ams-align" displaystyle="true"'),
    (
        re.compile(r"<mo>&ApplyFunction;</mo>(?!\s*(?:<mrow>\s*)?<mo[^>]*>[(\[{|‖])"),
        '<mspace width="0.1667em"></mspace>',
    ),
    (re.compile(r"<mo( [^>]*)?>\|</mo>"), r'<mo\1 lspace="0" rspace="0">|</mo>'),
    (re.compile(r"<mo>‖</mo>"), '<mo stretchy="false" lspace="0" rspace="0">‖</mo>'),
]


def _convert(node, as_block):
    tex = node.astext().strip()
    for pattern, replacement in REWRITTEN:
        tex = pattern.sub(replacement, tex)
    tex = re.sub(r"\n\s*\n", r" \\\\ ", tex)
    if r"\\" in tex and r"\begin" not in tex:
        tex = rf"\begin{{aligned}}{tex}\end{{aligned}}"
    try:
        if tex.count("{") - tex.count(r"\{") != tex.count("}") - tex.count(r"\}"):
            raise MathError("braces do not match")
        mathml = tex2mathml(tex, as_block=as_block)
    except MathError as error:
        logger.warning("mathematics: %s in %r", error, tex, location=node)
        return f"<code>{tex}</code>"
    for pattern, replacement in ADDED:
        mathml = pattern.sub(replacement, mathml)
    return mathml


def _visit_inline(translator, node):
    translator.body.append(f'<span class="math">{_convert(node, False)}</span>')
    raise nodes.SkipNode


def _visit_block(translator, node):
    translator.body.append(translator.starttag(node, "div", CLASS="math"))
    if node["number"]:
        translator.body.append(f'<span class="eqno">({node["number"]})')
        translator.add_permalink_ref(node, "Link to this equation")
        translator.body.append("</span>")
    # the number stays in sight while a wide equation scrolls
    translator.body.append(f'<div class="equation">{_convert(node, True)}</div>')
    translator.body.append("</div>\n")
    raise nodes.SkipNode


def setup(app):
    """Register the renderer under the name "mathml"."""
    app.add_html_math_renderer("mathml", (_visit_inline, None), (_visit_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
