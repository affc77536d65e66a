"""From a teacher's flow to a trained student of it."""

import copy
import math
import time
from dataclasses import replace

import numpy as np
import torch

from skflow._random import seeded
from skflow._threads import one_thread
from skflow._validation import resolve_device, resolve_dtype
from skflow.fitting._fit import build_flow, training_config
from skflow.fitting._settings import resolve_settings
from skflow.flow import Ensemble, Flow
from skflow.members import select_member, stack_members
from skflow.training import Batch, ReverseKL, SeedBatches, train

__all__ = ["fit_student", "resolve_student_settings"]

STEPS_PER_EPOCH = 50
VALIDATION_DRAWS = 2_000
BLOCK = 2_048  # draws of the teacher at a time


def resolve_student_settings(student, teacher, n_samples, seed):
    """Resolve every "auto" of a student, of which there are as many rows as one draws."""
    d = teacher.n_features_in_
    settings = resolve_settings(student, n_samples, d, teacher.preprocessing_, seed=seed)
    steps = min(300 + 220 * d, 2_500)
    own = {
        "n_members": 1,
        "max_epochs": math.ceil(steps / STEPS_PER_EPOCH),
        "batch_size": 256,
        "learning_rate": 3e-3,
        "dropout": 0.0,
    }
    chosen = {name: _unless_auto(getattr(student, name), value) for name, value in own.items()}
    return replace(settings, **chosen, n_folds=0, input_noise=0.0, validation_fraction=0.0)


def _unless_auto(value, rule):
    return rule if isinstance(value, str) and value == "auto" else value


def fit_student(student, teacher, settings, n_samples, seed):
    """Build a student of a teacher's flow, start it on draws from the teacher and train it.

    Returns
    -------
    flow : Flow or Ensemble
        On the CPU, in eval mode.
    history : History
    """
    start = time.perf_counter()
    device, dtype = resolve_device(student.device), resolve_dtype(student.dtype)
    with one_thread(), seeded(seed, device):
        preprocessing = copy.deepcopy(_reference(teacher).preprocessing)
        members = settings.n_members
        x = _draws(teacher, n_samples * members, preprocessing).to(device, dtype)
        x = x.reshape(members, n_samples, -1) if members > 1 else x
        core = build_flow(student, settings, Batch(x), None, dtype)
        history = train(
            core,
            ReverseKL(_Target(teacher, preprocessing, device, dtype)),
            SeedBatches(core.base, settings.batch_size, STEPS_PER_EPOCH),
            training_config(student, settings, start),
            validation=Batch(core.base.draw_seeds(VALIDATION_DRAWS)),
            n_members=members if members > 1 else None,
        )
    if members > 1:
        preprocessing = stack_members([preprocessing] * members)
    flow = Flow(core.bijection.cpu(), core.base.cpu(), preprocessing)
    if members > 1:
        flow = Ensemble(flow, members, reference=int(np.argmin(history.validation_loss)))
    return flow.eval(), history


def _reference(flow):
    """Return the member of an ensemble whose coordinates stand for all, or the one flow."""
    return select_member(flow.members, flow.reference) if isinstance(flow, Ensemble) else flow


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
