"""How likely a model is: the normalising constant of a density that there are draws of."""

from skflow.evidence._estimate import log_evidence
from skflow.evidence._result import LogEvidence

__all__ = ["LogEvidence", "log_evidence"]
