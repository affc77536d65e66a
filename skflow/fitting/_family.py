"""What a family of flows settles for itself."""

from dataclasses import dataclass, field
from typing import Any

__all__ = ["Family"]


@dataclass(frozen=True)
class Family:
    """Facts and defaults of one family, where no rule for all says them.

    Attributes
    ----------
    auto : dict
        What "auto" means, by parameter: a value, or a function of the number of rows.
    spreads_ties : bool
        Whether a likelihood of repeated values has no bound, so that they are to be spread.
    takes_context : bool
        Whether the flow can be one of many, each given a row of a context.
    learns_from_all : bool
        Whether all rows shape the flow, and not only those that stand for a long table.
    bends_tails : bool
        Whether tails are bent in as the rows ask for it. If not, the bend lies beyond 1e100,
        to catch what overflowed on its way.
    n_threads : int or None
        Of torch, in a fit and in scoring; None leaves it as it is. Kernels as small as those of
        flows of rows gain nothing from a second thread.
    symmetry : Symmetry or None
        Of rows of particles, which the flow keeps and learns by matching velocities.
    likelihood_epochs : int
        Passes over the rows by likelihood, after those that match velocities.
    """

    auto: dict = field(default_factory=dict)
    spreads_ties: bool = True
    takes_context: bool = False
    learns_from_all: bool = True
    bends_tails: bool = True
    n_threads: int | None = 1
    symmetry: Any = None
    likelihood_epochs: int = 0
