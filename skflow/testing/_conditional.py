"""The public check of a density that is given a context."""

import pickle
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.special import expit, logsumexp
from scipy.stats import kstest, norm
from sklearn.base import clone
from sklearn.utils import check_random_state

from skflow.testing._fits import INDEPENDENT, INTEGRAL, Grid, reseeded
from skflow.testing._report import checks_but, fail, largest_error, require_at_most

__all__ = ["check_conditional_density"]

_RESCALED = 1e-3
_DISTANCE = 0.05  # of distribution functions, beyond what a sample's noise explains
_TRUTH = 0.2
_PLACES = np.array([[-1.5, 1.0], [-0.5, 0.0], [0.0, 1.0], [0.7, 0.0], [1.8, 1.0]])
_NOISE = 0.3
_UNITS, _CONTEXT_UNITS = 2.0**6, np.array([2.0**-9, 2.0**3])


def check_conditional_density(
    estimator: Any, *, random_state: int = 0, skip: Sequence[str] = ()
) -> None:
    r"""Check that an estimator learns a density given a context, and tells the truth about it.

    Two fits on 800 rows of :math:`y = s (1 + c_1^2 / 4) + c_2 + 0.3 \varepsilon` with standard
    normal :math:`c_1`, :math:`c_2` 0 or 1, and s of -1 or 1, 1 with probability
    :math:`1 / (1 + e^{-2 c_1})`: two modes whose place and share depend on the context. The
    properties, by the names that ``skip`` takes:

    - ``scores``: ``score_samples(X, context=)`` returns one finite float64 a row;
    - ``bad_input``: a context that is forgotten, or has other columns or rows, is a ValueError;
    - ``independent_rows``: a row scores the same alone and in another order;
    - ``integral``: at five contexts the density of y integrates to one (within 0.01);
    - ``context``: the wrong contexts make held-out rows less likely, by 0.3 nats at least;
    - ``rescaling``: in other units of y and of the context, log densities change by minus the
      logarithm of the unit of y and not otherwise (1e-3, with powers of two and one seed);
    - ``samples``: ``sample(n, context=)`` returns (n_rows, n, d), repeats itself for one seed
      only, and at five contexts has the distribution function that ``score_samples`` integrates
      to;
    - ``pit``: the probability integral transforms of held-out rows are uniform: their
      distribution function is within 0.05 of the diagonal, and noise;
    - ``pickle``: a pickled copy scores bit-equal;
    - ``truth``: the mean log density of 4,000 fresh rows is that of the density that drew them,
      within 0.2 nats.

    Parameters
    ----------
    estimator : estimator
        Has ``fit(X, context=)``, ``score_samples(X, context=)`` and ``sample(n, random_state=,
        context=)``. It is cloned, never fitted itself.
    random_state : int, default=0
        Seed of the tables, and of every parameter called ``random_state``.
    skip : collection of str, default=()
        Properties that the estimator is known not to have.

    Raises
    ------
    AssertionError
        Naming the property, the value measured and the tolerance.

    Examples
    --------
    >>> from skflow import MixtureFlowDensity
    >>> from skflow.testing import check_conditional_density
    >>> check_conditional_density(MixtureFlowDensity(n_components=8))
    """
    checks = checks_but(_CHECKS, skip)
    fits = _Fits(estimator, random_state)
    for check in checks:
        check(fits)


class _Fits:
    """The tables, one fit to them, and what its density is at fixed contexts."""

    def __init__(self, estimator, seed):
        self.estimator, self.seed = estimator, seed
        rng = check_random_state(seed)
        self.X, self.context = _draw(rng, 800)
        self.X_new, self.context_new = _draw(rng, 4_000)
        self.fitted = self._fit(self.X, self.context)
        self.scores = self.fitted.score_samples(self.X_new, context=self.context_new)

    def _fit(self, X, context):
        return reseeded(clone(self.estimator), self.seed).fit(X, context=context)

    def rescaled(self):
        """Fit in other units."""
        return self._fit(self.X * _UNITS, self.context * _CONTEXT_UNITS)

    def grid(self, place):
        """Return the density at a context (2,) on a grid over the line."""
        return Grid(_At(self.fitted, place), self.X, n_points=2_000, points_per_cell=50)

    def fail(self, prop, explanation):
        fail(self.estimator, prop, explanation)

    def require_at_most(self, prop, measured, tolerance, explanation):
        require_at_most(self.estimator, prop, measured, tolerance, explanation)


class _At:
    """A fitted density at one context."""

    def __init__(self, fitted, place):
        self.fitted, self.place = fitted, place

    def score_samples(self, X):
        return self.fitted.score_samples(X, context=np.tile(self.place, (len(X), 1)))


def _draw(rng, n):
    context = np.column_stack([rng.standard_normal(n), rng.randint(2, size=n)])
    sign = np.where(rng.uniform(size=n) < expit(2 * context[:, 0]), 1.0, -1.0)
    y = sign * (1 + context[:, 0] ** 2 / 4) + context[:, 1] + _NOISE * rng.standard_normal(n)
    return y[:, None], context


