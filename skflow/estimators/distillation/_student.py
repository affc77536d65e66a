"""From a teacher's flow to a trained student of it."""

import copy
import math
from dataclasses import replace

import numpy as np
import torch

from skflow._random import seeded
from skflow._threads import threads
from skflow._validation import resolve_device, resolve_dtype
from skflow.fitting._blocks import reference
from skflow.fitting._fit import Fit, assembled, training_config
from skflow.fitting._settings import settle
from skflow.fitting._start import start_flow
from skflow.flow import Ensemble, Flow
from skflow.members import stack_members
from skflow.training import Batch, ReverseKL, SeedBatches, train

__all__ = ["fit_student", "plan_of_student"]

STEPS_PER_EPOCH = 50
VALIDATION_DRAWS = 2_000
BLOCK = 2_048  # draws of the teacher at a time


def plan_of_student(student, teacher, n_samples, seed):
    """Resolve every "auto" of a student, of which there are as many rows as one draws."""
    d = teacher.n_features_in_
    family = student._family()
    plan = settle(student, family, n_samples, d, teacher.preprocessing_, seed=seed)
    steps = min(300 + 220 * d, 2_500)
    own = {
        "n_members": 1,
        "max_epochs": math.ceil(steps / STEPS_PER_EPOCH),
        "batch_size": 256,
        "learning_rate": 3e-3,
        "dropout": 0.0,
    }
    chosen = {name: _unless_auto(getattr(student, name), value) for name, value in own.items()}
    return replace(plan, **chosen, n_folds=0, input_noise=0.0, validation_fraction=0.0)


def _unless_auto(value, rule):
    return rule if isinstance(value, str) and value == "auto" else value


def fit_student(student, teacher, observation, plan, n_samples, seed):
    """Build a student of a teacher's flow, start it on draws from the teacher and train it.

    Returns
    -------
    fit : Fit
        Without rows that were held out, and a validation score yet to be found.
    """
    device, dtype = resolve_device(student.device), resolve_dtype(student.dtype)
    with threads(plan.n_threads), seeded(seed, device):
        preprocessing = copy.deepcopy(reference(teacher).preprocessing)
        members = plan.n_members
        x = _draws(teacher, n_samples * members, preprocessing).to(device, dtype)
        x = x.reshape(members, n_samples, -1) if members > 1 else x
        every = Batch(x[0] if members > 1 else x)
        core = start_flow(student, plan, observation, Batch(x), every)
        history = train(
            core,
            ReverseKL(_Target(teacher, preprocessing, device, dtype)),
            SeedBatches(core.base, plan.batch_size, STEPS_PER_EPOCH),
            training_config(student, plan),
            validation=Batch(core.base.draw_seeds(VALIDATION_DRAWS)),
            n_members=members if members > 1 else None,
        )
    if members > 1:
        preprocessing = stack_members([preprocessing] * members)
    none = np.empty(0, dtype=int)
    return Fit(assembled(core, preprocessing, history, plan), history, float("nan"), none)


@torch.no_grad()
def _draws(teacher, n, preprocessing):
    blocks = (teacher.sample(min(BLOCK, n - i)) for i in range(0, n, BLOCK))
    return torch.cat([preprocessing(block.double())[0] for block in blocks])


class _Target:
    """Log density (*members, n) of preprocessed rows (*members, n, d) under the teacher.

    Where the teacher has the one preprocessing, the two Jacobians cancel and its core scores the
    rows as they are. Members of an ensemble have one each: rows go back to the units of the data.
    """

    def __init__(self, teacher, preprocessing, device, dtype):
        teacher = copy.deepcopy(teacher).requires_grad_(False).eval()
        self.outer = None
        if isinstance(teacher, Ensemble):
            self.outer = copy.deepcopy(preprocessing).requires_grad_(False).to(device)
            self.flow = teacher.to(device)
        else:
            self.flow = Flow(teacher.bijection, teacher.base).to(device, dtype)

    def __call__(self, u):
        rows = u.reshape(-1, u.shape[-1])
        if self.outer is None:
            return self.flow.log_prob(rows).reshape(u.shape[:-1])
        x, log_det = self.outer.inverse(rows.double())
        return (self.flow.log_prob(x) + log_det).to(u.dtype).reshape(u.shape[:-1])
