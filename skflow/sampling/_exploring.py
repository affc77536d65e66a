"""From rows spread wide to a proposal that has all modes of a density."""

from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp

from skflow._clock import left_out, time_is_up
from skflow.sampling._normals import fit_normals
from skflow.sampling._pool import PooledProposal, fit_shares
from skflow.sampling._population import Population, effective_number, shares_of
from skflow.sampling._triangular import fit_triangular

__all__ = ["Explored", "explore"]

MOST_ROUNDS = 40
BISECTIONS = 30
BASE_ROWS, BASE_WIDTH = 50, 2.0  # rows that the base is fitted to, and its width in theirs
WANTED = 0.5  # of the rows of a round, that must count effectively when a power is chosen
FIRST_POWER, FASTEST = 0.1, 2.5  # of the target at first, and by how much it may grow in a round
LOOK_BACK, FLATTER = 0.2, 0.4  # rows of a round drawn once more from a proposal of a lower power
A_COMPONENT = 8  # rows in a round for each normal and (d + 1)
GOOD = 0.75  # share of a round's rows that count, at which a proposal is as good as may be
BETTER = 1.1  # times the best share before, below which a round has brought nothing
PATIENCE = 2  # rounds that may bring nothing
RISEN = 0.01  # nats that the log evidence by all rows may have risen in them
# Rows that a mixture has lost: of some weight, where the target is this many nats higher than the
# mixture, and no more than these below its mean.
COUNTS, LOST, BELOW = 0.5, 2.5, 2.0
MOST_LOST, LOST_SHARE = 15, 0.02


@dataclass(frozen=True)
class Explored:
    """What rounds of exploration have come to.

    Attributes
    ----------
    population : Population
    proposal : PooledProposal
        Of the last rounds of the highest power.
    power : float
        Of the target that was reached; 1 unless the rounds or the time ran out.
    history : list of dict
        A record a round: ``power``, ``n_components``, ``efficiency``, ``n_evaluations`` and the
        ``log_evidence`` by all rows so far.
    """

    population: Population
    proposal: PooledProposal
    power: float
    history: list


def explore(log_target, start, n_features, n_first, n_round, rng, *, share=1.0, tell=None):
    r"""Draw, weigh and fit in rounds, while a density grows sharp.

    Round t looks at :math:`p_\beta \propto b^{1 - \beta} p^\beta` with the largest power that
    leaves half as many effective rows as are drawn in a round, among all rows so far
    (``Population``). A mixture of normals and a ``TriangularProposal`` are fitted to them, pooled,
    and give the rows of the next round. While the power is small modes are wide and run
    into each other, so that none is out of reach; when it is 1 the rounds go on until they get no
    better and the evidence by all rows rises no more, as it does while a neck is being found.

    Where the density is high and the mixture much lower, a mode was lost for want of rows: a
    small normal is put there, and the next round looks.

    Parameters
    ----------
    log_target : callable
        Of rows (n, d), to log densities (n,), -inf where there are none.
    start : object
        With ``draw(n, rng)`` and ``log_density(rows)``, normalised, and ``log_base(rows)``: where
        the way to the target begins, which need not be.
    n_features, n_first, n_round : int
        Columns, rows of the start, and least rows of a round.
    rng : RandomState
    share : float, default=1.0
        Of a limited time, that the rounds may take.
    tell : callable, default=None
        Called with each record of ``history``.

    Returns
    -------
    Explored

    Raises
    ------
    ValueError
        If no row of the start has a density.
    """
    population, history = Population(log_target, n_features), []
    population.add(start, n_first, rng)
    _check_met(population, n_first)
    population.base = _base(population, start)
    power, n, made, last = 0.0, n_round, [], []
    while True:
        power = min(_power(population, WANTED * n), max(FIRST_POWER, FASTEST * power))
        proposal, n_normals = _fit(population, power, rng)
        n = max(n_round, A_COMPONENT * (n_features + 1) * n_normals)
        flatter = [q for q, beta in made if beta <= FLATTER * power]
        if flatter:
            population.add(flatter[-1], int(LOOK_BACK * n), rng)
        efficiency = effective_number(population.add(proposal, n, rng)) / n
        made.append((proposal, power))
        last = [*last, proposal][-PATIENCE - 1 :] if power == 1 else [proposal]
        history.append(
            {
                "power": power,
                "n_components": n_normals,
                "efficiency": efficiency,
                "n_evaluations": len(population),
                "log_evidence": population.log_evidence(),
            }
        )
        if tell is not None:
            tell(history[-1])
        if _is_enough([each for each in history if each["power"] == 1]):
            break
        if len(history) == MOST_ROUNDS or time_is_up(share):
            left_out("rounds of exploration")
            break
    return Explored(population, PooledProposal.equal(last), power, history)


def _is_enough(rounds):
    """Whether rounds of the target itself are good, or have brought nothing for a while."""
    last = [each["log_evidence"] for each in rounds[-PATIENCE - 1 :]]
    if len(rounds) < 2 or last[-1] > min(last) + RISEN:
        return False
    efficiencies = [each["efficiency"] for each in rounds]
    return efficiencies[-1] > GOOD or (
        len(rounds) > PATIENCE
        and max(efficiencies[-PATIENCE:]) < BETTER * max(efficiencies[:-PATIENCE])
    )


def _check_met(population, n_first):
    if not np.isfinite(population.value).any():
        raise ValueError(
            f"log_density is finite at none of {n_first} starting points. Declare bounds with "
            "support={index: (low, high)}, or say where to begin with start=, the prior if there "
            "is one."
        )


def _base(population, start):
    """Return the start's base, held back by a normal about all of a low power of the target."""
    population.base = start.log_base
    weight = shares_of(population.log_weights(_power(population, BASE_ROWS)))
    mean = weight @ population.rows
    scale = BASE_WIDTH * np.sqrt(weight @ (population.rows - mean) ** 2)
    scale = np.maximum(scale, 1e-300)
    return lambda x: start.log_base(x) - 0.5 * (((x - mean) / scale) ** 2).sum(axis=1)


def _power(population, wanted):
    """Largest power of the target with as many effective rows."""
    if effective_number(population.log_weights()) >= wanted:
        return 1.0
    low, high = 0.0, 1.0
    for _ in range(BISECTIONS):
        middle = 0.5 * (low + high)
        enough = effective_number(population.log_weights(middle)) >= wanted
        low, high = (middle, high) if enough else (low, middle)
    return low


def _fit(population, power, rng):
    """Fit a pool to rows weighed for a power; with how many normals are in it."""
    log_weights = population.log_weights(power)
    rows, weight = population.rows, shares_of(log_weights)
    mixture = fit_normals(rows, weight, rng)
    log_constant = logsumexp(log_weights) - np.log(len(rows))
    target = population.log_density(power) - log_constant
    level = weight[weight > 0] @ target[weight > 0]
    n_normals = len(mixture.weights)
    counting = (weight * len(rows) > COUNTS) & (target > level - BELOW)
    mixture = _with_the_lost(mixture, rows[counting], target[counting])
    bent = fit_triangular(rows, weight, rng)
    pool = fit_shares([mixture.with_tails(), bent], rows, weight)
    return pool, n_normals if pool.proposals != [bent] else 0


def _with_the_lost(mixture, rows, target):
    """Put normals where the target is known to be far higher than the mixture."""
    for _ in range(MOST_LOST):
        lost = target - mixture.with_tails().log_density(rows) > LOST
        if not lost.any():
            break
        highest = np.where(lost, target, -np.inf).argmax()
        mixture = mixture.and_more(rows[highest], LOST_SHARE)
    return mixture
