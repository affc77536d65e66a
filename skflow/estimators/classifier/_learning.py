"""The fit of a classifier: common ground, candidates cross-fitted, weights by held-out rows."""

import numpy as np
from scipy.special import logsumexp, softmax

from skflow._persistence import stored
from skflow.estimators._score_table import ScoreTable, score_row
from skflow.estimators.classifier._candidates import AS_GIVEN, Candidate, class_candidates
from skflow.estimators.classifier._cross_fitting import (
    cross_fitted_classes,
    fit_candidates,
    folds_by_class,
)
from skflow.estimators.classifier._labelled import LabelledRows
from skflow.estimators.classifier._novelty import NoveltyScale
from skflow.estimators.classifier._pool import LogPool
from skflow.estimators.classifier._views import SharedViews
from skflow.estimators.stack._mixing import mixture_weights

__all__ = ["ClassMixture", "learn_classes"]

NOVELTY_VIEWS = "standardize", "gaussianize"


@stored
class ClassMixture:
    """Class densities, each on its view, and the weights of their mixture.

    Attributes
    ----------
    parts : list of (str, object)
        View and class densities.
    weights : ndarray of shape (n_parts,) or None
        With sum 1.
    """

    def __init__(self, parts, weights=None):
        self.parts, self.weights = parts, weights

    def each(self, views):
        """Log densities (n, n_classes, n_parts) in the units of X, of rows in their views."""
        columns = []
        for view, densities in self.parts:
            z, log_det = views[view]
            columns.append(densities.log_density(z) + log_det[:, None])
        return np.stack(columns, axis=-1)

    def log_density(self, views):
        """Log densities (n, n_classes) of the mixture."""
        return logsumexp(self.each(views), b=self.weights, axis=-1)


def learn_classes(classifier, X, code, weight, used, rng):
    """Fit a draft of a FlowClassifier.

    Parameters
    ----------
    classifier : FlowClassifier
        With ``classes_`` and ``shares_``; gets all other fitted attributes.
    X : ndarray of shape (n, d)
    code : ndarray of shape (n,)
    weight : ndarray of shape (n,)
        Positive, with mean 1.
    used : ndarray of shape (n_samples,)
        Which rows of the table these are, bool.
    rng : numpy.random.RandomState
    """
    n_classes, seed = len(classifier.classes_), int(rng.randint(2**31))
    candidates = class_candidates(classifier, rng)
    automatic = isinstance(classifier.density, str)
    strangers = _strangers(seed) if automatic else []
    kinds = {c.view for c in [*candidates, *strangers]} - {AS_GIVEN}
    classifier.views_, spread = SharedViews.fit(
        X,
        weight,
        sorted(kinds),
        np.random.default_rng(seed),
        support=classifier.support,
        resolution=classifier.resolution,
        names=getattr(classifier, "feature_names_in_", None),
    )
    seen = classifier.views_.apply(spread) | {AS_GIVEN: (X, np.zeros(len(X)))}
    rows = {view: LabelledRows(z, code, weight, n_classes) for view, (z, _) in seen.items()}
    fold = folds_by_class(X, code, classifier.cv, np.random.default_rng(seed), used)

    def fit(candidate):
        return cross_fitted_classes(candidate, rows[candidate.view], fold, seed, classifier.n_jobs)

    fitted = fit_candidates(fit, candidates, needed=not automatic)
    by_name, held = {c.name: c for c in candidates}, np.flatnonzero(fold >= 0)
    scores = np.stack(
        [(each.held_out + seen[each.view][1][:, None])[held] for each in fitted], axis=-1
    )
    trusted = np.array([by_name[each.name].trusted for each in fitted], dtype=float)
    _weigh(classifier, fitted, scores, code[held], weight[held], trusted / trusted.sum())
    classifier.fold_ = fold
    _keep_held_out(classifier, scores, held, code, weight, [s.seconds for s in fitted])
    _learn_novelty(classifier, strangers, [fit(each) for each in strangers], seen, fold, weight)


