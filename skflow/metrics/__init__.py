"""Scores of predicted distributions: functions of arrays, and scorers for searches."""

from skflow.metrics._losses import (
    crps_of_draws,
    interval_coverage,
    interval_score,
    pinball_loss,
)
from skflow.metrics._scorers import get_scorer, get_scorer_names

__all__ = [
    "crps_of_draws",
    "get_scorer",
    "get_scorer_names",
    "interval_coverage",
    "interval_score",
    "pinball_loss",
]
