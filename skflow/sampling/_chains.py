"""Chains that take flow proposals where they can and move by slices where they are."""

from dataclasses import dataclass

import numpy as np

from skflow._clock import left_out, time_is_up
from skflow.sampling._slices import slice_moves

__all__ = ["Chains", "run_chains"]


@dataclass(frozen=True)
class Chains:
    """Draws of a density by several chains, and what was proposed to them.

    Attributes
    ----------
    draws : ndarray of shape (n_chains, n, d)
    at_draws : ndarray of shape (n_chains, n)
        log p - log q there.
    at_proposals : ndarray of shape (n_chains, n)
        The same where the proposal q was drawn, -inf where p is zero.
    accepted : float
        Share of the proposals that were accepted.
    """

    draws: np.ndarray
    at_draws: np.ndarray
    at_proposals: np.ndarray
    accepted: float


def run_chains(log_target, proposal, theta, n_draws, every, rng, tell=None):
    r"""Run chains side by side: independent proposals, and slice moves in between.

    A draw x' of q takes the place of x with probability

    .. math:: \min\left(1, \frac{p(x')\, q(x)}{p(x)\, q(x')}\right),

    independence Metropolis-Hastings [1]_; after ``every`` of them each chain moves once by
    slice sampling along the difference of two others (:func:`slice_moves`). Both leave p as it
    is, for q is fixed. Global proposals carry chains between modes, local moves are what gets one
    away from where q is too low [2]_, algorithm 1.

    Parameters
    ----------
    log_target : callable
        Of rows (n, d), to log densities (n,), -inf where there are none.
    proposal : object
        With ``draw(n, rng)`` and ``log_density(rows)``.
    theta : ndarray of shape (n_chains, d)
        Where they begin, at least 4 chains, where p is not zero.
    n_draws, every : int
    rng : RandomState
    tell : callable, default=None
        Called with the number of draws that each block has added.

    Returns
    -------
    Chains
        Of fewer draws if the time was up.

    References
    ----------
    .. [1] Tierney (1994), Markov chains for exploring posterior distributions, Annals of
       Statistics 22(4), section 2.3.3.
    .. [2] Gabrie, Rotskoff & Vanden-Eijnden (2022), Adaptive Monte Carlo augmented with
       normalizing flows, PNAS 119(10), arXiv:2105.12603.
    """
    n_chains = len(theta)
    value = log_target(theta)
    blocks, accepted, done = [], 0, 0
    while done < n_draws:
        if done and time_is_up():
            left_out(f"{n_draws - done} of {n_draws} draws of each chain")
            break
        theta, value = _moved(log_target, theta, value, rng)
        n = min(every, n_draws - done)
        rows = proposal.draw(n * n_chains, rng)
        found = log_target(rows)
        log_q = proposal.log_density(np.concatenate([theta, rows]))
        own = value - log_q[:n_chains]
        ratios = np.where(np.isfinite(found), found - log_q[n_chains:], -np.inf)
        block = _block(
            (theta, value, own),
            (rows.reshape(n, n_chains, -1), found.reshape(n, n_chains), ratios.reshape(n, -1)),
            rng,
        )
        theta, value, accepted = block.theta[-1], block.value[-1], accepted + block.accepted
        blocks.append((block.theta, block.ratio, ratios.reshape(n, n_chains)))
        done += n
        if tell is not None:
            tell(n)
    draws, at_draws, at_proposals = (
        np.concatenate(parts).swapaxes(0, 1) for parts in zip(*blocks, strict=True)
    )
    return Chains(draws, at_draws, at_proposals, accepted / (done * n_chains))


@dataclass(frozen=True)
class _Block:
    theta: np.ndarray
    value: np.ndarray
    ratio: np.ndarray
    accepted: int


def _block(now, proposed, rng):
    """Accept or reject proposals (n, n_chains, ...) one after another."""
    kept, accepted = [], 0
    threshold = np.log1p(-rng.random_sample(proposed[1].shape))
    for step in range(len(threshold)):
        ratio = proposed[2][step]
        takes = ratio - now[2] >= threshold[step]
        now = (
            np.where(takes[:, None], proposed[0][step], now[0]),
            np.where(takes, proposed[1][step], now[1]),
            np.where(takes, ratio, now[2]),
        )
        accepted += int(takes.sum())
        kept.append(now)
    return _Block(*(np.array(parts) for parts in zip(*kept, strict=True)), accepted)


def _moved(log_target, theta, value, rng):
    moved, found = slice_moves(
        lambda rows, group: log_target(rows), theta[None], value[None], rng, 1
    )
    return moved[0], found[0]
