"""Chains that take flow proposals where they can and move by slices where they are."""

from dataclasses import dataclass

import numpy as np

from skflow._clock import left_out, time_is_up
from skflow.sampling._slices import slice_moves

__all__ = ["Chains", "run_chains"]

MOST_PROPOSALS = 5  # for each draw


@dataclass(frozen=True)
class Chains:
    """Draws of a density by several chains, and what was proposed to them.

    Attributes
    ----------
    draws : ndarray of shape (n_chains, n, d)
    at_draws : ndarray of shape (n_chains, n)
        log p - log q there.
    at_proposals : ndarray of shape (n_chains, n_proposals)
        The same where the proposal q was drawn, -inf where p is zero.
    accepted : float
        Share of the proposals that were accepted.
    thinning : int
        Proposals for each draw.
    stopped_by : {"n_draws", "max_seconds", "interrupt"}
    """

    draws: np.ndarray
    at_draws: np.ndarray
    at_proposals: np.ndarray
    accepted: float
    thinning: int
    stopped_by: str


def run_chains(
    log_target, proposal, theta, value, n_draws, every, rng, *, repeats=0.05, tell=None
):
    r"""Run chains side by side: independent proposals, and slice moves in between.

    A draw x' of q takes the place of x with probability

    .. math:: \min\left(1, \frac{p(x')\, q(x)}{p(x)\, q(x')}\right),

    independence Metropolis-Hastings [1]_; after ``every`` of them each chain moves once by
    slice sampling along the difference of two others (:func:`slice_moves`). Both leave p as it
    is, for q is fixed. Global proposals carry chains between modes, local moves are what gets one
    away from where q is too low [2]_, algorithm 1.

    A first block is left out; its acceptance rate says how many proposals there are for each
    draw that is kept, so that few draws are the one before once more.

    Parameters
    ----------
    log_target : callable
        Of rows (n, d), to log densities (n,), -inf where there are none.
    proposal : object
        With ``draw(n, rng)`` and ``log_density(rows)``.
    theta : ndarray of shape (n_chains, d)
        Where they begin, at least 4 chains.
    value : ndarray of shape (n_chains,)
        log p there, all finite.
    n_draws, every : int
    rng : RandomState
    repeats : float, default=0.05
        Share of the draws that may be the one before once more, unless that takes more than five
        proposals for each.
    tell : callable, default=None
        Called with the number of draws that each block has added.

    Returns
    -------
    Chains
        Of fewer draws if the time was up, or the user interrupted, after the first block.

    References
    ----------
    .. [1] Tierney (1994), Markov chains for exploring posterior distributions, Annals of
       Statistics 22(4), section 2.3.3.
    .. [2] Gabrie, Rotskoff & Vanden-Eijnden (2022), Adaptive Monte Carlo augmented with
       normalizing flows, PNAS 119(10), arXiv:2105.12603.
    """
    first = _next_block(log_target, proposal, _State(theta, value), every, rng)
    thinning = _thinning(first.accepts.mean(), repeats)
    blocks, stopped_by, now, done = [], "n_draws", first.end, 0
    while done < n_draws:
        if blocks and time_is_up():
            left_out(f"{n_draws - done} of {n_draws} draws of each chain")
            stopped_by = "max_seconds"
            break
        n = min(max(1, every // thinning), n_draws - done)
        try:
            block = _next_block(log_target, proposal, now, n * thinning, rng)
        except KeyboardInterrupt:
            if not blocks:
                raise
            stopped_by = "interrupt"
            break
        blocks.append(block)
        now, done = block.end, done + n
        if tell is not None:
            tell(n)
    return _chains(blocks, thinning, stopped_by)


def _thinning(accepted, repeats):
    """Proposals for a draw, so that few draws are the one before once more."""
    each = np.log(np.clip(1 - accepted, 1e-3, 1 - 1e-3))
    return int(np.clip(np.ceil(np.log(repeats) / each), 1, MOST_PROPOSALS))


def _chains(blocks, thinning, stopped_by):
    last = slice(thinning - 1, None, thinning)
    parts = [(b.draws[last], b.at_draws[last], b.at_proposals, b.accepts) for b in blocks]
    draws, at_draws, at_proposals, accepts = (
        np.concatenate(each).swapaxes(0, 1) for each in zip(*parts, strict=True)
    )
    return Chains(draws, at_draws, at_proposals, float(accepts.mean()), thinning, stopped_by)


@dataclass(frozen=True)
class _State:
    """Where chains are (n_chains, d), and log p there."""

    theta: np.ndarray
    value: np.ndarray


@dataclass(frozen=True)
class _Block:
    """Some draws of each chain, (n, n_chains, ...), and where the chains are after them."""

    draws: np.ndarray
    at_draws: np.ndarray
    at_proposals: np.ndarray
    accepts: np.ndarray
    end: _State


def _next_block(log_target, proposal, now, n, rng):
    """One local move of each chain, then n proposals to it, which are all asked for at once."""
    moved, value = slice_moves(
        lambda rows, group: log_target(rows), now.theta[None], now.value[None], rng, 1
    )
    theta, value, chains = moved[0], value[0], np.arange(len(now.theta))
    rows = proposal.draw(n * len(theta), rng)
    found = log_target(rows)
    log_q = proposal.log_density(np.concatenate([theta, rows]))
    # step 0 is where the chains are, and a chain is told by the last step that it accepted
    rows = np.concatenate([theta, rows]).reshape(n + 1, *theta.shape)
    value = np.concatenate([value, found]).reshape(n + 1, -1)
    log_q = log_q.reshape(n + 1, -1)
    with np.errstate(invalid="ignore"):
        ratios = np.where(np.isfinite(value), value - log_q, -np.inf)
    threshold = np.log1p(-rng.random_sample((n, len(theta))))
    at, steps = np.zeros(len(theta), dtype=int), []
    for step in range(1, n + 1):
        accepts = ratios[step] - ratios[at, chains] >= threshold[step - 1]
        at = np.where(accepts, step, at)
        steps.append(at)
    at = np.array(steps)
    accepts = at == np.arange(1, n + 1)[:, None]
    end = _State(rows[at[-1], chains], value[at[-1], chains])
    return _Block(rows[at, chains], ratios[at, chains], ratios[1:], accepts, end)
