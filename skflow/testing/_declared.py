"""What a density promises of declared bounds, and of a context, by short fits."""

import inspect

import numpy as np
from sklearn.utils.validation import has_fit_parameter

from skflow.testing._fits import INTEGRAL, Grid
from skflow.testing._report import fail, require_at_most

__all__ = ["check_forgotten_context", "check_support"]

_STEP_OF_CONTEXT = 4.0  # how far a context of 1 moves rows, in standard deviations and more


def check_support(fits):
    """Require that a declared bound holds, if the estimator has a parameter ``support``."""
    if "support" not in fits.estimator.get_params(deep=False):
        return
    X = np.column_stack([np.exp(fits.few[:, 0]), fits.few[:, 1]])
    fitted = fits.short(X, parameters={"support": {0: (0.0, None)}})
    outside = fitted.score_samples([[-0.1, 0.0], [-1e6, 0.0]])
    if not np.array_equal(outside, [-np.inf, -np.inf]):
        fail(fits.estimator, "support", f"outside of it log densities are {outside}, not -inf")
    lowest = fitted.sample(2_000, random_state=fits.seed)[:, 0].min()
    if not lowest >= 0:
        fail(fits.estimator, "support", f"the lowest draw is {lowest:.3g}, below 0")
    mass = Grid(_OfLogarithm(fitted), fits.few, 128, 7, reach=4.5).mass.sum()
    explanation = f"over it the density integrates to {mass:.4g}"
    require_at_most(fits.estimator, "support", abs(mass - 1.0), INTEGRAL, explanation)


class _OfLogarithm:
    """The density of rows whose first column is the logarithm of that of the fit."""

    def __init__(self, fitted):
        self.fitted = fitted

    def score_samples(self, U):
        return self.fitted.score_samples(np.column_stack([np.exp(U[:, 0]), U[:, 1:]])) + U[:, 0]


def check_forgotten_context(fits):
    """Require that a context is taken or refused, and is neither ignored nor forgotten."""
    if "context" in inspect.signature(fits.on_few.score_samples).parameters:
        _require_refusal(fits, fits.on_few, np.zeros((len(fits.few), 1)), "the fit had none")
    if not has_fit_parameter(fits.estimator, "context"):
        return
    context = (np.arange(len(fits.few)) % 2)[:, None].astype(np.float64)
    X = fits.few + _STEP_OF_CONTEXT * context
    try:
        fitted = fits.short(X, context=context)
    except ValueError:
        return  # which is a plain answer
    _require_refusal(fits, fitted, None, "the fit had one")
    gain = (
        fitted.score_samples(X, context=context) - fitted.score_samples(X, context=1 - context)
    ).mean()
    explanation = f"the right context gains {gain:.3g} nats over the wrong one; shortfall"
    require_at_most(fits.estimator, "context", 0.3 - gain, 0.0, explanation)
    draws = fitted.sample(500, random_state=fits.seed, context=[[0.0], [1.0]])
    if draws.shape != (2, 500, 2):
        fail(fits.estimator, "context", f"sample(500) for two contexts returned {draws.shape}")
    off = np.abs(np.median(draws[1] - draws[0], axis=0) - _STEP_OF_CONTEXT).max()
    explanation = "the context does not move draws as far as rows"
    require_at_most(fits.estimator, "context", off, 1.0, explanation)


def _require_refusal(fits, fitted, context, why):
    try:
        fitted.score_samples(fits.few, context=context)
    except (TypeError, ValueError):
        return
    given = "no context" if context is None else "a context"
    fail(fits.estimator, "context", f"score_samples accepts {given} although {why}")
