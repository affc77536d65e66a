"""What holds for tests and for the examples in docstrings."""

import sys

import pytest


@pytest.fixture(autouse=True)
def _close_figures():
    """Close what was drawn: matplotlib warns when many figures are open."""
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")
