"""All that the diagnostics measure about one fitted estimator and one table."""

import copy
from dataclasses import dataclass

import numpy as np
from scipy import stats
from scipy.special import logsumexp
from sklearn.mixture import GaussianMixture

from skflow._validation import check_data
from skflow.diagnostics.measures._checks import check_whole_density
from skflow.diagnostics.measures._coverage import hdr_coverage
from skflow.diagnostics.measures._latents import latent_normality, standard_latents
from skflow.diagnostics.measures._marginals import marginal_pits
from skflow.diagnostics.measures._normalization import normalization
from skflow.diagnostics.measures._round_trip import round_trip_error
from skflow.diagnostics.measures._sampler import sampler_agreement
from skflow.diagnostics.measures._tails import tail_comparison
from skflow.diagnostics.measures._training import training_curves
from skflow.diagnostics.measures._two_sample import two_sample_test
from skflow.diagnostics.report._spreading import spread_rows
from skflow.estimators._drawing import draw_from
from skflow.tables._bounds import outside_support
from skflow.tables._observation import observation_of

__all__ = ["Evidence", "gather"]

MIN_ROWS = 30
MIN_LATENTS = 8
FAR = 20  # interquartile ranges
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
        Held-out rows, repeated values spread; without columns that the fit found constant.
    samples : ndarray of shape (m, d)
        The same columns of draws.
    scores, sample_scores : ndarray of shape (n,) and (m,)
    training_scores : ndarray or None
        Of the rows of the fit, if they were given.
    ties : list of str
        Columns with repeated values, by name or number.
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
    _check_kind(estimator)
    X = _rows(estimator, X, random_state)
    observation = observation_of(estimator, X)
    rows = observation.turn(spread_rows(estimator, X, random_state))
    samples = np.asarray(draw_from(estimator, N_DRAWS, random_state), dtype=float)
    # scikit-learn's mixtures draw one component after the other
    samples = observation.turn(np.random.default_rng(random_state).permutation(samples))
    score = _inside(observation, _scorer(_without_names(estimator)))
    scores, sample_scores = score(rows), score(samples)
    training_scores = None
    if X_train is not None:
        training_rows = _rows(estimator, X_train, random_state)
        training_scores = score(spread_rows(estimator, training_rows, random_state))
    # what repeats in all rows is spread for the fit alone
    varies = np.flatnonzero([kind != "constant" for kind in observation.ties.kinds])
    varies = varies if len(varies) else np.arange(X.shape[1])
    names = _names(estimator, X)
    findings = {}
    if _has_history(estimator):
        findings["training"] = training_curves(estimator.history_)
    findings["coverage"] = hdr_coverage(sample_scores, scores)
    findings |= _of_draws(samples, rows, varies, names, random_state)
    if observation.continuous:  # a walk would leave the integers
        findings["draws against scores"] = sampler_agreement(
            score, samples[:N_WALKERS], random_state=random_state, feature_names=names
        )
    findings |= _of_flow(_without_names(estimator), observation, rows[np.isfinite(scores)])
    if observation.continuous and X.shape[1] <= MAX_COLUMNS_OF_INTEGRAL:
        findings["integral"] = _integral(score, rows, samples, random_state)
    return Evidence(
        estimator,
        rows[:, varies],
        samples[:, varies],
        scores,
        sample_scores,
        training_scores,
        [names[j] for j in observation.dequantized],
        findings,
    )


def _check_kind(estimator):
    for name in ("score_samples", "sample"):
        if not hasattr(estimator, name):
            raise TypeError(
                f"expected an estimator with score_samples and sample, but "
                f"{type(estimator).__name__} has no {name}. Of a pipeline diagnose the last step: "
                "diagnose(pipeline[-1], pipeline[:-1].transform(X))"
            )
    check_whole_density(estimator)


