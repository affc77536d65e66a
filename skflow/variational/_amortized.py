"""One flow for many distributions: q(z | x) for all rows x of a context at once."""

import copy
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import nn

from skflow._clock import left_out, seconds_left, time_is_up
from skflow._random import seeded
from skflow.architectures import POSTERIORS, amortized_flow
from skflow.bijections import Chain, Conditioned, Standardize, SupportMap
from skflow.bijections._conditioned import StandardizedContext
from skflow.flow import Flow
from skflow.training import ContextBatches, ReverseKL, TrainingConfig, train
from skflow.variational._context import input_dtype
from skflow.variational._each_row import Judged, judge_rows
from skflow.variational._recipes import elementwise_map
from skflow.variational._target import Target

__all__ = ["fit_amortized", "row_elbos"]

GRADIENT_CLIP = 100.0  # an ELBO sums over all that was observed, and its gradient with it
WEIGHT_DECAY = 1e-2
TRAINING_SHARE = 0.85  # of the time, if that is limited; the rest is for the ELBO
BLOCK = 2_048  # draws at a time
N_CHECKED = 20  # rows
N_DRAWS = 10  # a row for the ELBO that a fit reports


@dataclass
class Amortized:
    """A conditional flow on the CPU, in eval mode, the log joint trained with it, and figures.

    ``judged`` is None where there was no time for a verdict.
    """

    flow: nn.Module
    log_joint: nn.Module | None
    elbo: float
    elbo_se: float
    learning_rate: float
    n_layers: int
    judged: Judged | None
    target: Target
    records: list = field(default_factory=list)
    stopped_by: str = "max_epochs"


class _Trained(nn.Module):
    """What is trained together."""

    def __init__(self, flow, log_joint):
        super().__init__()
        self.flow = flow
        self.log_joint = log_joint if isinstance(log_joint, nn.Module) else None


class _Objective:
    def __init__(self, target):
        self.reverse_kl = ReverseKL(target)

    def __call__(self, trained, batch):
        return self.reverse_kl(trained.flow, batch)


def fit_amortized(log_joint, context, low, high, settings):
    """Fit q(z | x) for the rows x (n, c) of a context, and a module log joint with it.

    The module is copied, the caller's stays as it was.

    Returns
    -------
    Amortized
    """
    if settings.flow not in POSTERIORS:
        raise ValueError(
            f"with a context, flow must be one of {sorted(POSTERIORS)}, got {settings.flow!r}."
        )
    x = torch.as_tensor(context, dtype=torch.float64, device=settings.device)
    target = _target(log_joint, settings.device, settings.dtype)
    flow = _build(x, low, high, settings)
    trained = _Trained(flow, target.function)
    _check_draws(target, flow, x[:N_CHECKED])
    history = _train(trained, target, x, settings)
    elbos = _elbos_in_time(flow, target, x)
    judged = judge_rows(flow, target, x, (low, high))
    trained = trained.cpu().eval()
    return Amortized(
        flow=trained.flow,
        log_joint=trained.log_joint,
        elbo=float(elbos.mean()),
        elbo_se=float(elbos.std() / len(elbos) ** 0.5),
        learning_rate=settings.learning_rate,
        n_layers=settings.n_layers,
        judged=judged,
        target=target,
        records=[{"stage": "flow", **record} for record in history.records],
        stopped_by=history.stopped_by,
    )


def _target(log_joint, device, dtype):
    """Return the log joint as a target: a module is copied and computes in ``dtype``.

    A function gets float64, in which all is that comes to it.
    """
    if not isinstance(log_joint, nn.Module):
        return Target(log_joint, device=device)
    return Target(copy.deepcopy(log_joint).to(device, dtype), device=device, dtype=dtype)


def _build(x, low, high, settings):
    """Build a flow that takes rows and context in float64, and computes in its own dtype."""
    core = amortized_flow(
        len(low),
        x.shape[1],
        flow=settings.flow,
        n_layers=settings.n_layers,
        hidden_features=settings.hidden_features,
        encoder_features=settings.encoder_features,
        elementwise=elementwise_map(1) if len(low) == 1 else None,
    ).to(settings.device, settings.dtype)
    reader = StandardizedContext(Standardize.from_data(x), settings.dtype).to(settings.device)
    bounded = np.isfinite(low).any() or np.isfinite(high).any()
    preprocessing = SupportMap(low, high).to(settings.device) if bounded else Chain([])
    return Flow(Conditioned(reader, core.bijection), core.base, preprocessing)


@torch.no_grad()
def _check_draws(target, flow, x):
    values = target.check_rows_apart(flow.sample(len(x), x), x)
    if not values.isfinite().any():
        raise ValueError(
            f"log_density is not finite at any of {len(x)} rows and first draws (the first value "
            f"is {float(values[0])}). Scale the parameters to order one, and declare bounds with "
            "support={index: (low, high)}."
        )


def _train(trained, target, x, settings):
    config = TrainingConfig(
        max_epochs=settings.max_epochs,
        learning_rate=settings.learning_rate,
        weight_decay=WEIGHT_DECAY,
        n_iter_no_change=None,
        gradient_clip=GRADIENT_CLIP,
        max_seconds=TRAINING_SHARE * seconds_left(),
        verbose=settings.verbose,
    )
    batches = ContextBatches(trained.flow.base, x, settings.batch_size)
    return train(trained, _Objective(target), batches, config)


def row_elbos(flow, log_joint, context, n, seed):
    """Evidence lower bound (m,) of each row of a context (m, c), from n draws each."""
    x = torch.as_tensor(context, dtype=input_dtype(flow))
    target = _target(log_joint, "cpu", flow.dtype)
    if isinstance(target.function, nn.Module):
        target.function.eval()
    with seeded(seed):
        return _elbos(flow, target, x, n)


def _elbos_in_time(flow, target, x):
    """Evidence lower bounds of all rows, or of those of every k-th part that time is left for."""
    n_parts = -(-len(x) * N_DRAWS // BLOCK)
    parts = []
    for k in range(n_parts):
        if parts and time_is_up():
            left_out(f"the ELBO of {len(x) - sum(map(len, parts))} of {len(x)} rows")
            break
        parts.append(_elbos(flow, target, x[k::n_parts], N_DRAWS))
    return np.concatenate(parts)


@torch.no_grad()
def _elbos(flow, target, x, n):
    ratios = []
    for block in _repeated(x, n):
        z, log_q = flow.sample_and_log_prob(len(block), block)
        ratios.append(target(z, block) - log_q)
    return torch.cat(ratios).double().cpu().numpy().reshape(len(x), n).mean(axis=1)


def _repeated(x, n):
    """Each row n times, in blocks."""
    return x.repeat_interleave(n, dim=0).split(BLOCK)
