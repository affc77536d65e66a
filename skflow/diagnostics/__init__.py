"""How good a density is, in numbers, words and pictures."""

from skflow.diagnostics._compare import compare_densities
from skflow.diagnostics._coverage import hdr_coverage
from skflow.diagnostics._diagnose import diagnose
from skflow.diagnostics._displays import (
    CoverageDisplay,
    DensityComparisonDisplay,
    DensityDisplay,
    FlowGridDisplay,
    LatentDisplay,
    LatentQQDisplay,
    OutlierDisplay,
    TrainingCurveDisplay,
)
from skflow.diagnostics._latents import latent_normality, standard_latents
from skflow.diagnostics._marginals import marginal_pits
from skflow.diagnostics._modes import bridge
from skflow.diagnostics._normalization import normalization
from skflow.diagnostics._round_trip import round_trip_error
from skflow.diagnostics._sampler import sampler_agreement
from skflow.diagnostics._scores import bits_per_dim
from skflow.diagnostics._tails import tail_comparison
from skflow.diagnostics._training import training_curves
from skflow.diagnostics._two_sample import two_sample_test

__all__ = [
    "CoverageDisplay",
    "DensityComparisonDisplay",
    "DensityDisplay",
    "FlowGridDisplay",
    "LatentDisplay",
    "LatentQQDisplay",
    "OutlierDisplay",
    "TrainingCurveDisplay",
    "bits_per_dim",
    "bridge",
    "compare_densities",
    "diagnose",
    "hdr_coverage",
    "latent_normality",
    "marginal_pits",
    "normalization",
    "round_trip_error",
    "sampler_agreement",
    "standard_latents",
    "tail_comparison",
    "training_curves",
    "two_sample_test",
]
