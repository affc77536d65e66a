"""From an energy of particles, rows of them or both to a flow that keeps their symmetries."""

import math

import numpy as np
import torch

from skflow._clock import seconds_left, time_limit
from skflow._random import generator
from skflow._watch import named_training
from skflow.architectures import particle_flow
from skflow.bijections import Chain, MeanFree
from skflow.flow import Flow
from skflow.training import (
    MATCHING_RATE,
    Batch,
    Batches,
    Rows,
    TrainingConfig,
    matching_batch,
    matching_epochs,
    train,
)
from skflow.variational._fit import Fitted
from skflow.variational._stages import Stages
from skflow.variational._start import Start

__all__ = ["fit_particles"]

SCALES = np.geomspace(1e-3, 1e3, 61)  # of all coordinates, tried where there are no rows
N_DRAWS = 200  # of noise, for each of them
# Of training by the density: steps of the solver, and the weight of the kinetic energy, without
# which the flow takes ways that these steps cannot follow.
N_STEPS, KINETIC = 6, 0.1
HELD_OUT = 0.1  # share of the rows by which weights are chosen
ROWS_SHARE = 0.5  # of the time, if that is limited, that rows may take
N_CHECKED = 5


def fit_particles(target, settings, rows=None):
    """Fit an equivariant flow to a :class:`Target` of particles, and to rows of it if there are.

    Random numbers come from the generators of the block around.

    Parameters
    ----------
    target : Target
        Of rows (n, d) with their centre of mass at zero.
    settings : ApproximationSettings
        With a symmetry.
    rows : ndarray of shape (n, d), optional

    Returns
    -------
    Fitted
    """
    symmetry = settings.symmetry
    base = symmetry.base().double()
    target.check_rows_apart(base.sample(N_CHECKED))
    if rows is None:
        scale, elbo = _best_scale(target, base)
        preprocessing = Chain([MeanFree(symmetry.particles, symmetry.dim, scale)])
    else:
        rows, elbo = torch.from_numpy(rows), -np.inf
        preprocessing = symmetry.preprocessing(rows)
    layers = particle_flow(
        symmetry.particles,
        symmetry.dim,
        hidden_features=settings.hidden_features,
        n_steps=N_STEPS,
        kinetic=KINETIC,
    )
    core = Flow(layers, base).to(settings.device, settings.dtype)
    run = Stages(target, settings)
    if rows is not None:
        with time_limit(ROWS_SHARE * seconds_left()):
            _learn_rows(run, core, preprocessing(rows)[0])
    rate = MATCHING_RATE
    if rows is None or not run.good_enough(core, preprocessing):
        core, rate = run.train_layers(core, preprocessing)
    flow = core.cpu().double().behind(preprocessing).eval()
    start = Start([], np.ones(0), None, float(elbo), [])
    return Fitted(flow, start, target, rate, 1, run.records, run.stopped_by)


@torch.no_grad()
def _best_scale(target, base):
    """Return the scale at which noise is most like the target, and its evidence lower bound.

    By the median of the draws: where two particles of many meet, an energy has no mean.
    """
    z = base.sample(N_DRAWS)
    log_q = base.log_prob(z)
    bounds = [
        float((target(scale * z) + base.n_seeds * math.log(scale) - log_q).median())
        for scale in SCALES
    ]
    best = int(np.argmax(bounds))
    if not np.isfinite(bounds[best]):
        raise ValueError(
            f"log_density is finite at too few of {len(SCALES)} x {N_DRAWS} places around the "
            "origin: pass rows of it, fit(log_density, rows=...), or write it in other units."
        )
    return SCALES[best], bounds[best]


def _learn_rows(run, core, x):
    """Train by matching velocities of rows x (n, d) behind the preprocessing."""
    settings = run.settings
    x = x.to(settings.device, settings.dtype)
    x = x[torch.randperm(len(x), generator=generator()).to(x.device)]
    n_held = int(HELD_OUT * len(x))
    held, rows = x[:n_held], x[n_held:]
    batches = Batches(Rows(Batch(rows)), matching_batch(len(rows)), 0.0)
    config = TrainingConfig(
        max_epochs=matching_epochs(len(rows)),
        learning_rate=MATCHING_RATE,
        weight_decay=0.0,
        n_iter_no_change=None,
        averaged_steps=50,
        verbose=settings.verbose,
    )
    validation = Batch(held) if n_held else None
    with named_training("rows"):
        history = train(
            core, settings.symmetry.objective(), batches, config, validation=validation
        )
    run.records += [{"stage": "rows", **record} for record in history.records]
