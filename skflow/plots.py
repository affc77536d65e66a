"""Pictures of densities, in the manner of scikit-learn's Display classes; need matplotlib."""

from skflow.diagnostics import (
    CoverageDisplay,
    DensityComparisonDisplay,
    DensityDisplay,
    ExplanationDisplay,
    FlowGridDisplay,
    LatentDisplay,
    LatentQQDisplay,
    OutlierDisplay,
    PITDisplay,
    PredictiveDisplay,
    ReliabilityDisplay,
    TrainingCurveDisplay,
)

__all__ = [
    "CoverageDisplay",
    "DensityComparisonDisplay",
    "DensityDisplay",
    "ExplanationDisplay",
    "FlowGridDisplay",
    "LatentDisplay",
    "LatentQQDisplay",
    "OutlierDisplay",
    "PITDisplay",
    "PredictiveDisplay",
    "ReliabilityDisplay",
    "TrainingCurveDisplay",
]
