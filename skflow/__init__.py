"""Normalizing flows as scikit-learn density estimators."""

from skflow.estimators import IAFDensity, MAFDensity, NICEDensity, NSFDensity, RealNVPDensity
from skflow.exceptions import NotInvertibleError, TrainingDivergedError

__version__ = "0.1.0"

__all__ = [
    "IAFDensity",
    "MAFDensity",
    "NICEDensity",
    "NSFDensity",
    "NotInvertibleError",
    "RealNVPDensity",
    "TrainingDivergedError",
]
