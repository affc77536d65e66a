"""Estimators with scikit-learn's manners; torch is imported only when one is fitted."""

from skflow.estimators._autoregressive import IAFDensity, MAFDensity, NSFDensity
from skflow.estimators._classical import KernelFlowDensity, MixtureFlowDensity
from skflow.estimators._continuous import ContinuousFlowDensity
from skflow.estimators._coupling import NICEDensity, RealNVPDensity
from skflow.estimators._gaussianization import GaussianizationFlowDensity
from skflow.estimators._outlier import FlowOutlierDetector
from skflow.estimators._stacked import StackedDensity

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
    "RealNVPDensity",
    "StackedDensity",
]
