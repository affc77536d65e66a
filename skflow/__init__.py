"""Normalizing flows as scikit-learn density estimators."""

from skflow._persistence import load
from skflow._persistence._moved import explain_old_pickles
from skflow.diagnostics import compare_densities, compare_regressors, diagnose
from skflow.estimators import (
    ContinuousFlowDensity,
    FlowOutlierDetector,
    FlowPPDensity,
    FlowRegressor,
    FlowVariationalApproximator,
    GaussianizationFlowDensity,
    GlowDensity,
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
    TableDensity,
    UMNNDensity,
    distill,
)
from skflow.exceptions import (
    BrokenGuaranteeError,
    InverseNotConvergedError,
    ModelFileError,
    NotExportableError,
    NotInvertibleError,
    StepLimitError,
    TrainingDivergedError,
)

__version__ = "0.1.0"

explain_old_pickles()

__all__ = [
    "BrokenGuaranteeError",
    "ContinuousFlowDensity",
    "FlowOutlierDetector",
    "FlowPPDensity",
    "FlowRegressor",
    "FlowVariationalApproximator",
    "GaussianizationFlowDensity",
    "GlowDensity",
    "IAFDensity",
    "InverseNotConvergedError",
    "KernelFlowDensity",
    "LinearFlowDensity",
    "MADEDensity",
    "MAFDensity",
    "MixtureFlowDensity",
    "ModelFileError",
    "NAFDensity",
    "NICEDensity",
    "NSFDensity",
    "NotExportableError",
    "NotInvertibleError",
    "PlanarFlowDensity",
    "RadialFlowDensity",
    "RealNVPDensity",
    "ResidualFlowDensity",
    "StackedDensity",
    "StepLimitError",
    "SylvesterFlowDensity",
    "TableDensity",
    "TrainingDivergedError",
    "UMNNDensity",
    "compare_densities",
    "compare_regressors",
    "diagnose",
    "distill",
    "load",
]
