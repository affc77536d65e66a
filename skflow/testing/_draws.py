"""What a density promises of its draws: against itself, and against the rows of the fit."""

import numpy as np

from skflow.testing._fits import gaussian_log_density
from skflow.testing._report import fail, require_at_most

__all__ = ["check_draws", "check_samples"]

_N_DRAWS = 20_000
_FAR = 0.005
_MOMENTS = 0.15  # of means, deviations and correlations, in standard deviations


def check_samples(fits):
    """Require the protocol of ``sample``, and the density of the moons of its draws."""
    fitted = fits.on_moons
    draws = fitted.sample(_N_DRAWS, random_state=fits.seed)
    if not isinstance(draws, np.ndarray) or draws.shape != (_N_DRAWS, 2):
        got = getattr(draws, "shape", type(draws).__name__)
        fail(fits.estimator, "samples", f"sample({_N_DRAWS}) returned {got}, not an (n, d) array")
    if not np.array_equal(fitted.sample(9, random_state=1), fitted.sample(9, random_state=1)):
        fail(fits.estimator, "samples", "one random_state gave two samples")
    if np.array_equal(fitted.sample(9), fitted.sample(9)):
        fail(fits.estimator, "samples", "random_state=None gave the same sample twice")
    # float32 may give a few of them twice
    repeated = _N_DRAWS - len(np.unique(draws, axis=0))
    explanation = "draws of a density repeat each other"
    require_at_most(fits.estimator, "samples", repeated, 0.01 * _N_DRAWS, explanation)
    _require_the_same_density(fits, draws)


def _require_the_same_density(fits, draws):
    grid = fits.moons_grid
    masses = grid.cell_masses()
    distance = 0.5 * np.abs(grid.cell_shares(draws) - masses).sum()
    # the expected distance of that many draws from their own density, and a margin
    noise = np.sqrt(masses * np.abs(1 - masses) / (2 * np.pi * len(draws))).sum()
    explanation = "histogram of the draws against the density, total variation distance"
    require_at_most(fits.estimator, "samples", distance, noise + 0.015, explanation)

    scores = fits.on_moons.score_samples(draws)
    error = abs(scores.mean() + grid.entropy())
    noise = scores.std() / np.sqrt(len(scores))
    explanation = "mean log density of the draws against minus the entropy"
    require_at_most(fits.estimator, "samples", error, 5 * noise + 0.01, explanation)


def check_draws(fits):
    """Require that draws in three columns are those of the density, and are like the rows."""
    draws = fits.on_gaussian.sample(_N_DRAWS // 2, random_state=fits.seed)
    # The integral of a known density q that lies within p, by draws of p: the mean of q / p is 1.
    # Were q not moved and narrowed, q / p would be 1 everywhere, whatever was drawn.
    known = gaussian_log_density(draws, shift=0.4, shrinkage=0.7)
    ratios = np.exp(known - fits.on_gaussian.score_samples(draws))
    noise = ratios.std() / np.sqrt(len(ratios))
    explanation = "a known density integrates by draws as proposals to another number than 1"
    error = abs(ratios.mean() - 1.0)
    require_at_most(fits.estimator, "draws", error, 5 * noise + 0.02, explanation)

    _require_likeness(fits, draws, fits.gaussian)


def _require_likeness(fits, draws, X):
    low, high = X.min(axis=0), X.max(axis=0)
    margin = 0.5 * (high - low)
    far = ((draws < low - margin) | (draws > high + margin)).any(axis=1).mean()
    explanation = "share of the draws that lie beyond all rows by half their range"
    require_at_most(fits.estimator, "draws", far, _FAR, explanation)
    # those far out, which are few, would be all that moments see
    z = np.clip((draws - X.mean(axis=0)) / X.std(axis=0), -5, 5)
    errors = {
        "means": np.abs(z.mean(axis=0)).max(),
        "deviations": np.abs(z.std(axis=0) - 1).max(),
        "correlations": np.abs(np.corrcoef(z.T) - np.corrcoef(X.T)).max(),
    }
    for what, error in errors.items():
        explanation = f"{what} of the draws against those of the rows"
        require_at_most(fits.estimator, "draws", error, _MOMENTS, explanation)
