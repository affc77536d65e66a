"""From a log density to the fitted attributes of a sampler."""

from dataclasses import dataclass

import numpy as np

from skflow._clock import time_limit
from skflow._threads import one_thread
from skflow._watch import tell
from skflow.bijections import Chain
from skflow.estimators.sampler._asking import N_PROBES, Unbounded, read_target
from skflow.estimators.sampler._beginning import read_start
from skflow.estimators.sampler._proposing import fit_flow_proposal, with_flow
from skflow.estimators.sampler._verdict import judge_chains
from skflow.sampling import explore, run_chains, shares_of
from skflow.tables._bounds import resolve_support
from skflow.tables._observation import ContinuousRows

__all__ = ["draw_from_density"]

ROUND, ROUND_A_COLUMN = 400, 50  # rows of a round of exploration
GOOD = 0.7  # share of a round's rows that count, from which on a flow need not propose
EVERY, EVERY_IF_POOR = 20, 5  # proposals between two local moves
SHARE_OF_EXPLORATION = 0.6  # of a limited time
REPEATS, REPEATS_OF_MANY = 0.2, 0.05  # share of the draws that may repeat the one before
CHAINS, FEW_COLUMNS = 20, 4  # twice as many chains for more columns


@dataclass(frozen=True)
class Settings:
    """Resolved parameters of a sampler."""

    n_chains: int
    n_draws: int
    max_seconds: float | None
    verbose: int


def draw_from_density(estimator, log_density, names, seed):
    """Explore a density, run chains, and return the attributes of ``estimator`` by name.

    The estimator stays as it is.
    """
    d = estimator.n_features
    low, high = resolve_support(estimator.support, d, names)
    space = Unbounded(low, high)
    start = read_start(estimator.start, space, names)
    n_chains = estimator.n_chains
    if n_chains == "auto":
        n_chains = CHAINS if d <= FEW_COLUMNS else 2 * CHAINS
    settings = Settings(
        int(n_chains), int(estimator.n_draws), estimator.max_seconds, estimator.verbose
    )
    rng = np.random.RandomState(seed)  # noqa: NPY002 - what the moves and flows take
    with time_limit(settings.max_seconds), one_thread():
        space.target = read_target(log_density, space.rows(start.draw(N_PROBES, rng)))
        explored, flow, chains = _drawn(space, start, d, settings, rng)
    judged = judge_chains(chains, explored, names)
    observation = ContinuousRows.within(low, high)
    return {
        **_of_chains(space, chains, judged),
        "flow_": _bounded_flow(flow.density.flow_, space),
        "history_": explored.history,
        "n_iter_": len(explored.history),
        "n_features_in_": d,
        "_n_features_out": d,
        "n_chains_": settings.n_chains,
        "observation_": observation,
        "support_bounds_": observation.bounds,
        "feature_names_": names,
        "n_evaluations_": space.target.n_evaluations,
        "n_nonfinite_": space.target.n_nonfinite,
        "context_": None,
    }


def _drawn(space, start, d, settings, rng):
    """Explore, fit a flow, and run chains."""
    n_round = ROUND + ROUND_A_COLUMN * d
    explored = explore(
        space, start, d, 2 * n_round, n_round, rng, share=SHARE_OF_EXPLORATION, tell=_tell_round
    )
    population, proposal = explored.population, explored.proposal
    flow = fit_flow_proposal(population, rng, max(0, settings.verbose - 1))
    good = explored.history[-1]["efficiency"] > GOOD
    if not good:
        proposal = with_flow(population, proposal, flow, n_round, rng)
    first = rng.choice(len(population), settings.n_chains, p=shares_of(population.log_weights()))
    chains = run_chains(
        space,
        proposal,
        population.rows[first],
        population.value[first],
        settings.n_draws,
        EVERY if good else EVERY_IF_POOR,
        rng,
        repeats=REPEATS if d <= FEW_COLUMNS else REPEATS_OF_MANY,
        tell=lambda n: tell(f"chains: {n} more draws each"),
    )
    return explored, flow, chains


def _of_chains(space, chains, judged):
    shape = chains.draws.shape
    return {
        "draws_": space.rows(chains.draws.reshape(-1, shape[-1])).reshape(shape),
        "log_evidence_": judged.log_evidence,
        "log_evidence_se_": judged.log_evidence_se,
        "rhat_": judged.rhat,
        "ess_": judged.ess,
        "acceptance_": chains.accepted,
        "thinning_": chains.thinning,
        "verdict_": judged.word,
        "verdict_reasons_": judged.reasons,
        "stopped_by_": chains.stopped_by,
    }


def _bounded_flow(flow, space):
    """Make of a flow of unbounded rows one of rows within their bounds."""
    if not (np.isfinite(space.low) | np.isfinite(space.high)).any():
        return flow
    inner = [] if flow.preprocessing is None else [flow.preprocessing]
    return flow.behind(Chain([space.support, *inner]))


def _tell_round(record):
    tell(
        f"exploring: power {record['power']:.3g}, {record['n_components']} normals, "
        f"{record['efficiency']:.0%} of the rows count, {record['n_evaluations']} evaluations"
    )
