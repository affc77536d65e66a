"""Fitted flows applied to rows: any number of them, in blocks of bounded memory.

Answers are of the kind of the rows: arrays of numpy, or tensors on the same device.
"""

from functools import partial

import numpy as np
import torch

from skflow._random import seeded
from skflow._side_by_side import side_by_side
from skflow._threads import threads
from skflow.fitting._on_device import placed, there, turned
from skflow.fitting._recorded import log_prob_of_few
from skflow.flow import Ensemble
from skflow.members import select_member

__all__ = [
    "draw",
    "from_latents",
    "held_out_log_density",
    "in_blocks",
    "latents",
    "log_density",
    "normal_scores",
    "place",
    "reference",
    "single_flows",
    "turn_back",
]

BLOCK = 2048  # rows at a time, and
ENTRIES = 2**18  # entries of them, times members
ON_GPU = 8  # times as many there, where a launch costs as much for few rows as for many
LANES = 32  # blocks are padded to a multiple of this
FEW_LANES = 16  # or to this, as for one row it is two thirds of the time


def log_density(flow, rows, context=None, *, observation=None, dtype=torch.float64, **workers):
    """Log density (n,) of rows (n, d) given rows of a context (n, c), if there is one.

    With an ``observation`` rows are placed by it first, and those outside its bounds get -inf.
    The flow gets tensors of the dtype, and casts them behind its preprocessing. Here and below
    ``workers`` are ``n_threads`` and ``n_jobs`` of :func:`in_blocks`.
    """
    flow, context = there(flow, rows, context)
    log_prob = flow.log_prob
    if len(rows) <= LANES and isinstance(rows, np.ndarray):
        log_prob = partial(log_prob_of_few, flow)

    def of_block(x, *given):
        if observation is None:
            return _on_tensors(log_prob, x, *given, dtype=dtype)
        x, outside = place(observation, x)
        if isinstance(x, torch.Tensor):  # all of them: a GPU would wait for how many are inside
            scores = _on_tensors(log_prob, x, *given, dtype=dtype)
            return scores.masked_fill(outside, -torch.inf)
        inside = ~outside
        scores = np.full(len(x), -np.inf)
        if inside.any():
            given = (part[inside] for part in given)
            scores[inside] = _on_tensors(log_prob, x[inside], *given, dtype=dtype)
        return scores

    return in_blocks(of_block, rows, context, n_members=_n_members(flow), **workers)


def held_out_log_density(flow, observation, rows, holder, context=None, **workers):
    """Log density (n,) of each row by the one member ``holder`` (n,); NaN where it is -1.

    Rows may be of any numeric dtype.
    """
    scores = np.full(len(rows), np.nan)
    for k, member in enumerate(single_flows(flow)):
        which = np.flatnonzero(holder == k)
        for start in range(0, len(which), BLOCK):  # rows of a member at once may be many
            block = which[start : start + BLOCK]
            scores[block] = log_density(
                member,
                np.asarray(rows[block], dtype=np.float64),
                None if context is None else context[block],
                observation=observation,
                **workers,
            )
    return scores


def latents(flow, rows, context=None, *, dtype=torch.float64, **workers):
    """Latents (n, d) of rows given rows of a context, by the reference member of an ensemble."""
    maps, context = there(reference(flow), rows, context)
    return in_blocks(_first(maps.to_noise, dtype, dtype), rows, context, **workers)


def from_latents(flow, rows, context=None, *, dtype=torch.float64, **workers):
    """Inverse of :func:`latents`."""
    maps, context = there(reference(flow), rows, context)
    inverse = _first(maps.from_noise, maps.dtype, dtype)
    return in_blocks(inverse, rows, context, **workers)


def place(observation, rows):
    """Rows as they are scored, and which lie outside the bounds, by an Observation."""
    if isinstance(rows, torch.Tensor):
        return placed(observation, rows)
    return observation.place(rows)


def turn_back(observation, rows):
    """Rows with periodic columns where the table of an Observation had them."""
    if isinstance(rows, torch.Tensor):
        return turned(observation.circles, rows, back=True)
    return observation.turn_back(rows)


def normal_scores(flow, noise):
    """Map noise (n, d) of the reference member to standard normal rows, by its base."""
    base = reference(flow).base
    return in_blocks(lambda z: _on_tensors(base.normal_scores, z, dtype=torch.float64), noise)


