"""Where a flow starts: the preprocessing, the table behind it, and parameters set from rows."""

import math

import torch

from skflow._random import generator
from skflow.fitting._base_kinds import build_base, end_where_base_lies, heavy_columns
from skflow.fitting._given import context_reader, given_context, residuals
from skflow.fitting._preprocessing import fit_preprocessing
from skflow.flow import Flow
from skflow.members import members_alike, select_member, stack_members
from skflow.tables._table import n_start_rows
from skflow.training import Batch, Numbers, Rows

__all__ = ["BLOCK_ENTRIES", "preprocess", "start_flow", "start_preprocessing", "start_rows"]

# Entries of the table, times members, up to which each member is preprocessed by its own rows.
# Longer tables are preprocessed once for all, by rows that no member holds out if these are many:
# a copy of the table for each member would cost more than it tells.
MAX_OWN_ENTRIES = 2**21
BLOCK_ENTRIES = 2**18  # that are preprocessed together


def start_preprocessing(table, plan, family, training, holder, shared=False):
    """Fit the preprocessing to training rows.

    Parameters
    ----------
    table : Table
    plan : Plan
    family : Family
    training : Numbers
        Of the rows that each member trains on.
    holder : tensor of shape (n_rows,)
        The member that holds each row out, -1 for none.
    shared : bool, default=False
        Preprocess a table of any length once for all members.

    Returns
    -------
    preprocessing : Bijection
        With a member axis if there are several members.
    """
    n_members = plan.n_members
    own = not shared and n_members * len(table) * table.n_features <= MAX_OWN_ENTRIES
    index, factor = (
        _some(training, table.n_features)
        if own
        else Numbers(_rows_for_all(holder, table.n_features))
    )
    weight = factor if table.weight is None else torch.from_numpy(table.weight)[index]
    if table.weight is not None and factor is not None:
        weight = weight * factor
    rows = torch.from_numpy(table.rows(index.reshape(-1).numpy()))
    rows = rows.view(*index.shape, table.n_features)
    if plan.symmetry is not None:
        fitted = plan.symmetry.preprocessing(rows, weight)
    else:
        fitted = fit_preprocessing(
            plan.preprocessing,
            table.bounds,
            rows,
            weight,
            n_members if own else 1,
            bends_tails=family.bends_tails,
            heavy=heavy_columns(plan.base, table.n_features),
            constant=torch.from_numpy(table.observation.ties.constant),
        )
    return fitted if own or n_members == 1 else stack_members([fitted] * n_members)


def _rows_for_all(holder, n_features):
    """Draw rows for all members to start from: such as no member holds out, if there are many."""
    n = n_start_rows(n_features)
    free = (holder < 0).nonzero().squeeze(-1)
    rows = free if len(free) >= n else torch.arange(len(holder))
    return rows if len(rows) <= n else rows[torch.randperm(len(rows), generator=generator())[:n]]


@torch.no_grad()
def preprocess(table, preprocessing, n_members, device, dtype):
    """Rows of a table behind the preprocessing, all that a fit keeps of the table in its dtype.

    Returns
    -------
    rows : Batch
        With x (n, d), or (n_members, n, d) where members are preprocessed each in its own way.
    log_det : tensor of shape (n,) or (n_members, n), float64
    """
    if n_members > 1 and members_alike(preprocessing):
        preprocessing, n_members = select_member(preprocessing, 0), 1
    planes = (n_members,) if n_members > 1 else ()
    n, d = len(table), table.n_features
    x = torch.empty(*planes, n, d, dtype=dtype)
    log_det = torch.empty(*planes, n, dtype=torch.float64)
    size = max(1, BLOCK_ENTRIES // (d * n_members))
    for start in range(0, n, size):
        block = slice(start, start + size)
        rows = torch.from_numpy(table.rows(block))
        u, log_det[..., block] = preprocessing(rows.expand(*planes, *rows.shape))
        x[..., block, :] = u.to(dtype)
    # a context keeps its digits until it is standardised
    given = ((table.context, torch.float64), (table.weight, dtype))
    context, weight = (
        None if t is None else torch.from_numpy(t).to(device, of).expand(*planes, *t.shape)
        for t, of in given
    )
    return Batch(x.to(device), context, weight), log_det


def start_rows(core, part):
    """Rows (*members, m) of those of Numbers that a flow starts from; all if they are few."""
    part = _some(part, core.x.shape[-1])
    return Rows(core, *part.to(core.x.device, core.x.dtype)).take()


def _some(part, n_features):
    """Numbers of rows to start from, of those of a part; all if they are few."""
    n = n_start_rows(n_features, math.prod(part.index.shape[:-1]))
    if part.index.shape[-1] <= n:
        return part
    places = torch.randperm(part.index.shape[-1], generator=generator())[:n]
    return Numbers(*(None if t is None else t[..., places] for t in part))


def start_flow(estimator, plan, observation, rows, rows_of_all):
    """Build an untrained flow at its data-dependent start, from preprocessed rows.

    Parameters
    ----------
    estimator : BaseFlowDensity
    plan : Plan
    observation : Observation
    rows : Batch
        Of each member, x (*members, m, d).
    rows_of_all : Batch
        That the base, which members share before training, is chosen by, x (m, d).

    Returns
    -------
    flow : Flow
        Of rows as they are in ``observation``, stacked if there are several members.
    """
    reader = context_reader(rows_of_all)
    dtype = rows.x.dtype
    if plan.symmetry is not None:
        base = plan.symmetry.base()
    else:
        base = build_base(plan.base, residuals(rows_of_all, reader, plan), rows_of_all.weight)

    def flow():
        bijection = estimator._build_bijection(plan)
        if plan.symmetry is None:
            bijection = end_where_base_lies(bijection, plan.base, plan.n_features)
        bijection = given_context(bijection, reader, plan)
        return observation.wrap(Flow(bijection, base)).to(dtype)

    flows = [flow() for _ in range(plan.n_members)]
    whole = stack_members(flows) if plan.n_members > 1 else flows[0]
    whole = whole.to(rows.x.device)
    with torch.no_grad():
        whole.initialize(rows.x, rows.weight, rows.context)
    return whole
