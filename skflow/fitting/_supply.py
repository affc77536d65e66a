"""Where the batches of a fit come from, and the training on them: rows in memory."""

from contextlib import nullcontext
from dataclasses import replace

from skflow.fitting._given import noise_of
from skflow.fitting._members import train_members
from skflow.training import Batches, MaximumLikelihood, train

__all__ = ["Supply", "objective_of"]

# rows of a batch from which on members gain nothing from sharing the kernels of a CPU
APART = 512


def objective_of(plan):
    """Return what the flow of a Plan learns from rows by."""
    return MaximumLikelihood() if plan.symmetry is None else plan.symmetry.objective()


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

    @property
    def epochs_of_pass(self):
        """Epochs of the training loop in which all rows are seen."""
        return 1

    def schedule(self, config):
        """Return how to train on them, of a TrainingConfig in passes over the table."""
        n, waits = self.epochs_of_pass, config.n_iter_no_change
        waits = None if waits is None else waits * n
        return replace(config, max_epochs=config.max_epochs * n, n_iter_no_change=waits)

    def train(
        self, flow, held, config, plan, *, seed, n_jobs=None, resumable=None, objective=None
    ):
        """Train a flow, or all members of a stacked one.

        Parameters
        ----------
        flow : Flow
            On its device.
        held : Rows or None
            Held out by each member.
        config : TrainingConfig
            In passes over the table.
        plan : Plan
        seed : int
        n_jobs : int or None
            Members side by side in threads.
        resumable : Resumable, optional
            Keeps states of the training, and has the ones to go on from.
        objective : callable, optional
            What to learn by, in place of what the plan says.

        Returns
        -------
        flow : Flow
        history : History
        """
        config, several = self.schedule(config), plan.n_members > 1
        objective = objective_of(plan) if objective is None else objective
        on_cpu = next(flow.parameters()).device.type == "cpu"
        if several and plan.batch_size >= APART and on_cpu:
            settings = {"seed": seed, "n_jobs": n_jobs, "resumable": resumable}
            return train_members(flow, objective, self, held, config, plan, **settings)
        history = train(
            flow,
            objective,
            self.batches(plan, noise_of(flow, plan)),
            config,
            validation=held,
            n_members=plan.n_members if several else None,
            keeper=None if resumable is None else resumable.keeper(),
        )
        return flow, history
