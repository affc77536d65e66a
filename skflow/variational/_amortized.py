"""One flow for many distributions: q(z | x) for all rows x of a context at once."""

import copy
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import nn

from skflow._random import seeded
from skflow.architectures import POSTERIORS, amortized_flow
from skflow.bijections import SupportMap
from skflow.training import ContextBatches, ReverseKL, TrainingConfig, train
from skflow.variational._recipes import elementwise_map
from skflow.variational._target import Target

__all__ = [
    "check_context",
    "conditional_draws",
    "conditional_latents",
    "conditional_log_density",
    "conditional_rows",
    "fit_amortized",
    "row_elbos",
]

GRADIENT_CLIP = 100.0  # an ELBO sums over all that was observed, and its gradient with it
WEIGHT_DECAY = 1e-2
BLOCK = 2_048  # draws at a time
N_CHECKED = 20  # rows
N_DRAWS = 10  # a row for the ELBO that a fit reports


@dataclass
class Amortized:
    """A conditional flow on the CPU, in eval mode, the log joint trained with it, and figures."""

    flow: nn.Module
    log_joint: nn.Module | None
    elbo: float
    elbo_se: float
    learning_rate: float
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
    x = torch.as_tensor(context, dtype=settings.dtype, device=settings.device)
    if isinstance(log_joint, nn.Module):
        log_joint = copy.deepcopy(log_joint).to(settings.device, settings.dtype)
    target = Target(log_joint, device=settings.device, dtype=settings.dtype)
    flow = amortized_flow(
        len(low),
        x.shape[1],
        flow=settings.flow,
        n_layers=settings.n_layers,
        hidden_features=settings.hidden_features,
        encoder_features=settings.encoder_features,
        elementwise=elementwise_map(1) if len(low) == 1 else None,
    ).to(settings.device, settings.dtype)
    if np.isfinite(low).any() or np.isfinite(high).any():
        flow = flow.behind(SupportMap(low, high).to(settings.device))
    trained = _Trained(flow, log_joint)
    _check(target, flow, x[:N_CHECKED])
    config = TrainingConfig(
        max_epochs=settings.max_epochs,
        learning_rate=settings.learning_rate,
        weight_decay=WEIGHT_DECAY,
        n_iter_no_change=None,
        gradient_clip=GRADIENT_CLIP,
        max_seconds=settings.max_seconds,
        verbose=settings.verbose,
    )
    batches = ContextBatches(flow.base, x, settings.batch_size)
    history = train(trained, _Objective(target), batches, config)
    elbos = _elbos(flow, target, x, N_DRAWS)
    trained = trained.cpu().eval()
    return Amortized(
        flow=trained.flow,
        log_joint=trained.log_joint,
        elbo=float(elbos.mean()),
        elbo_se=float(elbos.std() / len(elbos) ** 0.5),
        learning_rate=settings.learning_rate,
        target=target,
        records=[{"stage": "flow", **record} for record in history.records],
        stopped_by=history.stopped_by,
    )


@torch.no_grad()
def _check(target, flow, x):
    values = target.check_rows_apart(flow.sample(len(x), x), x)
    if not values.isfinite().any():
        raise ValueError(
            f"log_density is not finite at any of {len(x)} rows and first draws (the first value "
            f"is {float(values[0])}). Scale the context to order one, and declare bounds with "
            "support={index: (low, high)}."
        )


def check_context(context, n_columns=None):
    """Context rows as a finite float64 array (n, c), of ``n_columns`` if that is given."""
    rows = np.array(context, dtype=np.float64)  # a copy: torch warns of what is read-only
    wanted = "n_context" if n_columns is None else n_columns
    if rows.ndim != 2 or not rows.size or (n_columns is not None and rows.shape[1] != n_columns):
        raise ValueError(f"context must have shape (n_rows, {wanted}), got {rows.shape}.")
    if not np.isfinite(rows).all():
        row, column = np.argwhere(~np.isfinite(rows))[0]
        raise ValueError(
            f"context must be finite: {rows[row, column]} in row {row}, column {column}."
        )
    return rows


def conditional_log_density(flow, rows, context):
    """Log densities (n,) of rows (n, d), each given its row of the context (n, c)."""
    return _by_pairs(flow.log_prob, flow.dtype, rows, context)


def conditional_latents(flow, rows, context):
    """Latents (n, d) of rows (n, d), each given its row of the context (n, c)."""
    return _by_pairs(lambda z, x: flow.to_noise(z, x)[0], flow.dtype, rows, context)


def conditional_rows(flow, latents, context):
    """Rows (n, d) of latents (n, d), each given its row of the context (n, c)."""
    return _by_pairs(lambda z, x: flow.from_noise(z, x)[0], flow.dtype, latents, context)


@torch.no_grad()
def _by_pairs(function, dtype, rows, context):
    if len(rows) != len(context):
        raise ValueError(
            f"context must have one row for each of the {len(rows)} rows, got {len(context)}."
        )
    z, x = torch.as_tensor(rows, dtype=dtype), torch.as_tensor(context, dtype=dtype)
    blocks = zip(z.split(BLOCK), x.split(BLOCK), strict=True)
    return torch.cat([function(*block) for block in blocks]).double().numpy()


def conditional_draws(flow, context, n, seed):
    """Draw n rows for each row of a context (m, c): (m, n, d)."""
    x = torch.as_tensor(context, dtype=flow.dtype)
    with torch.no_grad(), seeded(seed):
        draws = [flow.sample(len(block), block) for block in _repeated(x, n)]
    return torch.cat(draws).double().numpy().reshape(len(context), n, -1)


def row_elbos(flow, log_joint, context, n, seed):
    """Evidence lower bound (m,) of each row of a context (m, c), from n draws each."""
    x = torch.as_tensor(context, dtype=flow.dtype)
    if isinstance(log_joint, nn.Module):
        log_joint = copy.deepcopy(log_joint).to("cpu", flow.dtype).eval()
    with seeded(seed):
        return _elbos(flow, Target(log_joint, dtype=flow.dtype), x, n)


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
