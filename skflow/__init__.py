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
    ResidualFlowDensity,
    StackedDensity,
    SylvesterFlowDensity,
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
    "FlowOutlierDetector",
    "GaussianizationFlowDensity",
    "IAFDensity",
    "InverseNotConvergedError",
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
    "ResidualFlowDensity",
    "StackedDensity",
    "SylvesterFlowDensity",
    "TrainingDivergedError",
    "compare_densities",
]
