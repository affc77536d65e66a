"""Refuse code blocks that nothing runs: Python belongs in ``testcode`` or ``plot`` directives."""

from docutils import nodes
from sphinx.util import logging

logger = logging.getLogger(__name__)
NOT_OURS = ("api/generated/", "auto_examples/")  # docstrings and scripts, which run elsewhere


def check(app, doctree):
    """Warn of Python that is shown but not run."""
    if app.env.docname.startswith(NOT_OURS):
        return
    for block in doctree.findall(nodes.literal_block):
        python = block.get("language", "default") in ("python", "default")
        if python and "testnodetype" not in block:
            logger.warning("a code block that is not run", location=block)


def setup(app):
    """Connect the check."""
    app.connect("doctree-read", check)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
