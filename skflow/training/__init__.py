"""One loop, several objectives; usable on any :class:`skflow.flow.Flow` without scikit-learn."""

from skflow.training._config import History, TrainingConfig
from skflow.training._data import (
    Batches,
    ContextBatches,
    SeedBatches,
    assign_holders,
    fold_rows,
)
from skflow.training._flow_matching import (
    MATCHING_RATE,
    FlowMatching,
    matching_batch,
    matching_epochs,
)
from skflow.training._loop import train
from skflow.training._objectives import MaximumLikelihood, ReverseKL, SolvedLikelihood
from skflow.training._rounds import Round, make_round, mean_of_rounds, round_of, take_round
from skflow.training._rows import Batch, Numbers, Rows
from skflow.training._stretches import StretchBatches, batch_of, n_stretches
from skflow.training._symmetry import Symmetry

__all__ = [
    "MATCHING_RATE",
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
    "SolvedLikelihood",
    "SeedBatches",
    "StretchBatches",
    "Symmetry",
    "TrainingConfig",
    "assign_holders",
    "batch_of",
    "fold_rows",
    "make_round",
    "matching_batch",
    "matching_epochs",
    "mean_of_rounds",
    "n_stretches",
    "round_of",
    "take_round",
    "train",
]
