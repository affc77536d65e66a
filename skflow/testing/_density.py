"""The public check of a density estimator: what scikit-learn's checks cannot see."""

import pickle
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.stats import multivariate_normal

from skflow.testing._declared import check_forgotten_context, check_support
from skflow.testing._draws import check_draws, check_samples
from skflow.testing._fits import (
    HEAVY_WEIGHT,
    INDEPENDENT,
    INTEGRAL,
    Fits,
    gaussian_log_density,
    rounded,
)
from skflow.testing._report import checks_but, fail, largest_error, require_at_most
from skflow.testing._units import check_offset, check_refit, check_rescaling

__all__ = ["check_density"]

_ROUND_TRIP = 1e-4
_WEIGHTED = 0.15
_ON_VALUES = 0.3
_ENTROPY = 0.2
_GAIN_ON_MOONS = 0.05


def check_density(estimator: Any, *, random_state: int = 0, skip: Sequence[str] = ()) -> None:
    r"""Check that an estimator learns a density and tells the truth about it.

    Three fits on tables of 300 and 600 rows, and two to four short ones on 200 rows, which make
    two epochs where the estimator has a parameter ``max_epochs``. The properties, by the names
    that ``skip`` takes:

    - ``scores``: ``score_samples`` returns one finite float64 a row;
    - ``independent_rows``: a row scores the same alone, in a batch of any size, in another order,
      beside outliers and beside itself, within 1e-4, which is rounding in float32;
    - ``integral``: the density integrates to one (within 0.01) on a grid, for d = 1 and d = 2;
    - ``support``: with ``support={0: (0, None)}`` log densities are -inf below 0, draws stay
      above, and the density integrates to one over it; only for estimators with a parameter
      ``support``, a dictionary of bounds as :class:`skflow.NSFDensity` has it;
    - ``context``: a context is refused if the fit had none, and asked for if it had one; that
      moves scores and draws as it moves the rows. A ``fit`` that takes no context, or says so
      by a ValueError, is right, too; :func:`check_conditional_density` looks closer;
    - ``refit``: an estimator that has been fitted and has scored other rows learns as a new one;
    - ``rescaling``: fitted on and scoring ``a * X``, every log density is that of X minus
      :math:`\sum \log|a|`. With powers of two for ``a`` and one seed, a fit that centres and
      scales sees the very same numbers, so 1e-3 allows for float32 but not for another fit;
    - ``offset``: fitted on and scoring X + 2**24, where float32 knows whole numbers at most, every
      log density is that of X, within 1e-2;
    - ``repeated_values``: where a column is rounded, values on its steps are not likelier than
      those between, by 0.3 nats at most;
    - ``global_state``: fits with a seed leave the global random states of numpy and torch alone;
    - ``samples``: ``sample`` returns an (n, d) array, repeats itself for one seed only and not
      within one call, and agrees with ``score_samples``: a histogram of 20,000 draws against the
      density's mass in each of its cells, and the draws' mean log density against minus the
      entropy by quadrature;
    - ``draws``: of three columns of a Gaussian: a known density integrates to one by draws as
      proposals (importance sampling: the mean of :math:`q / p`), and draws are like the rows:
      means, deviations and correlations within 0.15, at most one in 200 further out than all
      rows by half their range;
    - ``round_trip``: ``inverse_transform(transform(X))`` is X, within 1e-4 standard deviations;
      only for estimators with ``transform``;
    - ``pickle``: a pickled copy scores bit-equal;
    - ``weights``: an integer weight counts as so many copies of the row. Of two clusters of as
      many rows one has weight 4: its side holds 0.8 of the probability, within 0.15 (0.5 without
      weights); only for estimators whose ``fit`` has a parameter ``sample_weight``;
    - ``entropy``: the mean log density of fresh rows of the Gaussian, one column of which the fit
      saw rounded, is minus its entropy, within 0.2 nats;
    - ``moons``: on two moons, the mean held-out log density beats that of a Gaussian.

    Parameters
    ----------
    estimator : estimator
        Has ``fit``, ``score_samples`` and ``sample``. It is cloned, never fitted itself.
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
    KernelDensity has the same bandwidth in all units, so it lacks one property:

    >>> from sklearn.neighbors import KernelDensity
    >>> from skflow.testing import check_density
    >>> check_density(KernelDensity(bandwidth=0.25), skip=["rescaling"])
    """
    checks = checks_but(_CHECKS, skip)
    fits = Fits(estimator, random_state)
    for check in checks:
        check(fits)


def _check_scores(fits):
    scores = fits.on_moons.score_samples(fits.moons)
    if not isinstance(scores, np.ndarray) or scores.shape != (len(fits.moons),):
        got = getattr(scores, "shape", type(scores).__name__)
        fail(fits.estimator, "scores", f"score_samples returned {got}, not one number a row")
    if scores.dtype != np.float64 or not np.isfinite(scores).all():
        fail(fits.estimator, "scores", "score_samples of training rows is not finite float64")


