"""How much each view of a posterior counts: what makes held-out parameters likeliest."""

import numpy as np
from scipy.optimize import minimize
from scipy.special import logsumexp

__all__ = ["MOST_ROWS", "held_out_views", "pool_weights"]

MOST_ROWS = 400  # held-out simulations that weights are chosen by
CANDIDATES = 256  # draws for each, over which a pool is normalised
WORTH_KEEPING = 0.01  # nats a simulation that a pool must bring
HIGHEST = 2.0  # weight of a view


def held_out_views(pools, fold, theta, asked, rng):
    """Ask models that have not seen them of simulations, and of candidates beside them.

    Parameters
    ----------
    pools : list of PosteriorPool
        Of the models without fold 0, 1, ...
    fold : ndarray of shape (n,)
        That each simulation is in, -1 for none.
    theta : ndarray of shape (n, d)
    asked : Asked
        Of all simulations.
    rng : RandomState

    Returns
    -------
    views : ndarray of shape (n_used, 1 + n_candidates, 2)
        What each view adds to the log prior of the true parameters, and of candidates.
    log_prior, log_start : ndarray of shape (n_used, 1 + n_candidates)
        Log densities of the prior, and of where the candidates were drawn from.
    """
    held = np.flatnonzero(fold >= 0)
    used = rng.permutation(held)[:MOST_ROWS]
    parts = []
    for k, pool in enumerate(pools):
        own = used[fold[used] == k]
        if len(own):
            parts.append(_views(pool, theta[own], asked.some(own), rng))
    return tuple(np.concatenate(pieces) for pieces in zip(*parts, strict=True))


def _views(pool, theta, asked, rng):
    candidates = pool.start(asked, CANDIDATES, rng)
    rows = np.concatenate([theta[:, None], candidates], axis=1)
    flat = rows.reshape(-1, rows.shape[-1])
    group = np.repeat(np.arange(len(rows)), rows.shape[1])
    views, log_prior = pool.views(flat, asked, group)
    log_start = pool.log_start(flat, asked, group)
    shape = rows.shape[:2]
    return views.reshape(*shape, 2), log_prior.reshape(shape), log_start.reshape(shape)


def pool_weights(views, log_prior, log_start, *, both=False):
    r"""Exponents (a, b) of the two views with the largest held-out likelihood.

    .. math::
        f(\theta) = p \left(\frac{q}{p}\right)^a l^b, \qquad
        \max_{a, b \ge 0} \sum_i \left( \log f_i
            - \log \frac1K \sum_k \frac{f_{ik}}{s_{ik}} \right)

    where candidates k come from the density s: the logarithmic pool of [1]_, whose exponents need
    not sum to one, since each view may be too sharp or too broad; of views that tell nothing, the
    prior is left. It is concave in (a, b). The
    true parameters are a candidate, too: with few that count, a sum without them is too small
    where they are likely.

    Parameters
    ----------
    views : ndarray of shape (n, 1 + n_candidates, 2)
    log_prior, log_start : ndarray of shape (n, 1 + n_candidates)
    both : bool, default=False
        Keep both views; by default one view as it is stands for a pool that is better by less
        than 0.01 nats a simulation.

    Returns
    -------
    weights : tuple of float
    scores : dict
        Mean held-out log density of parameters, in nats, of "npe", "nle" and "pool".

    References
    ----------
    .. [1] Genest & Zidek (1986), Combining probability distributions, Statistical Science 1(1),
       section 3.2.
    """
    fit = minimize(
        _loss,
        np.full(2, 0.5),
        args=(views, log_prior, log_start),
        jac=True,
        bounds=[(0.0, HIGHEST)] * 2,
        method="L-BFGS-B",
    )
    alone = {"npe": (1.0, 0.0), "nle": (0.0, 1.0)}
    scores = {
        name: -float(_loss(np.array(one), views, log_prior, log_start)[0])
        for name, one in alone.items()
    }
    best = max(alone, key=scores.get)
    scores["pool"] = -float(fit.fun)
    if not both and scores["pool"] - scores[best] < WORTH_KEEPING:
        return alone[best], scores
    return tuple(map(float, fit.x)), scores


def _loss(weights, views, log_prior, log_start):
    """Minus the mean held-out log density, and its gradient."""
    log_pool = log_prior + views @ weights
    ratio = log_pool - log_start
    log_constant = logsumexp(ratio, axis=1) - np.log(ratio.shape[1])
    share = np.exp(ratio - logsumexp(ratio, axis=1, keepdims=True))
    mean = np.einsum("nk,nkj->nj", share, views)
    gradient = views[:, 0] - mean
    return -(log_pool[:, 0] - log_constant).mean(), -gradient.mean(axis=0)
