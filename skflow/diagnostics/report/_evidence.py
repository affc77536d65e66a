"""All that the diagnostics measure about one fitted estimator and one table."""

import copy
from dataclasses import dataclass

import numpy as np

from skflow._validation import check_data
from skflow._watch import tell
from skflow.diagnostics.measures._checks import check_whole_density
from skflow.diagnostics.measures._coverage import hdr_coverage
from skflow.diagnostics.measures._far_draws import far_draws
from skflow.diagnostics.measures._latents import latent_normality
from skflow.diagnostics.measures._marginals import marginal_pits
from skflow.diagnostics.measures._repeats import RepeatedValues
from skflow.diagnostics.measures._round_trip import round_trip_error
from skflow.diagnostics.measures._sampler import N_STEPS, agreement_of_scored
from skflow.diagnostics.measures._scores import bits_per_dim
from skflow.diagnostics.measures._tails import tail_comparison
from skflow.diagnostics.measures._training import training_curves
from skflow.diagnostics.measures._two_sample import two_sample_test
from skflow.diagnostics.report._proposal import MAX_COLUMNS_OF_INTEGRAL, integral_around
from skflow.diagnostics.report._spreading import handles_ties, knowing_part, spread_rows
from skflow.diagnostics.report._view import View, view_of
from skflow.estimators._drawing import draw_from
from skflow.estimators.frames._density import TableDensity
from skflow.tables._bounds import outside_support
from skflow.tables._observation import observation_of

__all__ = ["Evidence", "gather"]

MIN_ROWS = 30
MIN_LATENTS = 8
MIN_DRAWS = 100
MAX_ROWS = 5_000
# draws and walkers, the fewer the more columns: entries in all, fewest and most
DRAWS = 45_000, 1_000, 4_000
WALKERS = 30_000, 1_000, 3_000
DRAWS_OF_LARGE_IMAGES, LARGE = 500, 1_000
MAX_LATENTS = 256  # of large images, that are looked at
MAX_COLUMNS_OF_WALK = 256  # beyond, hardly a step is taken
INSTEAD = {  # who judges what is no density of rows of numbers
    "FlowClassifier": "predict_proba is judged by sklearn.metrics.log_loss",
    "FlowOutlierDetector": "its p_values of rows that are normal are to be uniform",
    "FlowRegressor": "use skflow.compare_regressors, or displays of skflow.plots",
    "SimulationPosterior": "use skflow.check_posterior",
}


@dataclass(frozen=True)
class Evidence:
    """What :func:`gather` collects.

    Attributes
    ----------
    estimator : fitted estimator
    view : View
        What is looked at of the rows, and what it is called.
    raw : ndarray of shape (n, d)
        Held-out rows as they were given.
    raw_training : ndarray or None
        Rows of the fit, if they were given.
    X : ndarray of shape (n, k)
        What the view shows of the held-out rows, repeated values spread.
    samples : ndarray of shape (m, k)
        The same of draws.
    scores, sample_scores : ndarray of shape (n,) and (m,)
    training_scores : ndarray or None
        Of the rows of the fit, if they were given.
    findings : dict {str: Finding}
        Those that this estimator allows, by name.
    """

    estimator: object
    view: View
    raw: np.ndarray
    raw_training: np.ndarray | None
    X: np.ndarray
    samples: np.ndarray
    scores: np.ndarray
    sample_scores: np.ndarray
    training_scores: np.ndarray | None
    findings: dict


def gather(estimator, X, X_train, random_state):
    """Measure all that can be measured; see :func:`skflow.diagnose`."""
    _check_kind(estimator)
    X = _rows(estimator, X, random_state)
    observation = observation_of(knowing_part(estimator), X)
    view = view_of(estimator, X, observation)
    rows = observation.turn(spread_rows(estimator, X, random_state))
    tell("drawing")
    samples, n_lost = _draws(estimator, observation, X.shape[1], random_state)
    tell(f"scoring {len(rows):,} rows and {len(samples):,} draws")
    score = _inside(observation, _scorer(_without_names(estimator)))
    scores, sample_scores = score(rows), score(samples)
    training_scores = None
    if X_train is not None:
        X_train = _rows(estimator, X_train, random_state)
        training_scores = score(spread_rows(estimator, X_train, random_state))
    tell("checks of coverage, marginals, tails and modes")
    findings = _of_fit(estimator, observation, view)
    findings["coverage"] = hdr_coverage(sample_scores, scores)
    shown, drawn = view.columns(rows), view.columns(samples)
    one_value = np.ptp(view.columns(X), axis=0) == 0  # whatever the noise that spreads it
    reached = np.where(one_value, shown[:1], shown)
    findings |= _of_draws(drawn, shown, view.labels, random_state, reached, n_lost)
    findings |= _of_images(view, samples, rows)
    tell("checks of the integral and of the sampler")
    findings |= _of_density(score, observation, (samples, sample_scores), rows, view, random_state)
    findings |= _of_flow(_without_names(estimator), observation, rows[np.isfinite(scores)])
    if not observation.continuous:
        findings["bits"] = bits_per_dim(scores, X.shape[1])
    return Evidence(
        estimator,
        view,
        X,
        X_train,
        shown,
        drawn,
        scores,
        sample_scores,
        training_scores,
        {name: view.reworded(finding) for name, finding in findings.items()},
    )


