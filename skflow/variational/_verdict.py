"""How far to trust an approximation: draws are weighed, more of them where that leaves doubts."""

import time
from dataclasses import dataclass

import numpy as np
import torch

from skflow._clock import left_out, seconds_left
from skflow.variational._figures import Figures, figures_of
from skflow.variational._findings import in_doubt

__all__ = ["MOST_DRAWS", "N_DRAWS", "Verdict", "judge", "weigh"]

N_DRAWS = 10_000
MOST_DRAWS = 40_000  # where the first leave doubts
BLOCK = 2_000  # draws at a time
# Draws nearer to a bound than this part of it share a few floats; around 0 floats go on, but
# squares of them are 0. A density may well be no number there.
ON_BOUND = 2.0**10 * np.finfo(np.float64).eps
ON_ZERO = np.finfo(np.float64).tiny ** 0.5


@dataclass(frozen=True)
class Verdict:
    """Weighed draws of an approximation q of an unnormalised density p, and their figures.

    Attributes
    ----------
    draws : ndarray of shape (n, d)
    figures : Figures
    empty_share : float
        Share of draws where p is 0 or not a number, but for those on a declared bound.
    """

    draws: np.ndarray
    figures: Figures
    empty_share: float


@torch.no_grad()
def judge(flow, target, n=N_DRAWS, most=None, bounds=None, doubts=in_doubt):
    """Draw n rows from a flow and weigh them by a log density of rows.

    Where their figures leave doubts there are ``most`` draws in all. Where time is limited there
    may be fewer of both, 2,000 at least. Deterministic given the generators of the block around,
    unless time is limited.

    Parameters
    ----------
    flow : Flow
    target : Target or callable
    n : int, default=10,000
    most : int or None, default=None
        None for n.
    bounds : pair of ndarray of shape (d,) or None
        Declared bounds of the parameters, infinite where there are none.
    doubts : callable, default=in_doubt
        Of figures, to whether more draws are wanted.

    Returns
    -------
    Verdict

    Raises
    ------
    ValueError
        If the density is finite at none of the draws.
    """
    draws, ratios = _drawn(flow, target, n)
    verdict = weigh(draws, ratios, bounds)
    if most is None or most <= n or len(draws) < n or not doubts(verdict.figures):
        return verdict
    more = _drawn(flow, target, most - n, optional=True)
    if more is None:
        return verdict
    return weigh(np.concatenate([draws, more[0]]), np.concatenate([ratios, more[1]]), bounds)


def weigh(draws, ratios, bounds=None):
    """Return the verdict on draws (n, d) of q by their log p - log q (n,), -inf where p is 0."""
    finite = np.isfinite(ratios)
    if not finite.any():
        raise ValueError(
            f"log_density is finite at none of {len(draws)} draws of the fitted flow. Declare "
            "bounds with support={index: (low, high)}."
        )
    empty = ~finite & ~_on_bound(draws, bounds)
    return Verdict(draws, figures_of(draws, ratios), float(empty.mean()))


def _on_bound(draws, bounds):
    """Whether rows (n, d) have a value so near a bound that floats hardly tell them apart."""
    if bounds is None:
        return np.zeros(len(draws), dtype=bool)
    near = np.zeros(draws.shape, dtype=bool)
    for bound in bounds:
        known = np.isfinite(bound)
        reach = np.maximum(ON_BOUND * np.abs(bound[known]), ON_ZERO)
        near[:, known] |= np.abs(draws[:, known] - bound[known]) <= reach
    return near.any(axis=1)


def _drawn(flow, target, n, optional=False):
    """Draws (n, d) and their ratios (n,); None if they are optional and there is no time."""
    parts = list(_parts_in_time(flow, target, n, optional))
    if not parts:
        return None
    return tuple(torch.cat(part).double().cpu().numpy() for part in zip(*parts, strict=True))


def _parts_in_time(flow, target, n, optional):
    """Draws and ratios in parts, as many as the time is good for at the pace of the last one."""
    pace = 0.0
    for start in range(0, n, BLOCK):
        if (start or optional) and seconds_left() <= pace:
            if not optional:
                left_out(f"{n - start} of the {n} draws that are weighed")
            return
        began = time.perf_counter()
        yield _ratios(flow, target, min(BLOCK, n - start))
        pace = time.perf_counter() - began


def _ratios(flow, target, n):
    x, log_q = flow.sample_and_log_prob(n)
    ratios = target(x) - log_q
    return x, torch.where(ratios.isfinite(), ratios, -torch.inf)
