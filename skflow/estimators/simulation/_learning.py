"""The fit of a posterior: two densities cross-fitted on the same folds, and their pool."""

from dataclasses import dataclass

import numpy as np
from sklearn.base import clone

from skflow._clock import left_out, seconds_left, time_is_up, time_limit
from skflow._watch import tell
from skflow.estimators.flows._autoregressive import MAFDensity, NSFDensity
from skflow.estimators.flows._mixture import MixtureFlowDensity
from skflow.estimators.regressor._choice import gain
from skflow.estimators.simulation._pool import PosteriorPool
from skflow.estimators.simulation._weighing import held_out_views, pool_weights
from skflow.estimators.stack._candidates import seeded_clones
from skflow.estimators.stack._folds import assign_folds
from skflow.estimators.stack._stack import StackedDensity

__all__ = ["Views", "learn_views"]

N_FOLDS = 5
MOST_LIKELIHOOD_ROWS = 20_000  # of observations, where each theta has several
MOST_LIKELIHOOD_COLUMNS = 50
MOST_MIXTURE_ROWS = 3_000  # on more flows are better, and six fits of EM take minutes
# Of a simulator the noise may be far smaller than what a regression on theta leaves, which is the
# unit of the noise that smooths training rows: it would blur the likelihood.
NO_BLUR = 0.0
SURE = 2.0  # standard errors, by which a stack must be better than a single Gaussian
SHARE = 0.5  # of a limited time, after which no second view is begun


@dataclass(frozen=True)
class Views:
    """What a fit leaves.

    Attributes
    ----------
    pool : PosteriorPool
    views : dict
        The stacks by "npe" and "nle".
    scores : dict
        Mean held-out log densities of theta given x by name, where two views were compared.
    """

    pool: PosteriorPool
    views: dict
    scores: dict


def learn_views(estimator, prior, theta, asked, rng, inside=None):
    """Fit the views that a method wants to simulations, and weigh them.

    ``inside`` (n,) says which simulations are as if drawn from the prior, where not all are: the
    posterior is learnt from these alone, and the views are weighed by them.
    """
    method = _wanted_method(estimator.method, prior, asked)
    some = np.arange(len(theta)) if inside is None else np.flatnonzero(inside)
    fold = np.full(len(theta), -1)  # the likelihood learns from all others, in every fold
    fold[some] = assign_folds(theta[some], None, N_FOLDS, rng, asked.summaries[some])
    views, seeds = {}, {name: rng.randint(np.iinfo(np.int32).max) for name in ("npe", "nle")}
    if method != "nle":
        with time_limit(seconds_left() * (1 if method == "npe" else SHARE)):
            given = theta[some], asked.summaries[some], fold[some]
            tell(f"the posterior given x, of {len(some):,} simulations")
            views["npe"] = _fitted(estimator, *given, seeds["npe"], support=_support(prior))
    if method == "auto" and time_is_up(1 - SHARE / 2):
        left_out("the likelihood")
    elif method != "npe":
        given = _observations(theta, asked, fold, rng)
        tell("the likelihood of x given theta")
        views["nle"] = _fitted(estimator, *given, seeds["nle"], input_noise=NO_BLUR)
    return _weighed(prior, views, method, fold[some], theta[some], asked.some(some), rng)


def _wanted_method(method, prior, asked):
    """Return the method, "npe" for an "auto" that knows no prior or has too many columns."""
    k = asked.rows.shape[-1]
    if method == "auto" and (prior is None or k > MOST_LIKELIHOOD_COLUMNS):
        return "npe"
    if method in ("nle", "both") and prior is None:
        raise ValueError(
            f"method={method!r} learns the likelihood, which makes a posterior with a prior "
            "alone: pass prior, bounds or distributions by column."
        )
    return method


def _fitted(estimator, rows, context, fold, seed, **given):
    """Return a stack of densities of rows given a context, over given folds.

    Of "auto" it is a single Gaussian, a linear regression, unless held-out rows are likelier by a
    stack of others, by more than two standard errors: nothing errs as little where it is true.
    """
    stack = _stack(estimator, _pairs(estimator.density, len(rows)), fold, seed, given)
    stack.fit(rows, context=context)
    if not isinstance(estimator.density, str) or fold.max() < 0:
        return stack
    gaussian = [("gaussian", MixtureFlowDensity(n_components=1))]
    linear = _stack(estimator, gaussian, fold, seed, given).fit(rows, context=context)
    more, error = gain(stack.held_out_scores_, linear.held_out_scores_)
    return stack if more > SURE * error else linear


def _stack(estimator, pairs, fold, seed, given):
    """Return a stack that is not fitted, of densities told what of it they have a parameter for.

    What a user has set stays as it is.
    """
    rng = np.random.RandomState(seed)  # noqa: NPY002, a generator of its own
    pairs = seeded_clones(pairs, rng)
    for _, density in pairs:
        known = density.get_params()
        unset = [name for name in given if known.get(name, "") in (None, "auto")]
        density.set_params(**{name: given[name] for name in unset})
    cv = [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(fold.max() + 1)]
    given = {"n_jobs": estimator.n_jobs, "verbose": estimator.verbose, "random_state": seed}
    return StackedDensity(pairs, cv=cv, **given)


def _pairs(density, n):
    if isinstance(density, str):
        flows = [("flow", NSFDensity()), ("affine", MAFDensity())]
        mixture = [("mixture", MixtureFlowDensity())] if n <= MOST_MIXTURE_ROWS else []
        return [*flows, *mixture]
    if isinstance(density, StackedDensity) and isinstance(density.estimators, list):
        return density.estimators
    return [("density", clone(density))]


def _support(prior):
    """Bounds by column as flows declare them, those that are finite; None without any."""
    if prior is None:
        return None
    ends = {
        j: tuple(float(end) if np.isfinite(end) else None for end in pair)
        for j, pair in enumerate(prior.bounds)
    }
    return {j: pair for j, pair in ends.items() if pair != (None, None)} or None


def _observations(theta, asked, fold, rng):
    """Return single observations as rows, the theta of each, and the fold."""
    n, r, k = asked.rows.shape
    rows = np.arange(n * r)
    if r > 1 and len(rows) > MOST_LIKELIHOOD_ROWS:
        rows = rng.permutation(rows)[:MOST_LIKELIHOOD_ROWS]
    return asked.rows.reshape(n * r, k)[rows], theta[rows // r], fold[rows // r]


def _weighed(prior, views, method, fold, theta, asked, rng):
    """Return the pool of the views with the weights that a method wants."""
    npe, nle = views.get("npe"), views.get("nle")

    def pool(weights, k=None):
        models = [
            None if stack is None else (stack.mixture_ if k is None else stack.fold_mixtures_[k])
            for stack in (npe, nle)
        ]
        return PosteriorPool(prior, *models, weights)

    if nle is None:
        return Views(pool((1.0, 0.0)), views, {})
    if npe is None:
        return Views(pool((0.0, 1.0)), views, {})
    if fold.max() < 0:  # too few rows to hold any out
        return Views(pool((0.5, 0.5)), views, {})
    pools = [pool((1.0, 1.0), k) for k in range(fold.max() + 1)]
    held = held_out_views(pools, fold, theta, asked, rng)
    weights, scores = pool_weights(*held, both=method == "both")
    return Views(pool(weights), views, scores)
