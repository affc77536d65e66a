"""From a table and a plan to a trained flow."""

import copy
from dataclasses import dataclass

import numpy as np
import torch

from skflow._random import generator, seeded
from skflow._threads import threads
from skflow._validation import resolve_device, resolve_dtype
from skflow._watch import seen_through, tell
from skflow.fitting._plan import Plan
from skflow.fitting._sharpen import sharpened
from skflow.fitting._start import preprocess, start_flow, start_preprocessing, start_rows
from skflow.fitting._supply import Supply
from skflow.flow import Ensemble
from skflow.members import select_member
from skflow.training import (
    Batch,
    History,
    Numbers,
    Rows,
    TrainingConfig,
    assign_holders,
    fold_rows,
)

__all__ = ["Fit", "assembled", "fit_flow", "training_config"]

# steps over which weights are averaged: no more than training waits for a better loss
AVERAGED_STEPS = 50
# Rows that a member holds out, below which those of the others choose its weights: at 30 rows in
# all its own six looked 0.25 nats likelier than new ones. At 100 rows its own choose better.
FEW_HELD_OUT = 10


@dataclass(frozen=True)
class Fit:
    """What a fit leaves.

    Attributes
    ----------
    flow : Flow or Ensemble
        On the CPU, in eval mode.
    history : History
    validation_score : float
        Mean log density of the held-out rows (of the training rows if none are) by the members
        that did not train on them, in the units of X; NaN where it was not the loss.
    holder : ndarray of shape (n_rows,)
        The member that held each row of the table out, -1 if all trained on it.
    """

    flow: torch.nn.Module
    history: History
    validation_score: float
    holder: np.ndarray


def fit_flow(estimator, table, plan, family, seed, previous=None, *, stream=None, resumable=None):
    """Build, start and train a flow, or the members of an ensemble side by side.

    Parameters
    ----------
    estimator : BaseFlowDensity
    table : Table
        It lets go of its rows as soon as these lie behind the preprocessing.
    plan : Plan
    family : Family
    seed : int
    previous : Flow or Ensemble, optional
        A fitted flow to go on with; it is copied, and stays as it is.
    stream : Stream, optional
        Where the rows to train on are, if the table is but a sample of them.
    resumable : Resumable, optional
        Keeps states of the training, and has the one to go on from.

    Returns
    -------
    fit : Fit
    """
    device, dtype = resolve_device(estimator.device), resolve_dtype(estimator.dtype)
    with threads(plan.n_threads), seeded(seed, device):
        training, held, holder = _deal(table, plan)
        tell(f"preprocessing of {len(table):,} rows: {plan.preprocessing}")
        if previous is None:
            shared = stream is not None
            preprocessing = start_preprocessing(table, plan, family, training, holder, shared)
        else:
            previous = copy.deepcopy(_stacked(previous))
            preprocessing = previous.preprocessing
        core, log_det = preprocess(table, preprocessing, plan.n_members, device, dtype)
        table.let_go()
        judged = training if held is None else held
        outcome = _Outcome(plan, preprocessing, log_det, table.weight, judged, holder)
        if previous is None:
            tell(f"the start of training: the base, {plan.base}, and the maps before it")
            flow = _start(estimator, plan, table.observation, core, training, held)
        else:
            flow = previous.behind(None).to(device, dtype)
        parts = training if stream is None else None, held
        rows, held_rows = (
            None if part is None else Rows(core, *part.to(device, dtype)) for part in parts
        )
        if resumable is not None:
            resumable.settle(plan, preprocessing, flow)
        supply = Supply(rows) if stream is None else stream
        config = training_config(estimator, plan, held_rows)
        with supply.ready(preprocessing, plan, device, dtype), seen_through(outcome.fit):
            tell(_what_is_trained(flow, plan))
            settings = {"seed": seed, "n_jobs": estimator.n_jobs, "resumable": resumable}
            flow, history = supply.train(flow, held_rows, config, plan, **settings)
            epochs = family.likelihood_epochs
            if epochs and history.stopped_by == "max_epochs":
                settings["resumable"] = None  # what it keeps is of the matching, and done
                given = flow, held_rows, config, plan
                flow, history = sharpened(history, epochs, supply, *given, **settings)
    flow.verify()
    return outcome.fit(flow, history)


