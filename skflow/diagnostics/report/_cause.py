"""What a diagnosis names."""

from dataclasses import dataclass

__all__ = ["BEYOND_CHANCE", "Cause"]

# p-value, of the tests of a family together, below which a finding may become a cause
BEYOND_CHANCE = 1e-3


@dataclass(frozen=True)
class Cause:
    """A likely cause.

    Attributes
    ----------
    name : str
        "ties", "unconverged", "sampler", "overfit", "tails", "far modes", "underfit", "support" or
        "integral".
    evidence : str
        What was measured.
    remedy : str
    """

    name: str
    evidence: str
    remedy: str
