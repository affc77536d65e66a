"""One loop, several objectives; usable on any :class:`skflow.flow.Flow` without scikit-learn."""

from skflow.training._config import History, TrainingConfig
from skflow.training._data import (
    Batches,
    ContextBatches,
    SeedBatches,
    assign_folds,
    fold_rows,
)
from skflow.training._loop import train
from skflow.training._objectives import MaximumLikelihood, ReverseKL
from skflow.training._rows import Batch, Rows

__all__ = [
    "Batch",
    "Batches",
    "ContextBatches",
    "History",
    "MaximumLikelihood",
    "ReverseKL",
    "Rows",
    "SeedBatches",
    "TrainingConfig",
    "assign_folds",
    "fold_rows",
    "train",
]