def _what_is_trained(flow, plan):
    n = sum(p.numel() for p in flow.parameters() if p.requires_grad) // plan.n_members
    members = f"{plan.n_members} members of " if plan.n_members > 1 else ""
    return f"training {members}{n:,} parameters, in at most {plan.max_epochs} passes over the rows"


@dataclass(frozen=True)
class _Outcome:
    """What makes a Fit of a flow that was trained, or still is.

    Attributes
    ----------
    plan : Plan
    preprocessing : Bijection
    log_det : tensor of shape (*members, n_rows)
        Of the preprocessing, at each row.
    weight : ndarray of shape (n_rows,) or None
    judged : Numbers
        Of the rows by which the flow is judged.
    holder : tensor of shape (n_rows,)
    """

    plan: Plan
    preprocessing: torch.nn.Module
    log_det: torch.Tensor
    weight: np.ndarray | None
    judged: Numbers
    holder: torch.Tensor

    def fit(self, flow, history, member=None):
        """Return the Fit of all members, or of one of several for itself."""
        preprocessing, log_det, judged = self.preprocessing, self.log_det, self.judged
        if member is not None and self.plan.n_members > 1:
            preprocessing = select_member(preprocessing, member)
            log_det = log_det[member] if log_det.dim() > 1 else log_det
            judged = judged.of_member(member)
        sizes = None if judged.factor is None else judged.factor.sum(dim=-1).numpy()
        loss = float(np.average(history.validation_loss, weights=sizes))
        # the loss of matched velocities is no log density
        matched = self.plan.symmetry is not None and not history.sharpened
        score = np.nan if matched else _mean_log_det(log_det, self.weight, judged) - loss
        flow = assembled(flow, preprocessing, history, self.plan)
        return Fit(flow, history, score, self.holder.numpy())


def _stacked(flow):
    return flow.members if isinstance(flow, Ensemble) else flow


def _deal(table, plan):
    """Numbers, of training and held out (or None), with a member axis if there are several.

    And the member that holds out each row, -1 if none does.
    """
    n = len(table)
    if plan.n_folds == 0:
        return Numbers(torch.arange(n)), None, torch.full((n,), -1)
    if table.holder is None:
        holder = assign_holders(n, plan.n_members, plan.n_folds, generator())
    else:
        holder = torch.from_numpy(table.holder)
    parts = fold_rows(holder, plan.n_members, generator())
    if plan.n_members == 1:
        parts = (Numbers(part.of_first()) for part in parts)
    return *parts, holder


def _start(estimator, plan, observation, core, training, held):
    """Build the flow, from rows of the table behind its preprocessing."""
    first = [part.of_first() for part in (training, held) if part is not None]
    plane = Batch(*(t if t is None or core.x.dim() == 2 else t[0] for t in core))
    every = start_rows(plane, Numbers(torch.cat(first)))
    return start_flow(estimator, plan, observation, start_rows(core, training), every)


def _mean_log_det(log_det, weight, part):
    each = Rows(Batch(log_det.unsqueeze(-1)), part.index).take().x.squeeze(-1)
    weight = torch.ones_like(each) if weight is None else torch.from_numpy(weight)[part.index]
    weight = weight if part.factor is None else weight * part.factor
    return float((each * weight).sum() / weight.sum())


def training_config(estimator, plan, held=None):
    """Return how to train, with Rows held out if there are any."""
    few = held is not None and held.n_rows < FEW_HELD_OUT
    return TrainingConfig(
        max_epochs=plan.max_epochs,
        learning_rate=plan.learning_rate,
        weight_decay=estimator.weight_decay,
        n_iter_no_change=plan.n_iter_no_change,
        averaged_steps=AVERAGED_STEPS,
        chosen_by_others=few,
        validations_after=1,  # held-out rows are scored once more
        verbose=estimator.verbose,
    )


def assembled(flow, preprocessing, history, plan):
    """Return a trained flow behind its preprocessing on the CPU, an ensemble if it is stacked.

    One with a symmetry is kept in float64, where that holds to the last digits of a score.
    """
    flow = flow.cpu().behind(preprocessing)
    flow = flow if plan.symmetry is None else flow.double()
    losses = history.validation_loss
    if len(losses) > 1:
        flow = Ensemble(flow, len(losses), reference=int(np.argmin(losses)))
    return flow.eval()
