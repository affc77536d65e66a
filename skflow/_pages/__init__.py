"""Results as pages to look at: one file without a network, and what notebooks show of it.

A result says with :func:`page_of` what its page holds; this room knows nothing of what is on it.
"""

from skflow._pages._page import Card, Page, Picture, plain
from skflow._pages._shown import ShownMixin, page_of

__all__ = ["Card", "Page", "Picture", "ShownMixin", "page_of", "plain"]