def _true_log_density(X, context):
    first, shift = context.T
    modes = [
        norm(sign * (1 + first**2 / 4) + shift, _NOISE).logpdf(X[:, 0])
        + np.log(expit(2 * sign * first))
        for sign in (-1, 1)
    ]
    return logsumexp(modes, axis=0)


def _check_scores(fits):
    scores, n = fits.scores, len(fits.X_new)
    if not isinstance(scores, np.ndarray) or scores.shape != (n,):
        got = getattr(scores, "shape", type(scores).__name__)
        fits.fail("scores", f"score_samples returned {got}, not one number a row")
    if scores.dtype != np.float64 or not np.isfinite(scores).all():
        fits.fail("scores", "score_samples is not finite float64")


def _check_bad_input(fits):
    X, context = fits.X_new[:5], fits.context_new[:5]
    wrong = {
        "forgotten": None,
        "one column short": context[:, :1],
        "one row short": context[:4],
    }
    for what, given in wrong.items():
        try:
            fits.fitted.score_samples(X, context=given)
        except ValueError:
            continue
        fits.fail("bad_input", f"score_samples takes a context that is {what}")


def _check_independent_rows(fits):
    X, context = fits.X_new[:200], fits.context_new[:200]
    reverse = fits.fitted.score_samples(X[::-1], context=context[::-1])[::-1]
    alone = [fits.fitted.score_samples(X[i : i + 1], context=context[i : i + 1]) for i in range(9)]
    for other in (reverse, np.concatenate(alone)):
        error = largest_error(other, fits.scores[: len(other)])
        fits.require_at_most("independent_rows", error, INDEPENDENT, "a row scores differently")


def _check_integral(fits):
    for place in _PLACES:
        mass = fits.grid(place).mass.sum()
        explanation = f"at the context {place} the density integrates to {mass:.4g}"
        fits.require_at_most("integral", abs(mass - 1), INTEGRAL, explanation)


def _check_context(fits):
    wrong = fits.fitted.score_samples(fits.X_new, context=fits.context_new[::-1])
    gain = fits.scores.mean() - wrong.mean()
    explanation = f"the right contexts gain {gain:.3g} nats over wrong ones; shortfall"
    fits.require_at_most("context", 0.3 - gain, 0.0, explanation)


def _check_rescaling(fits):
    X, context = fits.X_new[:500] * _UNITS, fits.context_new[:500] * _CONTEXT_UNITS
    expected = fits.scores[:500] - np.log(_UNITS)
    error = largest_error(fits.rescaled().score_samples(X, context=context), expected)
    fits.require_at_most("rescaling", error, _RESCALED, "log densities in other units")


def _check_samples(fits):
    fitted, n = fits.fitted, 4_000
    draws = fitted.sample(n, random_state=fits.seed, context=_PLACES)
    if draws.shape != (len(_PLACES), n, 1):
        fits.fail("samples", f"sample({n}) for {len(_PLACES)} contexts returned {draws.shape}")
    first, again = (fitted.sample(9, random_state=1, context=_PLACES) for _ in range(2))
    if not np.array_equal(first, again):
        fits.fail("samples", "one random_state gave two samples")
    if np.array_equal(fitted.sample(9, context=_PLACES), fitted.sample(9, context=_PLACES)):
        fits.fail("samples", "random_state=None gave the same sample twice")
    for place, own in zip(_PLACES, draws, strict=True):
        levels = _distribution(fits.grid(place), own[:, 0])
        distance = kstest(levels, "uniform").statistic
        noise = 2 / np.sqrt(n)
        explanation = f"distribution functions of draws and density at {place} differ"
        fits.require_at_most("samples", distance, 0.015 + noise, explanation)


def _check_pit(fits):
    X, context = fits.X_new[:300], fits.context_new[:300]
    levels = [_distribution(fits.grid(place), x)[0] for x, place in zip(X, context, strict=True)]
    distance, noise = kstest(levels, "uniform").statistic, 1.6 / np.sqrt(len(levels))
    explanation = "transforms of held-out rows are not uniform"
    fits.require_at_most("pit", distance, _DISTANCE + noise, explanation)


def _check_pickle(fits):
    copy = pickle.loads(pickle.dumps(fits.fitted))
    scores = copy.score_samples(fits.X_new, context=fits.context_new)
    if not np.array_equal(scores, fits.scores):
        fits.fail("pickle", "a pickled copy does not score bit-equal")


def _check_truth(fits):
    error = abs((_true_log_density(fits.X_new, fits.context_new) - fits.scores).mean())
    explanation = "mean log density of fresh rows against that of what drew them, nats"
    fits.require_at_most("truth", error, _TRUTH, explanation)


def _distribution(grid, x):
    """Distribution function of a density on a grid over the line, at x (n,)."""
    return np.interp(x, grid.points[:, 0], np.cumsum(grid.mass) - 0.5 * grid.mass)


_CHECKS = {
    "scores": _check_scores,
    "bad_input": _check_bad_input,
    "independent_rows": _check_independent_rows,
    "integral": _check_integral,
    "context": _check_context,
    "rescaling": _check_rescaling,
    "samples": _check_samples,
    "pit": _check_pit,
    "pickle": _check_pickle,
    "truth": _check_truth,
}
