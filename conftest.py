"""What holds for tests and for the examples in docstrings."""

import os
import sys
from importlib.util import find_spec

import pytest

# Tests run side by side: the threads of BLAS and OpenMP would only wait for each other's cores.
# To be set before numpy is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# skpro wants an older pandas than constraints.txt has: its adapter is tested where it is installed
ADAPTERS = ["skflow/adapters/_distribution.py", "skflow/adapters/_regressor.py"]
collect_ignore = [] if find_spec("skpro") else ADAPTERS


@pytest.fixture(autouse=True)
def _close_figures():
    """Close what was drawn: matplotlib warns when many figures are open."""
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")
