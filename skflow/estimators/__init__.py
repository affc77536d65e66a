"""Estimators with scikit-learn's manners; torch is imported only when one is fitted."""

from skflow.estimators.classifier._classifier import FlowClassifier
from skflow.estimators.distillation._distill import distill
from skflow.estimators.flows._autoregressive import IAFDensity, MAFDensity, NSFDensity
from skflow.estimators.flows._continuous import ContinuousFlowDensity
from skflow.estimators.flows._coupling import NICEDensity, RealNVPDensity
from skflow.estimators.flows._gaussianization import GaussianizationFlowDensity
from skflow.estimators.flows._glow import GlowDensity
from skflow.estimators.flows._kernel import KernelFlowDensity
from skflow.estimators.flows._linear import LinearFlowDensity
from skflow.estimators.flows._low_rank import (
    PlanarFlowDensity,
    RadialFlowDensity,
    SylvesterFlowDensity,
)
from skflow.estimators.flows._made import MADEDensity
from skflow.estimators.flows._mixture import MixtureFlowDensity
from skflow.estimators.flows._monotone import FlowPPDensity, NAFDensity, UMNNDensity
from skflow.estimators.flows._residual import ResidualFlowDensity
from skflow.estimators.frames._density import TableDensity
from skflow.estimators.frames._imputer import FlowImputer
from skflow.estimators.information._mutual import mutual_information
from skflow.estimators.outlier._detector import FlowOutlierDetector
from skflow.estimators.posterior._approximator import FlowVariationalApproximator
from skflow.estimators.ratio._ratio import DensityRatio
from skflow.estimators.regressor._regressor import FlowRegressor
from skflow.estimators.sampler._sampler import FlowSampler
from skflow.estimators.simulation._posterior import SimulationPosterior
from skflow.estimators.stack._stack import StackedDensity

__all__ = [
    "ContinuousFlowDensity",
    "DensityRatio",
    "FlowClassifier",
    "FlowImputer",
    "FlowOutlierDetector",
    "FlowPPDensity",
    "FlowRegressor",
    "FlowSampler",
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
    "SimulationPosterior",
    "StackedDensity",
    "SylvesterFlowDensity",
    "TableDensity",
    "UMNNDensity",
    "distill",
    "mutual_information",
]
