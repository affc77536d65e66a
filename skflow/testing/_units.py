"""What a density promises of other units, other origins and other fits before, by short fits."""

import numpy as np

from skflow.testing._fits import OFFSETS, SCALES
from skflow.testing._report import largest_error, require_at_most

__all__ = ["check_offset", "check_refit", "check_rescaling"]

_SAME = 1e-3
_NEARLY_THE_SAME = 1e-2


def check_refit(fits):
    """Require that nothing is left of an earlier fit, to which rows were scored."""
    if _all_at_once(fits):
        return
    X = fits.few * SCALES
    explanation = "fitted anew, an estimator scores unlike one that is fitted for the first time"
    error = largest_error(fits.refitted(X).score_samples(X), fits.short(X).score_samples(X))
    require_at_most(fits.estimator, "refit", error, _SAME, explanation)


def check_rescaling(fits):
    """Require that units change log densities by minus their logarithms."""
    if _all_at_once(fits):
        return
    X, expected = fits.few * SCALES, fits.scores_of_few - np.log(SCALES).sum()
    explanation = f"log densities of X * {SCALES} are not those of X minus sum(log(a))"
    error = largest_error(fits.short(X).score_samples(X), expected)
    require_at_most(fits.estimator, "rescaling", error, _SAME, explanation)


def check_offset(fits):
    """Require that a column far from zero has the density of the same column at zero."""
    if _all_at_once(fits):
        return
    X, expected = fits.few + OFFSETS, fits.scores_of_few
    explanation = f"log densities of X + {OFFSETS} are not those of X"
    error = largest_error(fits.short(X).score_samples(X), expected)
    require_at_most(fits.estimator, "offset", error, _NEARLY_THE_SAME, explanation)


def _all_at_once(fits):
    """Whether one fit keeps all three promises, so that no other one need tell them apart."""
    expected = fits.scores_of_few - np.log(SCALES).sum()
    return largest_error(fits.scores_moved, expected) <= _SAME
