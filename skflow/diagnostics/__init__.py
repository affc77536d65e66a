"""How good a density is, in numbers, words and pictures."""

from skflow.diagnostics._compare import compare_densities
from skflow.diagnostics._coverage import hdr_coverage
from skflow.diagnostics._displays import DensityComparisonDisplay
from skflow.diagnostics._latents import latent_normality, standard_latents
from skflow.diagnostics._training import training_curves

__all__ = [
    "DensityComparisonDisplay",
    "compare_densities",
    "hdr_coverage",
    "latent_normality",
    "standard_latents",
    "training_curves",
]
