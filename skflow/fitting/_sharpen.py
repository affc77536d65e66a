"""After velocities are matched: steps by likelihood, for what matching leaves undone."""

from dataclasses import replace

from skflow._watch import tell
from skflow.fitting._given import noise_of
from skflow.training import SolvedLikelihood, train

__all__ = ["sharpened"]

# Of the rate of matching, which came near: larger steps would lead away again.
SHARE_OF_RATE = 0.1


def sharpened(flow, matched, epochs, supply, held, config, plan):
    """Train a flow that was matched on its log density, from where it is.

    Parameters
    ----------
    flow : Flow
    matched : History
        Of its training so far.
    epochs : int
    supply : Supply
    held : Rows or None
    config : TrainingConfig
        That of the training so far.
    plan : Plan

    Returns
    -------
    history : History
        With the records of both, each with its ``stage``.
    """
    tell(f"then by likelihood, in {epochs} passes over the rows")
    rate = SHARE_OF_RATE * config.learning_rate
    config = replace(config, max_epochs=epochs, learning_rate=rate, n_iter_no_change=None)
    config = supply.schedule(config)
    batches = supply.batches(plan, noise_of(flow, plan))
    n_members = plan.n_members if plan.n_members > 1 else None
    history = train(
        flow, SolvedLikelihood(), batches, config, validation=held, n_members=n_members
    )
    parts = {"matching": matched, "likelihood": history}
    history.records = [
        {"stage": stage, **record} for stage, part in parts.items() for record in part.records
    ]
    history.sharpened = True
    return history
