"""Pictures of densities, in the manner of scikit-learn's Display classes; need matplotlib."""

from skflow.diagnostics import (
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
    "OutlierDisplay",
    "PITDisplay",
    "PosteriorPredictiveDisplay",
    "PredictiveDisplay",
    "RankDisplay",
    "ReliabilityDisplay",
    "TrainingCurveDisplay",
]
