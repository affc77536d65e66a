"""What model cards say of fitted estimators; importing this room tells them."""

from skflow.diagnostics.card import _making

__all__ = ["_making"]
