"""How many rows meet all kernels at once, and how far out they may be."""

import torch

__all__ = ["BLOCK_ENTRIES", "bounded", "rows_at_once"]

# Kernel evaluations held in memory at a time.
BLOCK_ENTRIES = 2**22
LANES = 32  # blocks are multiples of this, which matrix products treat alike


def rows_at_once(n_kernels):
    """Return how many rows make a block beside so many kernels."""
    return max(LANES, BLOCK_ENTRIES // n_kernels // LANES * LANES)


def bounded(x, power=0.3):
    """Hold numbers at a power of the largest: squares and products with precisions are numbers."""
    limit = torch.finfo(x.dtype).max ** power
    return x.clamp(-limit, limit)
