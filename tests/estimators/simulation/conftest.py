"""Fits that look at fewer simulations to tell what is unlike them."""

import pytest

from skflow.estimators.simulation import _agreement


@pytest.fixture(scope="module", autouse=True)
def few_known():
    """Of 600 simulations what is familiar took six times as long as both views together."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_agreement, "MOST_KNOWN", 120)
        yield
