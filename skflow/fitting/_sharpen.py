"""After velocities are matched: steps by likelihood, for what matching leaves undone."""

from dataclasses import replace

from skflow._watch import tell
from skflow.training import SolvedLikelihood

__all__ = ["sharpened"]

# Of the rate of matching, which came near: larger steps would lead away again.
SHARE_OF_RATE = 0.1


def sharpened(matched, epochs, supply, flow, held, config, plan, **settings):
    """Train a flow that was matched on its log density, from where it is.

    Parameters
    ----------
    matched : History
        Of its training so far.
    epochs : int
    supply : Supply
    flow, held, config, plan, **settings
        What the supply's training took so far.

    Returns
    -------
    flow : Flow
    history : History
        With the records of both, each with its ``stage``.
    """
    tell(f"then by likelihood, in {epochs} passes over the rows")
    rate = SHARE_OF_RATE * config.learning_rate
    config = replace(config, max_epochs=epochs, learning_rate=rate, n_iter_no_change=None)
    settings["objective"] = SolvedLikelihood()
    flow, history = supply.train(flow, held, config, plan, **settings)
    parts = {"matching": matched, "likelihood": history}
    history.records = [
        {"stage": stage, **record} for stage, part in parts.items() for record in part.records
    ]
    history.sharpened = True
    return flow, history
