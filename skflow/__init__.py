"""Normalizing flows as scikit-learn density estimators."""

from skflow.diagnostics import compare_densities
from skflow.estimators import (
    ContinuousFlowDensity,
    FlowOutlierDetector,
    FlowPPDensity,
    GaussianizationFlowDensity,
    IAFDensity,
    KernelFlowDensity,
    LinearFlowDensity,
    MADEDensity,
    MAFDensity,
    MixtureFlowDensity,
    NAFDensity,
    NICEDensity,
    NSFDensity,
    PlanarFlowDensity,
    RadialFlowDensity,
    RealNVPDensity,
    ResidualFlowDensity,
    StackedDensity,
    SylvesterFlowDensity,
    UMNNDensity,
    distill,
)
from skflow.exceptions import (
    BrokenGuaranteeError,
    InverseNotConvergedError,
    NotInvertibleError,
    TrainingDivergedError,
)

__version__ = "0.1.0"

__all__ = [
    "BrokenGuaranteeError",
    "ContinuousFlowDensity",
    "FlowOutlierDetector",
    "FlowPPDensity",
    "GaussianizationFlowDensity",
    "IAFDensity",
    "InverseNotConvergedError",
    "KernelFlowDensity",
    "LinearFlowDensity",
    "MADEDensity",
    "MAFDensity",
    "MixtureFlowDensity",
    "NAFDensity",
    "NICEDensity",
    "NSFDensity",
    "NotInvertibleError",
    "PlanarFlowDensity",
    "RadialFlowDensity",
    "RealNVPDensity",
    "ResidualFlowDensity",
    "StackedDensity",
    "SylvesterFlowDensity",
    "TrainingDivergedError",
    "UMNNDensity",
    "compare_densities",
    "distill",
]
