"""Continuous flows trained without solving them, by straight ways from rows to noise."""

import math

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment

from skflow._random import generator, seeded

__all__ = ["MATCHING_RATE", "FlowMatching", "matching_batch", "matching_epochs"]

# Steps are cheap, as none solves the flow, and worth more of them where there are more rows.
# ``benchmarks/particles.py`` has the figures.
STEPS, MOST_STEPS, GROWTH = 8_000, 40_000, 0.35
MATCHING_RATE = 6e-3
MOST_ROWS, FEWEST_ROWS = 512, 32  # of a batch
ROUNDS = 3  # of an assignment and a rotation; the way to go has hardly changed by then
HELD_OUT_SEED = 0


class FlowMatching:
    r"""Squared error of a velocity field on the straight ways from rows to noise [1]_.

    .. math:: E_{t, x, z} \bigl| v\bigl(t, (1 - t)\, x + t z\bigr) - (z - x) \bigr|^2

    with t uniform on (0, 1), rows x and noise z of the base. The field that minimises it moves
    the rows to the base, and no step asks for its solution or a trace.

    Of particles, the noise of each row is first turned so that the way is short: its particles
    get the order that costs least in squares (Hungarian algorithm), then all together the best
    rotation or reflection (Kabsch's), each ROUNDS times in turn [2]_, [3]_. A field that knows
    the symmetry learns the same flow from that, of straighter ways: what z is to x is to g z what
    it is to g x.

    In eval mode draws are the same at every call, so that losses of held-out rows compare.

    Parameters
    ----------
    particles : pair of int, optional
        How many particles a row holds, and their dimensions; None aligns nothing.
    swaps : bool, default=True
        Whether all particles may change places.

    References
    ----------
    .. [1] Lipman, Chen, Ben-Hamu, Nickel & Le (2023), Flow matching for generative modeling,
       arXiv:2210.02747, eq. 14 and 23.
    .. [2] Klein, Kraemer & Noe (2023), Equivariant flow matching, arXiv:2306.15030, section 5.
    .. [3] Kabsch (1976), A solution for the best rotation to relate two sets of vectors, Acta
       Cryst. A32.
    """

    by_rows = True

    def __init__(self, particles=None, swaps=True):
        self.particles, self.swaps = particles, swaps

    def __call__(self, flow, batch):
        if flow.training:
            return self._losses(flow, batch.x)
        with seeded(HELD_OUT_SEED, batch.x.device):
            return self._losses(flow, batch.x)

    def _losses(self, flow, x):
        z = flow.base.sample(x.shape[-2])
        if self.particles is not None:
            z = aligned(z, x, self.particles, self.swaps)
        t = self._times(x)
        way = z - x
        velocity = flow.bijection.velocity(t, x + t.unsqueeze(-1) * way)
        return (velocity - way).square().sum(dim=-1)

    def _times(self, x):
        """Draw times (*members, n), one in each n-th part of (0, 1), in random order."""
        n, source, kind = x.shape[-2], generator(x.device), {"dtype": x.dtype, "device": x.device}
        part = torch.rand(x.shape[:-1], generator=source, **kind).argsort(dim=-1)
        return (part + torch.rand(x.shape[:-1], generator=source, **kind)) / n


def matching_batch(n):
    """Return the rows of a batch where there are n."""
    return max(FEWEST_ROWS, min(MOST_ROWS, n // 4))


def matching_epochs(n):
    """Return how many passes over n rows to make."""
    steps = min(MOST_STEPS, STEPS * max(1.0, (n / 1_000) ** GROWTH))
    return max(1, math.ceil(steps * matching_batch(n) / n))


def aligned(z, x, particles, swaps=True):
    """Noise z (*members, n, d) as near to rows x as an order and a rotation can bring it."""
    z, target = z.unflatten(-1, particles), x.unflatten(-1, particles)
    for _ in range(ROUNDS):
        if swaps:
            order = _best_orders((target @ z.mT).flatten(0, -3))
            z = z.gather(-2, order.view(*z.shape[:-1], 1).expand_as(z))
        u, _, v = torch.linalg.svd(z.mT @ target)
        z = z @ (u @ v)
    return z.flatten(-2)


def _best_orders(gain):
    """For each matrix (m, n, n) the column of every row, such that the sum is greatest."""
    costs = -gain.cpu().double().numpy()
    return torch.from_numpy(np.stack([linear_sum_assignment(c)[1] for c in costs])).to(gain.device)
