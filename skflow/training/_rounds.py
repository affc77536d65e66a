"""Steps in rounds: from weights to weights, by several who begin alike, and the mean of theirs.

A round is a pure function of what it begins with, of rows and of a seed, so that it may be made
in any process, and made again where one died.
"""

import copy
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from skflow.training._loop import _Run

__all__ = ["Round", "make_round", "mean_of_rounds", "round_of", "take_round"]

ARRAYS = ("weights", "mean", "square", "average")


@dataclass(frozen=True)
class Round:
    """What the steps of one member begin with, and what they leave, as plain numbers.

    Attributes
    ----------
    weights, mean, square, average : ndarray of shape (P,)
        Live weights, the moments of AdamW, and the weights averaged over the last steps.
    scale : float
        Of the rate, halved by every rollback.
    bad, rolled : int
        Bad steps in a row, and rollbacks.
    step, n_steps : int
        Steps made so far, and in the whole training: the schedule's.
    loss : float
        Sum of the losses of the steps of an epoch.
    n_rows : float
        Rows, by their weights, of the steps since the last mean.
    skipped : int
        Steps without a finite gradient in an epoch.
    ever_finite : bool
    buffers : dict
        Those of the flow that steps have changed.
    """

    weights: np.ndarray
    mean: np.ndarray
    square: np.ndarray
    average: np.ndarray
    scale: float
    bad: int
    rolled: int
    step: int
    n_steps: int
    loss: float = 0.0
    n_rows: float = 0.0
    skipped: int = 0
    ever_finite: bool = False
    buffers: dict = field(default_factory=dict)


def round_of(run, k=0):
    """Return what the next epoch of a run begins with, for one of its members.

    Parameters
    ----------
    run : _Run
    k : int
    """
    state = {name: tensor[k] for name, tensor in _tensors(run).items()}
    return Round(
        **{name: tensor.cpu().numpy().copy() for name, tensor in state.items()},
        scale=float(run.scale[k]),
        bad=int(run.bad[k]),
        rolled=int(run.rolled[k]),
        step=run.step,
        n_steps=run.steps,
        ever_finite=run.ever_finite,
    )


def take_round(run, ends):
    """Put a run where its members are at the end of an epoch.

    Parameters
    ----------
    run : _Run
    ends : list of Round
        Of each member.

    Returns
    -------
    loss : tensor of shape (K,)
        Mean of the steps since the run stood still.
    """
    made = ends[0].step - run.step
    for name, tensor in _tensors(run).items():
        for row, end in zip(tensor, ends, strict=True):
            row.copy_(torch.from_numpy(getattr(end, name)))
    for name in ("scale", "bad", "rolled"):
        own = getattr(run, name)
        values = [getattr(end, name) for end in ends]
        own.copy_(torch.tensor(values, dtype=own.dtype).view_as(own))
    _put_buffers(run.flow, ends)
    run.step = run.optimizer.steps = run.average.taken = ends[0].step
    run.ever_finite = any(end.ever_finite for end in ends)
    run.history.skipped_steps += sum(end.skipped for end in ends)
    run.note_rollbacks()
    return torch.tensor([end.loss / max(1, made) for end in ends], dtype=run.best.loss.dtype)


def make_round(flow, objective, batches, config, begin):
    """Make the steps of one pass over some batches.

    Parameters
    ----------
    flow : Flow
        Of one member; it stays as it is.
    objective : callable
    batches : Batches
    config : TrainingConfig
    begin : Round

    Returns
    -------
    end : Round
    """
    run = _Run(copy.deepcopy(flow), objective, batches, config, None, None)
    run.average.n_steps = config.averaged_steps  # though nothing is held out here
    before = {name: buffer.clone() for name, buffer in run.flow.named_buffers()}
    for name, tensor in _tensors(run).items():
        tensor[0].copy_(torch.from_numpy(getattr(begin, name)))
    run.best.weights.copy_(run.parameters.flat)  # where a rollback goes to
    run.scale.fill_(begin.scale)
    run.bad.fill_(begin.bad)
    run.rolled.fill_(begin.rolled)
    run.history.rollbacks, run.slowed = begin.rolled, int(begin.scale < 1)
    with torch.no_grad():
        for name, buffer in run.flow.named_buffers():
            if name in begin.buffers:
                buffer.copy_(torch.from_numpy(begin.buffers[name]))
    run.step = run.optimizer.steps = run.average.taken = begin.step
    run.steps = begin.n_steps
    loss = run.one_epoch()
    weight = batches.rows.weight
    n_rows = batches.rows.n_rows if weight is None else float(weight.sum())
    return replace(
        round_of(run),
        loss=begin.loss + float(loss.nan_to_num(nan=0.0)) * len(batches),
        n_rows=n_rows,
        skipped=begin.skipped + run.history.skipped_steps,
        ever_finite=begin.ever_finite or run.ever_finite,
        buffers=_changed(run.flow, before) or begin.buffers,
    )


def mean_of_rounds(ends):
    """Return the mean of what several left who began alike, by their rows."""
    share = np.array([end.n_rows for end in ends])
    share = share / share.sum() if share.sum() else np.full(len(ends), 1 / len(ends))

    def mean(name):
        values = [getattr(end, name) for end in ends]
        return sum(part * value for part, value in zip(share, values, strict=True))

    kept = {name: mean(name).astype(ends[0].weights.dtype) for name in ARRAYS}
    return replace(
        ends[0],  # buffers, such as the directions of a power iteration, are not averaged
        **kept,
        scale=min(end.scale for end in ends),
        bad=max(end.bad for end in ends),
        rolled=max(end.rolled for end in ends),
        loss=float(mean("loss")),
        skipped=max(end.skipped for end in ends),
        ever_finite=any(end.ever_finite for end in ends),
    )


def _tensors(run):
    places = run.parameters.flat, run.optimizer.mean, run.optimizer.square, run.average.mean
    return dict(zip(ARRAYS, places, strict=True))


def _changed(flow, before):
    return {
        name: buffer.cpu().numpy().copy()
        for name, buffer in flow.named_buffers()
        if not torch.equal(buffer, before[name])
    }


@torch.no_grad()
def _put_buffers(flow, ends):
    """Put buffers that steps have changed into a flow, or into the members of a stacked one."""
    for name, buffer in flow.named_buffers():
        if name not in ends[0].buffers:
            continue
        values = [torch.from_numpy(end.buffers[name]) for end in ends]
        buffer.copy_(torch.stack(values) if buffer.dim() > values[0].dim() else values[0])
