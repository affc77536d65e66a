"""Estimators with scikit-learn's manners; torch is imported only when one is fitted."""

from skflow.estimators._autoregressive import IAFDensity, MAFDensity, NSFDensity
from skflow.estimators._classical import KernelFlowDensity, MixtureFlowDensity
from skflow.estimators._continuous import ContinuousFlowDensity
from skflow.estimators._coupling import NICEDensity, RealNVPDensity
from skflow.estimators._distill import distill
from skflow.estimators._gaussianization import GaussianizationFlowDensity
from skflow.estimators._glow import GlowDensity
from skflow.estimators._linear import LinearFlowDensity
from skflow.estimators._low_rank import (
    PlanarFlowDensity,
    RadialFlowDensity,
    SylvesterFlowDensity,
)
from skflow.estimators._made import MADEDensity
from skflow.estimators._monotone import FlowPPDensity, NAFDensity, UMNNDensity
from skflow.estimators._outlier import FlowOutlierDetector
from skflow.estimators._residual import ResidualFlowDensity
from skflow.estimators._stacked import StackedDensity
from skflow.estimators._variational import FlowVariationalApproximator

__all__ = [
    "ContinuousFlowDensity",
    "FlowOutlierDetector",
    "FlowPPDensity",
    "FlowVariationalApproximator",
    "GaussianizationFlowDensity",
    "GlowDensity",
    "IAFDensity",
    "KernelFlowDensity",
    "LinearFlowDensity",
    "MADEDensity",
    "MAFDensity",
    "MixtureFlowDensity",
    "NAFDensity",
    "NICEDensity",
    "NSFDensity",
    "PlanarFlowDensity",
    "RadialFlowDensity",
    "RealNVPDensity",
    "ResidualFlowDensity",
    "StackedDensity",
    "SylvesterFlowDensity",
    "UMNNDensity",
    "distill",
]
