"""Members of an ensemble, trained each for itself."""

import math
from dataclasses import replace
from threading import Event

import numpy as np
import torch

from skflow._clock import seconds_left, time_limit
from skflow._random import seeded
from skflow._side_by_side import n_threads_for, side_by_side
from skflow._threads import threads
from skflow._watch import named_training
from skflow.fitting._given import noise_of
from skflow.members import select_member, stack_members
from skflow.training import History, train

__all__ = ["train_members"]


def train_members(flow, objective, supply, held, config, plan, *, seed, n_jobs, resumable=None):
    """Train the members of a stacked flow one after the other, or side by side in threads.

    Where batches are so large that kernels gain nothing from several members at once, this takes
    no longer than training them together, and a member that is done costs nothing more. Each
    draws from a generator of its own, so that the result is the same for any ``n_jobs``.

    Parameters
    ----------
    flow : Flow
        Stacked, on the CPU.
    objective : callable
    supply : Supply
        Of batches of each.
    held : Rows
        Of all members.
    config : TrainingConfig
    plan : Plan
    seed : int
    n_jobs : int or None
        See :func:`side_by_side`.
    resumable : Resumable, optional
        Keeps states of each member, and has those to go on from.

    Returns
    -------
    flow : Flow
        Stacked.
    history : History
        Of all members, see :func:`_joint`.
    """
    n = plan.n_members
    stop = Event()
    n_rounds = math.ceil(n / n_threads_for(n, n_jobs))

    def trained(k):
        left = n_rounds - k * n_rounds // n  # rounds of members, this one's included
        member = select_member(flow, k)
        own = replace(config, max_epochs=0) if stop.is_set() else config
        with (
            threads(plan.n_threads),
            seeded(_seed(seed, k)),
            time_limit(seconds_left() / left),
            named_training(f"member {k + 1} of {n}", k),
        ):
            batches = supply.batches(plan, noise_of(member, plan), k)
            history = train(
                member,
                _Until(stop, objective),
                batches,
                own,
                validation=held.of_member(k),
                keeper=None if resumable is None else resumable.keeper(f"member {k}"),
            )
        if history.stopped_by == "interrupt":
            stop.set()
        return member, history

    members, histories = zip(
        *side_by_side(trained, range(n), n_jobs, interrupt=stop.set), strict=True
    )
    return stack_members(members), _joint(histories, stop.is_set())


def _seed(seed, k):
    return int(np.random.SeedSequence([seed, k]).generate_state(1)[0])


class _Until:
    """An objective that a Ctrl-C elsewhere ends in training, as one here would."""

    def __init__(self, stop, objective):
        self.stop, self.objective = stop, objective
        self.by_rows = getattr(objective, "by_rows", False)

    def __call__(self, flow, batch):
        if self.stop.is_set() and torch.is_grad_enabled():
            raise KeyboardInterrupt
        return self.objective(flow, batch)


def _joint(histories, interrupted):
    """One history of members that were trained each for itself.

    A record holds what all members had reached by an epoch, those that ended before it with their
    last; ``seconds`` are of all together.
    """
    n_epochs = max(len(history.records) for history in histories)
    stops = {history.stopped_by for history in histories}
    order = ("max_seconds", "max_epochs", "callback", "n_iter_no_change", "diverged")
    return History(
        records=[_joint_record(histories, epoch) for epoch in range(n_epochs)],
        validation_loss=[loss for history in histories for loss in history.validation_loss],
        skipped_steps=sum(history.skipped_steps for history in histories),
        rollbacks=sum(history.rollbacks for history in histories),
        validation_seconds=sum(history.validation_seconds for history in histories),
        stopped_by="interrupt" if interrupted else next(name for name in order if name in stops),
    )


def _joint_record(histories, epoch):
    records = [_record(history, epoch) for history in histories]
    losses = [record["member_validation_losses"][0] for record in records]
    train_losses = [record["member_train_losses"][0] for record in records]
    return {
        "epoch": epoch + 1,
        "learning_rate": max(records, key=lambda record: record["epoch"])["learning_rate"],
        "train_loss": float(np.mean(train_losses)),
        "validation_loss": float(np.mean(losses)),
        "member_train_losses": train_losses,
        "member_validation_losses": losses,
        "seconds": sum(record["seconds"] for record in records),
    }


def _record(history, epoch):
    """Return the record of an epoch, the last one, or what is known of a member without any."""
    if history.records:
        return history.records[min(epoch, len(history.records) - 1)]
    return {
        "epoch": 0,
        "learning_rate": 0.0,
        "member_train_losses": [float("nan")],
        "member_validation_losses": history.validation_loss,
        "seconds": 0.0,
    }
