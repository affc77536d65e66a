"""Normalizing flows as scikit-learn density estimators."""

from skflow.diagnostics import compare_densities
from skflow.estimators import (
    FlowOutlierDetector,
    GaussianizationFlowDensity,
    IAFDensity,
    KernelFlowDensity,
    LinearFlowDensity,
    MAFDensity,
    MixtureFlowDensity,
    NICEDensity,
    NSFDensity,
    PlanarFlowDensity,
    RadialFlowDensity,
    RealNVPDensity,
    StackedDensity,
    SylvesterFlowDensity,
    distill,
)
from skflow.exceptions import NotInvertibleError, TrainingDivergedError

__version__ = "0.1.0"

__all__ = [
    "FlowOutlierDetector",
    "GaussianizationFlowDensity",
    "IAFDensity",
    "KernelFlowDensity",
    "LinearFlowDensity",
    "MAFDensity",
    "MixtureFlowDensity",
    "NICEDensity",
    "NSFDensity",
    "NotInvertibleError",
    "PlanarFlowDensity",
    "RadialFlowDensity",
    "RealNVPDensity",
    "StackedDensity",
    "SylvesterFlowDensity",
    "TrainingDivergedError",
    "compare_densities",
    "distill",
]
