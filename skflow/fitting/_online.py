"""A pass of training over a block of a stream, which goes on from the pass before it."""

import copy

import torch

from skflow._random import seeded
from skflow._threads import threads
from skflow._validation import resolve_device, resolve_dtype
from skflow.fitting._fit import assembled
from skflow.fitting._given import noise_of
from skflow.fitting._start import preprocess
from skflow.fitting._supply import objective_of
from skflow.flow import Ensemble
from skflow.training import Batches, Numbers, Rows, TrainingConfig, train

__all__ = ["learn_block"]

BATCH_SIZE = 512
# Rate of all passes, and the steps over which their weights are averaged: that is what brings
# them to rest where a rate that falls does it in a fit. After 100 blocks of MAFDensity in
# benchmarks/partial_fit.py a rate of 2e-3 was 0.0009 nats a column below the truth, and one of
# 5e-4 0.0022.
LEARNING_RATE = 2e-3
AVERAGED_STEPS = 300
CARRIED = ("weights", "optimizer", "average", "scale", "step")  # from pass to pass


class Passes:
    """A keeper in memory of what a pass hands on to the next one.

    Parameters
    ----------
    carried : dict or None
        Of the pass before.
    """

    def __init__(self, carried=None):
        self.carried = carried

    def last(self):
        """Return what the pass before handed on."""
        return self.carried

    def note(self, state, whole=True):
        """Take what this pass hands on, also if it was cut short."""
        self.carried = {name: state[name] for name in CARRIED}

    def end(self):
        """Do nothing."""


def learn_block(estimator, table, plan, flow, seed, carried=None):
    """Make a pass over the rows of a table, all members over all of them.

    Parameters
    ----------
    estimator : BaseFlowDensity
    table : Table
        It lets go of its rows.
    plan : Plan
    flow : Flow or Ensemble
        It stays as it is.
    seed : int
    carried : dict or None
        What the last pass handed on.

    Returns
    -------
    flow : Flow or Ensemble
        With the averaged weights, or those that it came with if no step was finite.
    carried : dict or None
    stopped_by : str
    """
    device, dtype = resolve_device(estimator.device), resolve_dtype(estimator.dtype)
    several = isinstance(flow, Ensemble)
    reference = flow.reference if several else None
    with threads(plan.n_threads), seeded(seed, device):
        learnt = copy.deepcopy(flow.members if several else flow)
        preprocessing = learnt.preprocessing
        core, _ = preprocess(table, preprocessing, plan.n_members, device, dtype)
        table.let_go()
        index = torch.arange(len(table))
        index = index.expand(plan.n_members, -1) if several else index
        rows = Rows(core, *Numbers(index).to(device, dtype))
        passes = Passes(carried)
        learnt = learnt.behind(None).to(device, dtype)
        history = train(
            learnt,
            objective_of(plan),
            Batches(rows, batch_size(estimator, plan), noise_of(learnt, plan)),
            online_config(estimator, plan),
            n_members=plan.n_members if several else None,
            keeper=passes,
        )
    learnt = assembled(learnt, preprocessing, history, plan)
    if several:
        learnt.reference = reference
    return learnt, passes.carried, history.stopped_by


def batch_size(estimator, plan):
    """Rows of a step and member."""
    return BATCH_SIZE if estimator.batch_size == "auto" else plan.batch_size


def online_config(estimator, plan):
    """Return how a pass is made."""
    rate = LEARNING_RATE if estimator.learning_rate == "auto" else plan.learning_rate
    return TrainingConfig(
        max_epochs=1,
        learning_rate=rate,
        schedule="constant",
        weight_decay=estimator.weight_decay,
        n_iter_no_change=None,
        averaged_steps=AVERAGED_STEPS,
        verbose=estimator.verbose,
    )
