"""Fitted flows applied to numpy rows, in blocks of bounded memory."""

import numpy as np
import torch

from skflow._random import seeded
from skflow.flow import Ensemble
from skflow.members import select_member

__all__ = [
    "draw",
    "from_latents",
    "held_out_log_density",
    "latents",
    "log_density",
    "normal_scores",
    "single_flows",
]

BLOCK = 2048  # rows at a time
LANES = 32  # blocks are padded to a multiple of this


def log_density(flow, rows):
    """Log density (n,) of rows (n, d), float64."""
    return _in_blocks(flow.log_prob, rows)


def held_out_log_density(flow, rows, holder):
    """Log density (n,) of each row by the one member ``holder`` (n,); NaN where it is -1."""
    scores = np.full(len(rows), np.nan)
    for k, member in enumerate(single_flows(flow)):
        scores[holder == k] = log_density(member, rows[holder == k])
    return scores


def single_flows(flow):
    """Members of an ensemble as flows of their own, or the one flow, in a list."""
    if isinstance(flow, Ensemble):
        return [select_member(flow.members, k) for k in range(flow.n_members)]
    return [flow]


def latents(flow, rows):
    """Latents (n, d) of rows, by the reference member of an ensemble."""
    flow = _one(flow)
    return _in_blocks(_first_of(flow.to_noise), rows)


def normal_scores(flow, noise):
    """Map noise (n, d) of the reference member to standard normal rows, by its base."""
    return _in_blocks(_one(flow).base.normal_scores, noise)


def from_latents(flow, rows):
    """Inverse of :func:`latents`."""
    flow = _one(flow)
    return _in_blocks(_first_of(flow.from_noise), rows, flow.dtype)


def draw(flow, n, seed, **options):
    """Draw n rows (n, d) from the flow; options are those of its method ``sample``."""
    blocks = []
    with torch.no_grad(), seeded(seed):
        for start in range(0, n, BLOCK):
            blocks.append(flow.sample(min(BLOCK, n - start), **options).double().numpy())
    return np.concatenate(blocks)


def _one(flow):
    return select_member(flow.members, flow.reference) if isinstance(flow, Ensemble) else flow


def _first_of(pair):
    def value(x):
        return pair(x)[0]

    return value


def _in_blocks(function, rows, dtype=torch.float64):
    """Apply a function of tensors to blocks of rows, as one numpy array.

    Matrix products take other routes for a few rows than for many, which rounds differently.
    Blocks padded to whole lanes take the same route, so that a row's score does not depend on
    the rows beside it, to the last bit.
    """
    out = np.empty(0)
    with torch.no_grad():
        for start in range(0, len(rows), BLOCK):
            block = rows[start : start + BLOCK]
            lanes = np.arange(-(-len(block) // LANES) * LANES).clip(max=len(block) - 1)
            values = function(torch.from_numpy(block[lanes]).to(dtype))
            if start == 0:
                out = np.empty((len(rows), *values.shape[1:]))
            out[start : start + len(block)] = values[: len(block)].double().numpy()
    return out
