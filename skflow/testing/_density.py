"""The public check of a density estimator: what scikit-learn's checks cannot see."""

import pickle
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.stats import multivariate_normal

from skflow.testing._fits import HEAVY_WEIGHT, SCALES, Fits, gaussian_log_density
from skflow.testing._report import checks_but, fail, require_at_most

__all__ = ["check_density"]

_ROW = 1e-4  # float32 sums in another order
_INTEGRAL = 0.01
_RESCALED = 1e-3
_ROUND_TRIP = 1e-4
_WEIGHTED = 0.1
_ENTROPY = 0.15
_GAIN_ON_MOONS = 0.05


def check_density(estimator: Any, *, random_state: int = 0, skip: Sequence[str] = ()) -> None:
    r"""Check that an estimator learns a density and tells the truth about it.

    Five fits on tables of 300 to 750 rows with one or two features. The properties, by the
    names that ``skip`` takes:

    - ``scores``: ``score_samples`` returns one finite float64 a row;
    - ``independent_rows``: a row scores the same alone, in another order and beside outliers;
    - ``integral``: the density integrates to one (within 0.01) on a grid, for d = 1 and d = 2;
    - ``rescaling``: fitted on and scoring ``a * X``, every log density is that of X minus
      :math:`\sum \log|a|`. With powers of two for ``a`` and one seed, a fit that centres and
      scales sees the very same numbers, so 1e-3 allows for float32 but not for another fit;
    - ``samples``: ``sample`` returns an (n, d) array, repeats itself for one seed only, and agrees
      with ``score_samples``: a histogram of 20,000 draws against the density's mass in each of
      its cells, and the draws' mean log density against minus the entropy by quadrature;
    - ``round_trip``: ``inverse_transform(transform(X))`` is X, within 1e-4 standard deviations;
      only for estimators with ``transform``;
    - ``pickle``: a pickled copy scores bit-equal;
    - ``weights``: an integer weight counts as so many copies of the row. Of two clusters one is
      fitted with weight 4, or with each row taken 4 times: its side holds the same probability
      within 0.1 (ignoring weights moves a quarter and more); only for estimators whose ``fit``
      has a parameter ``sample_weight``;
    - ``entropy``: the mean log density of fresh rows of a known Gaussian is minus its entropy,
      within 0.15 nats;
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
    >>> check_density(KernelDensity(bandwidth=0.2), skip=["rescaling"])
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
    fitted, X = fits.on_moons, fits.moons_held_out[:200]
    scores = fitted.score_samples(X)
    outliers = np.full((20, 2), 1e3)
    others = {
        "in reverse order": fitted.score_samples(X[::-1])[::-1],
        "beside outliers": fitted.score_samples(np.concatenate([outliers, X]))[20:],
        "alone": np.concatenate([fitted.score_samples(row[None]) for row in X[:20]]),
    }
    for where, other in others.items():
        error = _largest(other - scores[: len(other)], scores[: len(other)])
        explanation = f"a row scores differently {where}"
        require_at_most(fits.estimator, "independent_rows", error, _ROW, explanation)


def _check_integral(fits):
    for n_features, grid in ((1, fits.clusters_grid), (2, fits.moons_grid)):
        explanation = f"the density of {n_features} feature(s) integrates to {grid.mass.sum():.4g}"
        error = abs(grid.mass.sum() - 1.0)
        require_at_most(fits.estimator, "integral", error, _INTEGRAL, explanation)


def _check_rescaling(fits):
    X = fits.moons_held_out
    expected = fits.on_moons.score_samples(X) - np.log(SCALES).sum()
    error = _largest(fits.on_scaled_moons.score_samples(X * SCALES) - expected, expected)
    explanation = f"log densities of X * {SCALES} are not those of X minus sum(log(a))"
    require_at_most(fits.estimator, "rescaling", error, _RESCALED, explanation)


def _check_samples(fits):
    fitted, draws, grid = fits.on_moons, fits.samples, fits.moons_grid
    if not isinstance(draws, np.ndarray) or draws.shape != (20_000, 2):
        got = getattr(draws, "shape", type(draws).__name__)
        fail(fits.estimator, "samples", f"sample(20000) returned {got}, not an (n, d) array")
    if not np.array_equal(fitted.sample(9, random_state=1), fitted.sample(9, random_state=1)):
        fail(fits.estimator, "samples", "one random_state gave two samples")
    if np.array_equal(fitted.sample(9), fitted.sample(9)):
        fail(fits.estimator, "samples", "random_state=None gave the same sample twice")

    masses = grid.cell_masses()
    distance = 0.5 * np.abs(grid.cell_shares(draws) - masses).sum()
    # the expected distance of that many draws from their own density, and a margin
    noise = np.sqrt(masses * np.abs(1 - masses) / (2 * np.pi * len(draws))).sum()
    explanation = "histogram of the draws against the density, total variation distance"
    require_at_most(fits.estimator, "samples", distance, noise + 0.015, explanation)

    scores = fitted.score_samples(draws)
    error = abs(scores.mean() + grid.entropy())
    noise = scores.std() / np.sqrt(len(scores))
    explanation = "mean log density of the draws against minus the entropy"
    require_at_most(fits.estimator, "samples", error, 5 * noise + 0.01, explanation)


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
    heavy = []
    for grid in (fits.clusters_grid, fits.line_grid(fits.on_repeated_clusters)):
        heavy.append(grid.mass[grid.points[:, 0] > 0].sum())
    explanation = (
        f"with weight {HEAVY_WEIGHT} on a cluster its side holds {heavy[0]:.3g}, "
        f"with rows repeated {heavy[1]:.3g}"
    )
    require_at_most(fits.estimator, "weights", abs(heavy[0] - heavy[1]), _WEIGHTED, explanation)


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


def _largest(errors, values):
    """Largest error, relative to the value where that is above one; NaN propagates."""
    return (np.abs(errors) / np.maximum(np.abs(values), 1.0)).max()


# Rows that influence each other upset every other property too, so they are looked at first.
_CHECKS = (
    _check_scores,
    _check_independent_rows,
    _check_integral,
    _check_rescaling,
    _check_samples,
    _check_round_trip,
    _check_pickle,
    _check_weights,
    _check_entropy,
    _check_moons,
)
