"""Pictures of densities, in the manner of scikit-learn's Display classes; need matplotlib."""

from skflow.diagnostics import DensityComparisonDisplay

__all__ = ["DensityComparisonDisplay"]