def _check_kind(estimator):
    kind = type(estimator).__name__
    if kind in INSTEAD:
        raise TypeError(
            f"diagnose wants a density of rows, and this is a {kind}: {INSTEAD[kind]}."
        )
    for name in ("score_samples", "sample"):
        if not hasattr(estimator, name):
            raise TypeError(
                f"expected an estimator with score_samples and sample, but "
                f"{kind} has no {name}. Of a pipeline diagnose the last step: "
                "diagnose(pipeline[-1], pipeline[:-1].transform(X))"
            )
    check_whole_density(estimator)


def _rows(estimator, X, random_state):
    try:
        X = check_data(estimator, X, reset=False)
    except ValueError as error:
        if not isinstance(estimator, TableDensity):
            raise
        raise ValueError(
            "diagnose looks at rows of numbers without holes. Of a data frame as it is compare "
            "draws with rows: skflow.TableReport.from_frames(X, density.sample(len(X))). What "
            f"stood in the way: {error}"
        ) from error
    if len(X) < MIN_ROWS:
        raise ValueError(
            f"X has {len(X)} rows, and a minimum of {MIN_ROWS} is required: with fewer no "
            "check sees anything. Hold out more rows."
        )
    if len(X) > MAX_ROWS:
        X = X[np.random.default_rng(random_state).permutation(len(X))[:MAX_ROWS]]
    return X


def _budget(d, entries, fewest, most):
    """Draws of d columns: a share of so many entries."""
    return int(np.clip(entries // d, fewest, most))


def _draws(estimator, observation, d, random_state):
    """Draws (m, d) in random order, and how many were no numbers."""
    n = DRAWS_OF_LARGE_IMAGES if d > LARGE else _budget(d, *DRAWS)
    samples = np.asarray(draw_from(estimator, n, random_state), dtype=float)
    finite = np.isfinite(samples).all(axis=1)
    if finite.sum() < MIN_DRAWS:
        raise ValueError(
            f"sample gives {finite.sum()} rows of finite numbers out of {n}, and {MIN_DRAWS} are "
            "needed to compare draws with rows: see what sample does, or scale the columns and "
            "fit again."
        )
    # scikit-learn's mixtures draw one component after the other
    samples = np.random.default_rng(random_state).permutation(samples[finite])
    return observation.turn(samples), int(n - finite.sum())


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


def _of_fit(estimator, observation, view):
    findings = {}
    if _has_history(estimator):
        findings["training"] = training_curves(estimator.history_)
    if observation.dequantized:
        columns = [view.names[j] for j in observation.dequantized]
        findings["repeated values"] = RepeatedValues.of(columns, handles_ties(estimator))
    return findings


def _of_draws(samples, X, names, random_state, reached, n_lost):
    return {
        "margins": marginal_pits(samples, X, names),
        "tails": tail_comparison(samples, X, names),
        "far draws": far_draws(samples, reached, names, n_lost),
        "draws against rows": two_sample_test(samples, X, random_state),
    }


def _of_images(view, samples, X):
    found = view.of_images(samples, X)
    return {} if found is None else {"whole images": marginal_pits(*found)}


def _of_density(score, observation, drawn, X, view, random_state):
    """Return findings about scores of continuous rows: a walk would leave the integers."""
    findings, d = {}, X.shape[1]
    samples, sample_scores = drawn
    if observation.continuous and d <= MAX_COLUMNS_OF_WALK:
        n = _budget(d, *WALKERS)
        findings["draws against scores"] = agreement_of_scored(
            score, samples[:n], sample_scores[:n], N_STEPS, random_state, view.names
        )
    if observation.continuous and d <= MAX_COLUMNS_OF_INTEGRAL:
        findings["integral"] = integral_around(score, X, samples, random_state)
    return findings


def _of_flow(estimator, observation, X):
    """Return findings about the latents of rows inside a declared support."""
    is_flow = hasattr(estimator, "flow_") and hasattr(estimator, "inverse_transform")
    if not is_flow or len(X) < MIN_LATENTS:
        return {}
    from skflow.fitting._blocks import normal_scores

    latents = np.asarray(estimator.transform(X))  # transform may have been set to give a table
    back = observation.turn(np.asarray(estimator.inverse_transform(latents)))
    latents = normal_scores(estimator.flow_, latents)[:, :: -(-X.shape[1] // MAX_LATENTS)]
    return {"latents": latent_normality(latents), "round trip": round_trip_error(X, back)}
