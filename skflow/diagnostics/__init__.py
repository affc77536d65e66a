"""How good a density is, in numbers, words and pictures."""

from skflow.diagnostics._compare import compare_densities
from skflow.diagnostics._displays import DensityComparisonDisplay

__all__ = ["DensityComparisonDisplay", "compare_densities"]
