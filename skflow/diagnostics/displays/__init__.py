"""Pictures of what the diagnostics measured; matplotlib is imported when one is drawn."""

from skflow.diagnostics.displays._comparison import DensityComparisonDisplay
from skflow.diagnostics.displays._coverage import CoverageDisplay
from skflow.diagnostics.displays._density import DensityDisplay
from skflow.diagnostics.displays._expected import ExpectedCoverageDisplay
from skflow.diagnostics.displays._explanation import ExplanationDisplay
from skflow.diagnostics.displays._flow_grid import FlowGridDisplay
from skflow.diagnostics.displays._latent import LatentDisplay, LatentQQDisplay
from skflow.diagnostics.displays._local import LocalTwoSampleDisplay
from skflow.diagnostics.displays._outlier import OutlierDisplay
from skflow.diagnostics.displays._pit import PITDisplay
from skflow.diagnostics.displays._predictive import PredictiveDisplay
from skflow.diagnostics.displays._rank import RankDisplay
from skflow.diagnostics.displays._reliability import ReliabilityDisplay
from skflow.diagnostics.displays._replicated import PosteriorPredictiveDisplay
from skflow.diagnostics.displays._training import TrainingCurveDisplay

__all__ = [
    "CoverageDisplay",
    "DensityComparisonDisplay",
    "DensityDisplay",
    "ExpectedCoverageDisplay",
    "ExplanationDisplay",
    "FlowGridDisplay",
    "LatentDisplay",
    "LatentQQDisplay",
    "LocalTwoSampleDisplay",
    "OutlierDisplay",
    "PITDisplay",
    "PosteriorPredictiveDisplay",
    "PredictiveDisplay",
    "RankDisplay",
    "ReliabilityDisplay",
    "TrainingCurveDisplay",
]