def _strangers(seed):
    """Candidates that tell rows of no class beside log p(x), which may be all of spikes.

    Kernels and closeness in both views are no densities. Gaussians with tails, on columns that
    are made normal, tell rows whose columns do not go together.
    """
    from skflow.estimators.classifier._gaussians import ClassGaussians
    from skflow.estimators.classifier._own_densities import ClonedDensities
    from skflow.estimators.outlier._pool import PooledKernels

    pooled = ClonedDensities(PooledKernels(random_state=seed))
    return [
        *(Candidate("pool", view, pooled, is_density=False) for view in NOVELTY_VIEWS),
        Candidate("tails", "gaussianize", ClassGaussians(1.0, tails=True)),
    ]


def _weigh(classifier, fitted, scores, code, weight, expected):
    """Set the mixture and, if it is asked for, the pool: by held-out rows."""
    own = scores[np.arange(len(code)), code]
    mixed = mixture_weights(own, weight) if len(fitted) > 1 else np.ones(1)
    kept = np.flatnonzero(mixed)
    classifier.mixture_ = ClassMixture(_models(fitted, kept), mixed[kept])
    n_folds = len(fitted[0].fold_models)
    classifier.fold_mixtures_ = [
        ClassMixture([(fitted[k].view, fitted[k].fold_models[fold]) for k in kept], mixed[kept])
        for fold in range(n_folds)
    ]
    classifier.mixture_weights_ = _by_name(fitted, mixed)
    classifier.calibration_ = classifier.pool_weights_ = classifier.pool_ = None
    if classifier.calibrate:
        pool = LogPool.fit(scores, code, weight, classifier.shares_, expected)
        used = np.flatnonzero(pool.weights > 0)
        if not len(used):  # no density tells the classes apart: shares alone are likelier
            used = np.arange(1)
        classifier.pool_weights_ = _by_name(fitted, pool.weights)
        classifier.pool_ = ClassMixture(_models(fitted, used))
        classifier.calibration_ = LogPool(pool.weights[used], pool.doubt)


def _models(fitted, which):
    return [(fitted[k].view, fitted[k].model) for k in which]


def _by_name(fitted, weights):
    return {each.name: float(w) for each, w in zip(fitted, weights, strict=True)}


def _keep_held_out(classifier, scores, held, code, weight, seconds):
    """Set what the models say of rows that they have not seen, and the table of candidates."""
    weights = np.array(list(classifier.mixture_weights_.values()))
    log_shares = np.log(classifier.shares_)
    mixed = logsumexp(scores, b=weights, axis=-1)
    classifier.held_out_scores_ = np.full(len(code), np.nan)
    classifier.held_out_scores_[held] = logsumexp(mixed + log_shares, axis=1)
    proba = softmax(mixed + log_shares, axis=1)
    if classifier.calibrate:
        pool = np.array(list(classifier.pool_weights_.values()))
        both = LogPool(pool, classifier.calibration_.doubt)
        proba = both.proba(scores, classifier.shares_)
    classifier.held_out_proba_ = np.full((len(code), len(classifier.classes_)), np.nan)
    classifier.held_out_proba_[held] = proba
    own = scores[np.arange(len(held)), code[held]]
    classifier.cv_scores_ = ScoreTable(
        [
            score_row(
                name,
                column,
                weight[held],
                weight=w,
                pool=(classifier.pool_weights_ or {}).get(name),
                seconds=spent,
            )
            for (name, w), column, spent in zip(
                classifier.mixture_weights_.items(), own.T, seconds, strict=True
            )
        ]
    )


def _learn_novelty(classifier, strangers, fitted, seen, fold, weight):
    """Set what novelty p-values come from; nothing without held-out rows."""
    classifier._strangers = [
        [
            (each.view, fit.fold_models[k], each.is_density)
            for each, fit in zip(strangers, fitted, strict=True)
        ]
        for k in range(len(classifier.fold_mixtures_))
    ]
    classifier._novelty = None
    held = fold >= 0
    if held.any():
        log_shares = np.log(classifier.shares_)
        scores = [classifier.held_out_scores_[held]]
        for each, fit in zip(strangers, fitted, strict=True):
            way = seen[each.view][1][held, None] if each.is_density else 0.0
            scores.append(logsumexp(fit.held_out[held] + way + log_shares, axis=1))
        classifier._novelty = NoveltyScale.fit(np.column_stack(scores), fold[held], weight[held])
