"""How good a density is, in numbers, words and pictures."""

from skflow._model_card import ModelCard
from skflow.diagnostics import card, pages  # noqa: F401
from skflow.diagnostics.displays import (
    CoverageDisplay,
    DensityComparisonDisplay,
    DensityDisplay,
    ExpectedCoverageDisplay,
    ExplanationDisplay,
    FlowGridDisplay,
    LatentDisplay,
    LatentQQDisplay,
    LocalTwoSampleDisplay,
    OutlierDisplay,
    PITDisplay,
    PosteriorPredictiveDisplay,
    PredictiveDisplay,
    RankDisplay,
    ReliabilityDisplay,
    TrainingCurveDisplay,
)
from skflow.diagnostics.measures._calibration import simulation_calibration
from skflow.diagnostics.measures._coverage import hdr_coverage
from skflow.diagnostics.measures._expected import expected_coverage
from skflow.diagnostics.measures._far_draws import far_draws
from skflow.diagnostics.measures._latents import latent_normality, standard_latents
from skflow.diagnostics.measures._local import local_two_sample_test
from skflow.diagnostics.measures._marginals import marginal_pits
from skflow.diagnostics.measures._modes import bridge
from skflow.diagnostics.measures._normalization import normalization
from skflow.diagnostics.measures._orders import order_agreement
from skflow.diagnostics.measures._replicates import posterior_predictive
from skflow.diagnostics.measures._round_trip import round_trip_error
from skflow.diagnostics.measures._sampler import sampler_agreement
from skflow.diagnostics.measures._scores import bits_per_dim
from skflow.diagnostics.measures._tails import tail_comparison
from skflow.diagnostics.measures._training import training_curves
from skflow.diagnostics.measures._two_sample import two_sample_test
from skflow.diagnostics.report._compare import compare_densities
from skflow.diagnostics.report._diagnose import diagnose
from skflow.diagnostics.report._posterior import check_posterior
from skflow.diagnostics.report._regressors import compare_regressors
from skflow.diagnostics.synthetic._report import TableReport

__all__ = [
    "CoverageDisplay",
    "DensityComparisonDisplay",
    "DensityDisplay",
    "ExpectedCoverageDisplay",
    "ExplanationDisplay",
    "FlowGridDisplay",
    "LatentDisplay",
    "LatentQQDisplay",
    "LocalTwoSampleDisplay",
    "ModelCard",
    "OutlierDisplay",
    "PITDisplay",
    "PosteriorPredictiveDisplay",
    "PredictiveDisplay",
    "RankDisplay",
    "ReliabilityDisplay",
    "TableReport",
    "TrainingCurveDisplay",
    "bits_per_dim",
    "bridge",
    "check_posterior",
    "compare_densities",
    "compare_regressors",
    "diagnose",
    "expected_coverage",
    "far_draws",
    "hdr_coverage",
    "latent_normality",
    "local_two_sample_test",
    "marginal_pits",
    "normalization",
    "order_agreement",
    "posterior_predictive",
    "round_trip_error",
    "sampler_agreement",
    "simulation_calibration",
    "standard_latents",
    "tail_comparison",
    "training_curves",
    "two_sample_test",
]