def draw(flow, n, seed, context=None, *, n_threads=1, n_jobs=None, dtype=torch.float64, **options):
    """Draw n rows (n, d) from the flow, or (m, n, d): n for each row of a context (m, c).

    Options are those of the flow's method ``sample``. Blocks have seeds of their own, so that
    draws are the same for any number of jobs.
    """
    total = n if context is None else n * len(context)
    starts = range(0, total, BLOCK)
    seeds = [seed, *np.random.SeedSequence(seed).generate_state(len(starts) - 1).tolist()]

    def of_block(k):
        size = min(BLOCK, total - starts[k])
        given = {}
        if context is not None:
            rows = context[np.arange(starts[k], starts[k] + size) // n]
            given["context"] = torch.from_numpy(rows).to(dtype)
        with torch.no_grad(), threads(n_threads), seeded(seeds[k]):
            return flow.sample(size, **given, **options).double().numpy()

    with threads(n_threads):
        draws = np.concatenate(side_by_side(of_block, range(len(starts)), n_jobs))
    return draws if context is None else draws.reshape(len(context), n, -1)


def single_flows(flow):
    """Members of an ensemble as flows of their own, or the one flow, in a list."""
    if isinstance(flow, Ensemble):
        return [select_member(flow.members, k) for k in range(flow.n_members)]
    return [flow]


def reference(flow):
    """Return the member of an ensemble whose latents stand for all, or the one flow."""
    return select_member(flow.members, flow.reference) if isinstance(flow, Ensemble) else flow


def in_blocks(function, rows, context=None, *, n_members=1, n_threads=1, n_jobs=None):
    """Apply a function of arrays (m, d) and (m, c), the same for each row, to blocks of rows.

    Parameters
    ----------
    function : callable
        To an array (m, ...), float64.
    rows : ndarray or tensor of shape (n, d)
    context : the same of shape (n, c), optional
    n_members : int
        By how much a row weighs more than its entries.
    n_threads : int or None
        Of torch; None leaves the caller's. One gives the same bits on machines of any number of
        cores, and runs in a forked child, where a pool of threads does not.
    n_jobs : int or None
        Blocks side by side, see :func:`side_by_side`.

    Returns
    -------
    values : ndarray or tensor of shape (n, ...)
    """
    times = ON_GPU if isinstance(rows, torch.Tensor) and rows.device.type != "cpu" else 1
    entries = times * ENTRIES // (max(1, rows.shape[1]) * n_members)
    size = int(np.clip(entries, LANES, times * BLOCK))

    def values(start):
        block = slice(start, start + size)
        with torch.no_grad(), threads(n_threads):
            return function(*(part[block] for part in (rows, context) if part is not None))

    def fill(start):
        out[start : start + size] = values(start)

    if not len(rows):
        return np.empty(0)
    with threads(n_threads):  # said once for all blocks of this thread, and by each other for its
        first = values(0)
        shape = (len(rows), *first.shape[1:])
        out = first.new_empty(shape) if isinstance(first, torch.Tensor) else np.empty(shape)
        out[:size] = first
        side_by_side(fill, range(size, len(rows), size), n_jobs)
    return out


def _on_tensors(function, rows, context=None, *, dtype, context_dtype=None):
    """Apply a function of tensors to arrays, or to tensors.

    Matrix products take other routes for a few rows than for many, which rounds differently.
    Blocks padded to whole lanes mostly take the same route, so that a row's score hardly
    depends on the rows beside it: within a few roundings of the flow's dtype.
    """
    n = len(rows)
    size = FEW_LANES if n <= FEW_LANES else -(-n // LANES) * LANES
    lanes = np.minimum(np.arange(size), n - 1)
    tensors = [torch.as_tensor(rows[lanes]).to(dtype)]
    if context is not None:
        tensors.append(torch.as_tensor(context[lanes]).to(context_dtype or dtype))
    values = function(*tensors)[:n].double()
    return values if isinstance(rows, torch.Tensor) else values.numpy()


def _first(function, dtype, context_dtype):
    """Return the first of a pair that a function of tensors returns, as a function of arrays."""

    def of_block(*arrays):
        return _on_tensors(
            lambda *tensors: function(*tensors)[0],
            *arrays,
            dtype=dtype,
            context_dtype=context_dtype,
        )

    return of_block


def _n_members(flow):
    return flow.n_members if isinstance(flow, Ensemble) else 1
