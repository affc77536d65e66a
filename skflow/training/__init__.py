"""One loop, several objectives; usable on any :class:`skflow.flow.Flow` without scikit-learn."""

from skflow.training._config import History, TrainingConfig
from skflow.training._data import (
    Batches,
    ContextBatches,
    SeedBatches,
    assign_holders,
    fold_rows,
)
from skflow.training._flow_matching import FlowMatching
from skflow.training._loop import train
from skflow.training._objectives import MaximumLikelihood, ReverseKL
from skflow.training._rounds import Round, make_round, mean_of_rounds, round_of, take_round
from skflow.training._rows import Batch, Numbers, Rows
from skflow.training._stretches import StretchBatches, batch_of, n_stretches

__all__ = [
    "Batch",
    "Batches",
    "ContextBatches",
    "FlowMatching",
    "History",
    "MaximumLikelihood",
    "Numbers",
    "ReverseKL",
    "Round",
    "Rows",
    "SeedBatches",
    "StretchBatches",
    "TrainingConfig",
    "assign_holders",
    "batch_of",
    "fold_rows",
    "make_round",
    "mean_of_rounds",
    "n_stretches",
    "round_of",
    "take_round",
    "train",
]
