"""Draws of a density that is known up to a constant, and that constant; flows are not needed."""

from skflow.sampling._bridge import Bridged, bridge_evidence
from skflow.sampling._slices import slice_moves
from skflow.sampling._tempering import Ends, Reached, tempered

__all__ = ["Bridged", "Ends", "Reached", "bridge_evidence", "slice_moves", "tempered"]
