"""What the pages of results hold; importing this room tells them."""

from skflow.diagnostics.pages import _diagnosis, _model_card, _posterior, _scores, _synthetic

__all__ = ["_diagnosis", "_model_card", "_posterior", "_scores", "_synthetic"]