def _check_independent_rows(fits):
    score, X = fits.on_moons.score_samples, fits.moons_held_out[:200]
    scores = score(X)
    outliers = np.full((20, 2), 1e3)
    others = {
        "in reverse order": score(X[::-1])[::-1],
        "among 4,000": score(fits.moons_held_out)[:200],
        "beside outliers": score(np.concatenate([outliers, X]))[20:],
        "beside itself": score(np.repeat(X[:20], 3, axis=0))[1::3],
        "in twos": np.concatenate([score(X[i : i + 2]) for i in range(0, 20, 2)]),
        "alone": np.concatenate([score(row[None]) for row in X[:20]]),
    }
    for where, other in others.items():
        error = largest_error(other, scores[: len(other)])
        explanation = f"a row scores differently {where}"
        require_at_most(fits.estimator, "independent_rows", error, INDEPENDENT, explanation)


def _check_integral(fits):
    for n_features, grid in ((1, fits.clusters_grid), (2, fits.moons_grid)):
        explanation = f"the density of {n_features} feature(s) integrates to {grid.mass.sum():.4g}"
        error = abs(grid.mass.sum() - 1.0)
        require_at_most(fits.estimator, "integral", error, INTEGRAL, explanation)


def _check_repeated_values(fits):
    X = fits.gaussian_held_out
    scores = fits.on_gaussian.score_samples(X)
    gain = (fits.on_gaussian.score_samples(rounded(X)) - scores).mean()
    explanation = "rows on repeated values are likelier than rows between them, by nats"
    require_at_most(fits.estimator, "repeated_values", gain, _ON_VALUES, explanation)


def _check_global_state(fits):
    fits.on_gaussian  # noqa: B018 - of all tables the one with repeated values
    if not fits.left_alone:
        fail(fits.estimator, "global_state", "a fit with a seed drew from a global random state")


def _check_round_trip(fits):
    if not hasattr(fits.estimator, "transform"):
        return
    X = fits.moons_held_out
    Z = fits.on_moons.transform(X)
    if Z.shape != X.shape:
        fail(fits.estimator, "round_trip", f"transform made {Z.shape} of {X.shape}")
    error = (np.abs(fits.on_moons.inverse_transform(Z) - X) / X.std(axis=0)).max()
    explanation = "inverse_transform(transform(X)) is not X"
    require_at_most(fits.estimator, "round_trip", error, _ROUND_TRIP, explanation)


def _check_pickle(fits):
    try:
        copy = pickle.loads(pickle.dumps(fits.on_moons))
    except Exception as error:
        name = type(fits.estimator).__name__
        raise AssertionError(f"{name}: pickle: the fitted estimator fails: {error}") from error
    X = fits.moons_held_out
    if not np.array_equal(copy.score_samples(X), fits.on_moons.score_samples(X)):
        fail(fits.estimator, "pickle", "a pickled copy does not score bit-equal")


def _check_weights(fits):
    if not fits.takes_weights:
        return
    grid, expected = fits.clusters_grid, HEAVY_WEIGHT / (1 + HEAVY_WEIGHT)
    heavy = grid.mass[grid.points[:, 0] > 0].sum()
    explanation = f"with weight {HEAVY_WEIGHT} on a cluster its side holds {heavy:.3g} of one"
    require_at_most(fits.estimator, "weights", abs(heavy - expected), _WEIGHTED, explanation)


def _check_entropy(fits):
    X = fits.gaussian_held_out
    # on the same rows, so that the noise of a finite sample cancels
    error = abs((gaussian_log_density(X) - fits.on_gaussian.score_samples(X)).mean())
    explanation = "cross-entropy of a Gaussian's rows minus the Gaussian's entropy, nats"
    require_at_most(fits.estimator, "entropy", error, _ENTROPY, explanation)


def _check_moons(fits):
    gaussian = multivariate_normal(fits.moons.mean(axis=0), np.cov(fits.moons.T))
    X = fits.moons_held_out
    gain = (fits.on_moons.score_samples(X) - gaussian.logpdf(X)).mean()
    explanation = f"on two moons the gain over a Gaussian is {gain:.3g} nats; shortfall"
    require_at_most(fits.estimator, "moons", _GAIN_ON_MOONS - gain, 0.0, explanation)


# Rows that influence each other upset every other property too, so they are looked at first.
_CHECKS = {
    "scores": _check_scores,
    "independent_rows": _check_independent_rows,
    "integral": _check_integral,
    "support": check_support,
    "context": check_forgotten_context,
    "refit": check_refit,
    "rescaling": check_rescaling,
    "offset": check_offset,
    "repeated_values": _check_repeated_values,
    "global_state": _check_global_state,
    "samples": check_samples,
    "draws": check_draws,
    "round_trip": _check_round_trip,
    "pickle": _check_pickle,
    "weights": _check_weights,
    "entropy": _check_entropy,
    "moons": _check_moons,
}
