"""Errors and warnings with names that a caller can catch."""

from sklearn.exceptions import ConvergenceWarning

__all__ = [
    "BrokenGuaranteeError",
    "CheckpointWarning",
    "CompressedDataError",
    "ConvergenceWarning",
    "DriftWarning",
    "InverseNotConvergedError",
    "ModelFileError",
    "NotExportableError",
    "NotInvertibleError",
    "StepLimitError",
    "TrainingDivergedError",
]


class NotInvertibleError(NotImplementedError):
    """The bijection declares no inverse, so that it can score but not sample."""


class NotExportableError(NotImplementedError):
    """A flow takes as many steps as a row needs, so that it is no program of fixed steps."""


class StepLimitError(RuntimeError):
    """The integration of a differential equation needs more steps than it was allowed."""


class TrainingDivergedError(RuntimeError):
    """Training met non-finite losses from its first steps on, and not even the start has one."""


class InverseNotConvergedError(RuntimeError):
    """An iterative inverse did not reach its stated tolerance."""


class BrokenGuaranteeError(RuntimeError):
    """A map was found, after training, not to keep what it guarantees by its construction."""


class ModelFileError(ValueError):
    """A file does not hold an estimator that this version of skflow can load."""


class CompressedDataError(ValueError):
    """Bytes are not those of a compressed table, or this model or machine cannot read them."""


class CheckpointWarning(UserWarning):
    """A checkpoint could not be read or written, so that work is done again, or may have to be."""


class DriftWarning(UserWarning):
    """Rows of a stream are not like those that came before them."""
