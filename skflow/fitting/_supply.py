"""Where the batches of a fit come from: rows in memory."""

from contextlib import nullcontext

from skflow.training import Batches

__all__ = ["Supply"]


class Supply:
    """The rows that each member trains on, held in memory.

    Parameters
    ----------
    rows : Rows
    """

    def __init__(self, rows):
        self.rows = rows

    def ready(self, preprocessing, plan, device, dtype):
        """Have in a block what batches are taken from."""
        return nullcontext()

    def batches(self, plan, noise, member=None):
        """Return the batches of one member, or of all together.

        Parameters
        ----------
        plan : Plan
        noise : float or tensor of shape (*members, 1, d)
        member : int, optional
        """
        rows = self.rows if member is None else self.rows.of_member(member)
        return Batches(rows, plan.batch_size, noise)

    def schedule(self, config):
        """Return how to train on them, of a TrainingConfig in passes over the table."""
        return config
