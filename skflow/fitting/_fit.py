"""From clean rows to a trained flow."""

import time

import numpy as np
import torch

from skflow._random import seeded
from skflow._threads import threads
from skflow._validation import resolve_device, resolve_dtype
from skflow.fitting._latents import build_base, end_where_base_lies, heavy_columns
from skflow.fitting._preprocessing import fit_preprocessing
from skflow.flow import Ensemble, Flow
from skflow.members import stack_members
from skflow.training import (
    Batch,
    Batches,
    MaximumLikelihood,
    TrainingConfig,
    assign_folds,
    fold_rows,
    train,
)

__all__ = ["build_flow", "fit_flow", "training_config"]


def fit_flow(estimator, table, settings, seed, previous=None):
    """Build, start and train a flow, or the members of an ensemble side by side.

    Returns
    -------
    flow : Flow or Ensemble
        On the CPU, in eval mode.
    history : History
    validation_score : float
        Mean log density of the held-out rows (of the training rows if none are) by the members
        that did not train on them, in the units of X.
    holder : ndarray of shape (n_rows,)
        The member that held each row of the table out, -1 if all trained on it.
    """
    start = time.perf_counter()
    device, dtype = resolve_device(estimator.device), resolve_dtype(estimator.dtype)
    with threads(estimator._n_threads), seeded(seed, device):
        train_rows, held_rows, holder = _split(table, settings)
        if previous is None:
            preprocessing = fit_preprocessing(
                settings.preprocessing,
                table.bounds,
                train_rows.x,
                train_rows.weight,
                settings.n_members,
                heavy=heavy_columns(settings.base, table.rows.shape[1]),
            )
        else:
            preprocessing = _core(previous).preprocessing
        offset = _mean_log_det(preprocessing, held_rows or train_rows)
        train_rows, held_rows = (
            _to_core(rows, preprocessing, device, dtype) for rows in (train_rows, held_rows)
        )
        if previous is None:
            core = build_flow(estimator, settings, train_rows, held_rows, dtype).to(device)
        else:
            core = _core(previous).behind(None).to(device)
        history = train(
            core,
            MaximumLikelihood(),
            Batches(train_rows, settings.batch_size, settings.input_noise),
            training_config(estimator, settings, start),
            validation=held_rows,
            n_members=settings.n_members if settings.n_members > 1 else None,
        )
    core.verify()
    flow = core.cpu().behind(preprocessing)
    if settings.n_members > 1:
        best = int(np.argmin(history.validation_loss))
        flow = Ensemble(flow, settings.n_members, reference=best)
    return flow.eval(), history, offset - float(np.mean(history.validation_loss)), holder


def _core(flow):
    return flow.members if isinstance(flow, Ensemble) else flow


def _split(table, settings):
    """Training rows, held-out rows (or None), both with a member axis if there are several.

    And the member that held out each row, -1 if none did.
    """
    x = torch.from_numpy(table.rows)
    weight = None if table.weight is None else torch.from_numpy(table.weight)
    if settings.n_folds == 0:
        return Batch(x, None, weight), None, np.full(len(x), -1)
    if table.holder is None:
        holder = assign_folds(len(x), settings.n_members, settings.n_folds)
    else:
        holder = torch.from_numpy(table.holder)
    several = settings.n_members > 1
    batches = (
        Batch(x[i], None, None if weight is None else weight[i])
        for i in (part if several else part[0] for part in fold_rows(holder, settings.n_members))
    )
    return *batches, holder.numpy()


def _to_core(rows, preprocessing, device, dtype):
    if rows is None:
        return None
    with torch.no_grad():
        x = preprocessing(rows.x)[0].to(device, dtype)
    return Batch(x, None, None if rows.weight is None else rows.weight.to(device, dtype))


def _mean_log_det(preprocessing, rows):
    log_det = preprocessing(rows.x)[1]
    weight = torch.ones_like(log_det) if rows.weight is None else rows.weight
    return float((log_det * weight).sum() / weight.sum())


def build_flow(estimator, settings, rows, held, dtype):
    """Build an untrained flow at its data-dependent start, from preprocessed rows."""
    d = rows.x.shape[-1]
    base = build_base(settings.base, *_all_rows(rows, held, settings))

    def bijection():
        built = estimator._build_bijection(d, 0, settings)
        return end_where_base_lies(built, settings.base, d)

    flows = [estimator._observe(Flow(bijection(), base)) for _ in range(settings.n_members)]
    flows = [flow.to(dtype) for flow in flows]
    flow = stack_members(flows) if settings.n_members > 1 else flows[0]
    flow = flow.to(rows.x.device)
    with torch.no_grad():
        flow.initialize(rows.x, rows.weight)
    return flow


def _all_rows(rows, held, settings):
    """Rows (n, d) and weights that members share: those that one trains on and holds out."""
    several = settings.n_members > 1
    parts = [tuple(t[0] if several and t is not None else t for t in p) for p in (rows, held) if p]
    x = torch.cat([x for x, _, _ in parts])
    return x, None if rows.weight is None else torch.cat([w for _, _, w in parts])


def training_config(estimator, settings, start):
    """Return how to train, with what is left of ``max_seconds`` since ``start``."""
    limit = estimator.max_seconds
    return TrainingConfig(
        max_epochs=settings.max_epochs,
        learning_rate=settings.learning_rate,
        weight_decay=estimator.weight_decay,
        n_iter_no_change=settings.n_iter_no_change,
        max_seconds=None if limit is None else limit - (time.perf_counter() - start),
        verbose=estimator.verbose,
    )