def _rows(estimator, X, random_state):
    X = check_data(estimator, X, reset=False)
    if len(X) < MIN_ROWS:
        raise ValueError(
            f"X has {len(X)} rows, and a minimum of {MIN_ROWS} is required: with fewer no "
            "check sees anything. Hold out more rows."
        )
    if len(X) > MAX_ROWS:
        X = X[np.random.default_rng(random_state).permutation(len(X))[:MAX_ROWS]]
    return X


def _names(estimator, X):
    """Names of all columns, their numbers where there are none."""
    return [str(name) for name in getattr(estimator, "feature_names_in_", np.arange(X.shape[1]))]


def _without_names(estimator):
    """Return the estimator as if fitted to an array, to be given arrays without a warning."""
    nameless = copy.copy(estimator)
    vars(nameless).pop("feature_names_in_", None)
    return nameless


def _scorer(estimator):
    def score(rows):
        scores = np.asarray(estimator.score_samples(rows), dtype=float)
        if np.isnan(scores).any():
            raise ValueError(
                f"score_samples gives NaN for {int(np.isnan(scores).sum())} of {len(rows)} rows, "
                f"the first of them {rows[np.isnan(scores)][0]}"
            )
        return scores

    return score


def _has_history(estimator):
    # records of variational fits come in stages, each with epochs of its own
    history = getattr(estimator, "history_", None)
    return bool(history) and "stage" not in history[0]


def _inside(observation, score):
    """Score rows in one period only: over all of them a density has no integral."""
    low, high = observation.bounds[:2]
    return lambda X: np.where(outside_support(X, low, high), -np.inf, score(X))


def _of_draws(samples, X, varies, names, random_state):
    samples, X, names = samples[:, varies], X[:, varies], [names[j] for j in varies]
    return {
        "margins": marginal_pits(samples, X, names),
        "tails": tail_comparison(samples, X, names),
        "draws against rows": two_sample_test(samples, X, random_state),
    }


def _of_flow(estimator, observation, X):
    """Return findings about the latents of rows inside a declared support."""
    is_flow = hasattr(estimator, "flow_") and hasattr(estimator, "inverse_transform")
    if not is_flow or len(X) < MIN_LATENTS:
        return {}
    back = observation.turn(estimator.inverse_transform(estimator.transform(X)))
    latents = standard_latents(estimator, X)
    return {"latents": latent_normality(latents), "round trip": round_trip_error(X, back)}


def _integral(score, X, samples, random_state):
    """By Gaussians around rows and draws, half as wide again, and one three times as wide."""
    rows = np.concatenate([X, samples[: len(X)]])
    low, high = np.quantile(rows, [0.25, 0.75], axis=0)
    scale = np.where(high > low, high - low, rows.std(axis=0) + np.finfo(float).tiny)
    # a row that is very far would take a Gaussian of its own
    near = np.clip((rows - low) / scale, -FAR, FAR)
    d = rows.shape[1]
    n_components = int(np.clip(len(rows) // (100 * d), 1, 5))
    mixture = GaussianMixture(n_components, reg_covar=1e-6, random_state=random_state).fit(near)
    weights = np.append(0.8 * mixture.weights_, 0.2)
    means = np.vstack([mixture.means_, near.mean(axis=0)])
    roots = [1.5 * np.linalg.cholesky(c) for c in mixture.covariances_]
    whole = np.cov(near.T).reshape(d, d) + 1e-6 * np.eye(d)
    roots = np.array([*roots, 3 * np.linalg.cholesky(whole)])
    rng = np.random.default_rng(random_state)
    component = rng.choice(len(weights), size=N_DRAWS, p=weights)
    noise = rng.normal(size=(N_DRAWS, d))
    u = means[component] + np.einsum("nij,nj->ni", roots[component], noise)
    log_parts = [
        np.log(w) + stats.multivariate_normal(m, root @ root.T).logpdf(u)
        for w, m, root in zip(weights, means, roots, strict=True)
    ]
    log_proposal = logsumexp(log_parts, axis=0) - np.log(scale).sum()
    return normalization(score(low + u * scale), log_proposal)
