"""Scores, latents and draws of a conditional flow as numpy arrays, a row of the context each."""

import torch

from skflow._random import seeded
from skflow.variational._context import input_dtype

__all__ = [
    "conditional_draws",
    "conditional_latents",
    "conditional_log_density",
    "conditional_rows",
    "repeated",
]

BLOCK = 2_048  # draws at a time


def conditional_log_density(flow, rows, context):
    """Log densities (n,) of rows (n, d), each given its row of the context (n, c)."""
    return _by_pairs(flow.log_prob, rows, context, input_dtype(flow), input_dtype(flow))


def conditional_latents(flow, rows, context):
    """Latents (n, d) of rows (n, d), each given its row of the context (n, c)."""

    def latents(z, x):
        return flow.to_noise(z, x)[0]

    return _by_pairs(latents, rows, context, input_dtype(flow), input_dtype(flow))


def conditional_rows(flow, latents, context):
    """Rows (n, d) of latents (n, d), each given its row of the context (n, c)."""

    def rows(u, x):
        return flow.from_noise(u, x)[0]

    return _by_pairs(rows, latents, context, flow.dtype, input_dtype(flow))


@torch.no_grad()
def _by_pairs(function, rows, context, row_dtype, context_dtype):
    if len(rows) != len(context):
        raise ValueError(
            f"context must have one row for each of the {len(rows)} rows, got {len(context)}."
        )
    z = torch.as_tensor(rows, dtype=row_dtype)
    x = torch.as_tensor(context, dtype=context_dtype)
    blocks = zip(z.split(BLOCK), x.split(BLOCK), strict=True)
    return torch.cat([function(*block) for block in blocks]).double().numpy()


def conditional_draws(flow, context, n, seed):
    """Draw n rows for each row of a context (m, c): (m, n, d)."""
    x = torch.as_tensor(context, dtype=input_dtype(flow))
    with torch.no_grad(), seeded(seed):
        draws = [flow.sample(len(block), block) for block in repeated(x, n)]
    return torch.cat(draws).double().numpy().reshape(len(context), n, -1)


def repeated(x, n):
    """Each row n times, in blocks."""
    return x.repeat_interleave(n, dim=0).split(BLOCK)
