"""Normalizing flows as scikit-learn density estimators."""

from skflow.diagnostics import compare_densities
from skflow.estimators import (
    ContinuousFlowDensity,
    FlowOutlierDetector,
    GaussianizationFlowDensity,
    IAFDensity,
    KernelFlowDensity,
    MAFDensity,
    MixtureFlowDensity,
    NICEDensity,
    NSFDensity,
    RealNVPDensity,
    StackedDensity,
)
from skflow.exceptions import NotInvertibleError, TrainingDivergedError

__version__ = "0.1.0"

__all__ = [
    "ContinuousFlowDensity",
    "FlowOutlierDetector",
    "GaussianizationFlowDensity",
    "IAFDensity",
    "KernelFlowDensity",
    "MAFDensity",
    "MixtureFlowDensity",
    "NICEDensity",
    "NSFDensity",
    "NotInvertibleError",
    "RealNVPDensity",
    "StackedDensity",
    "TrainingDivergedError",
    "compare_densities",
]
