"""What the tests of estimators share."""

import pytest

from tests.breaks import cutting


@pytest.fixture
def cut(monkeypatch):
    """Return what fits until the power goes after so many epochs of all training runs."""
    return cutting(monkeypatch)
