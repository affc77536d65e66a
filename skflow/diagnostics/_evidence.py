"""All that the diagnostics measure about one fitted estimator and one table."""

import warnings
from dataclasses import dataclass

import numpy as np
from sklearn.mixture import GaussianMixture
from sklearn.utils.validation import check_array, check_is_fitted

from skflow.diagnostics._coverage import hdr_coverage
from skflow.diagnostics._latents import latent_normality, standard_latents
from skflow.diagnostics._marginals import marginal_pits
from skflow.diagnostics._normalization import normalization
from skflow.diagnostics._round_trip import round_trip_error
from skflow.diagnostics._sampler import sampler_agreement
from skflow.diagnostics._tails import tail_comparison
from skflow.diagnostics._training import training_curves
from skflow.diagnostics._two_sample import two_sample_test
from skflow.estimators._drawing import draw_from
from skflow.estimators._ties import dequantize, find_ties

__all__ = ["Evidence", "gather"]

MIN_ROWS = 30
MAX_ROWS = 5_000
N_DRAWS = 4_000
N_WALKERS = 3_000
# columns beyond which no proposal is near enough to integrate over
MAX_COLUMNS_OF_INTEGRAL = 8


@dataclass(frozen=True)
class Evidence:
    """What :func:`gather` collects.

    Attributes
    ----------
    estimator : fitted estimator
    X : ndarray of shape (n, d)
        Held-out rows, repeated values spread.
    samples : ndarray of shape (m, d)
    scores, sample_scores : ndarray of shape (n,) and (m,)
    training_scores : ndarray or None
        Of the rows of the fit, if they were given.
    ties : list of int
        Columns of X with repeated values.
    findings : dict {str: Finding}
        Those that this estimator allows, by name.
    """

    estimator: object
    X: np.ndarray
    samples: np.ndarray
    scores: np.ndarray
    sample_scores: np.ndarray
    training_scores: np.ndarray | None
    ties: list
    findings: dict


def gather(estimator, X, X_train, random_state):
    """Measure all that can be measured; see :func:`skflow.diagnose`."""
    X = _rows(estimator, X, random_state)
    ties = find_ties(X)
    spread = _spread(estimator, X, ties, random_state)
    samples = np.asarray(draw_from(estimator, N_DRAWS, random_state), dtype=float)
    # scikit-learn's mixtures draw one component after the other
    samples = np.random.default_rng(random_state).permutation(samples)
    score = _quiet(estimator.score_samples)
    scores, sample_scores = score(spread), score(samples)
    findings = {}
    if _has_history(estimator):
        findings["training"] = training_curves(estimator.history_)
    findings["coverage"] = hdr_coverage(sample_scores, scores)
    findings["margins"] = marginal_pits(samples, spread)
    findings["tails"] = tail_comparison(samples, spread)
    findings["draws against rows"] = two_sample_test(samples, spread, random_state)
    findings["draws against scores"] = sampler_agreement(
        score, samples[:N_WALKERS], random_state=random_state
    )
    findings |= _of_flow(estimator, spread, scores)
    if X.shape[1] <= MAX_COLUMNS_OF_INTEGRAL:
        findings["integral"] = _integral(score, spread, samples, random_state)
    training_scores = None if X_train is None else score(check_array(X_train))
    tied = np.flatnonzero(ties.widths).tolist()
    return Evidence(
        estimator, spread, samples, scores, sample_scores, training_scores, tied, findings
    )


def _rows(estimator, X, random_state):
    check_is_fitted(estimator)
    for name in ("score_samples", "sample"):
        if not hasattr(estimator, name):
            raise TypeError(
                f"expected an estimator with score_samples and sample, but "
                f"{type(estimator).__name__} has no {name}. Of a pipeline diagnose the last step: "
                "diagnose(pipeline[-1], pipeline[:-1].transform(X))"
            )
    X = check_array(X, ensure_min_samples=MIN_ROWS, dtype=np.float64, input_name="X")
    if len(X) > MAX_ROWS:
        X = X[np.random.default_rng(random_state).permutation(len(X))[:MAX_ROWS]]
    return X


def _spread(estimator, X, ties, random_state):
    low, high = getattr(estimator, "support_bounds_", (None, None))[:2]
    rng = np.random.default_rng(random_state)
    return dequantize(X, ties.row_widths(X), rng, low, high)


def _quiet(function):
    """Do not warn that arrays have no column names."""

    def call(rows):
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="X does not have valid feature names")
            return np.asarray(function(rows), dtype=float)

    return call


def _has_history(estimator):
    # records of variational fits come in stages, each with epochs of its own
    history = getattr(estimator, "history_", None)
    return bool(history) and "stage" not in history[0]


def _of_flow(estimator, X, scores):
    """Return findings about the latents of rows inside a declared support."""
    if not hasattr(estimator, "flow_") or not hasattr(estimator, "inverse_transform"):
        return {}
    inside = X[np.isfinite(scores)]
    transform = _quiet(estimator.transform)
    back = estimator.inverse_transform(transform(inside))
    return {
        "latents": latent_normality(_quiet_latents(estimator, inside)),
        "round trip": round_trip_error(inside, back),
    }


def _quiet_latents(estimator, X):
    return _quiet(lambda rows: standard_latents(estimator, rows))(X)


def _integral(score, X, samples, random_state):
    """By a mixture of Gaussians around rows and draws, half as wide again as they are."""
    rows = np.concatenate([X, samples[: len(X)]])
    n_components = int(np.clip(len(rows) // (50 * X.shape[1]), 1, 10))
    mixture = GaussianMixture(n_components, reg_covar=1e-6, random_state=random_state)
    scale = rows.std(axis=0) + np.finfo(float).tiny
    mixture.fit(rows / scale)
    mixture.precisions_cholesky_ = mixture.precisions_cholesky_ / 1.5
    mixture.covariances_ = mixture.covariances_ * 1.5**2
    proposals = draw_from(mixture, N_DRAWS, random_state)
    log_proposal = mixture.score_samples(proposals) - np.log(scale).sum()
    return normalization(score(proposals * scale), log_proposal)
