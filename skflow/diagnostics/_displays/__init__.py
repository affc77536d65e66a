"""Pictures of what the diagnostics measured; matplotlib is imported when one is drawn."""

from skflow.diagnostics._displays._comparison import DensityComparisonDisplay
from skflow.diagnostics._displays._density import DensityDisplay

__all__ = ["DensityComparisonDisplay", "DensityDisplay"]
