"""Estimators with scikit-learn's manners; torch is imported only when one is fitted."""

from skflow.estimators._autoregressive import IAFDensity, MAFDensity, NSFDensity
from skflow.estimators._coupling import NICEDensity, RealNVPDensity

__all__ = ["IAFDensity", "MAFDensity", "NICEDensity", "NSFDensity", "RealNVPDensity"]
