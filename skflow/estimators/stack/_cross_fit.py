"""Cross-fitting of any density estimators, and the mixture weights that follow from it."""

import time
import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from scipy.special import logsumexp
from sklearn.base import clone
from sklearn.utils.validation import has_fit_parameter

from skflow._persistence import stored
from skflow._threads import one_thread
from skflow.estimators._drawing import draw_from
from skflow.estimators._trained import BaseFlowDensity
from skflow.tables._rows import group_rows

__all__ = [
    "CrossFit",
    "DensityMixture",
    "assign_folds",
    "cross_fit_all",
    "deal_folds",
    "fit_rows",
    "mixture_weights",
    "seeded_clones",
]

# Up to here every row is held out once; above, two folds of a tenth tell enough.
MAX_ROWS_HELD_OUT_ALL = 5_000
# A component whose loss costs less, in nats per held-out row, is not kept.
WORTH_KEEPING = 1e-3
# What a flow that is needed gets when the time is over.
MIN_SECONDS = 0.01
MIN_ROWS = 2  # that an estimator can be fitted to


@dataclass
class CrossFit:
    """A candidate fitted on all rows (or cross-fitted), and its held-out scores.

    Attributes
    ----------
    name : str
    estimator : estimator or None
        None if the fit failed.
    fold_estimators : list of estimator
        The models that did not see fold 0, 1, ...
    held_out : ndarray of shape (n_samples,) or None
        Log density of each row by a model that did not see it; NaN where no fold holds the row.
    seconds : float
    failure : str
        What went wrong; empty if nothing did.
    """

    name: str
    estimator: Any = None
    fold_estimators: list = field(default_factory=list)
    held_out: np.ndarray | None = None
    seconds: float = 0.0
    failure: str = ""


@stored
@dataclass(frozen=True)
class DensityMixture:
    """Fitted estimators and the weights (summing to one) with which their densities are mixed."""

    estimators: list
    weights: np.ndarray

    def score_samples(self, X):
        """Log density (n_samples,) of the rows of X."""
        log_density = np.column_stack([e.score_samples(X) for e in self.estimators])
        return logsumexp(log_density, b=self.weights, axis=1)

    def sample(self, n_samples, rng):
        """Draw rows (n_samples, n_features) in random order, with a numpy RandomState."""
        counts = rng.multinomial(n_samples, self.weights)
        parts = [
            draw_from(estimator, count, rng.randint(np.iinfo(np.int32).max))
            for estimator, count in zip(self.estimators, counts, strict=True)
            if count
        ]
        return np.concatenate(parts)[rng.permutation(n_samples)]


def assign_folds(X, weight, cv, rng):
    """Fold (n_samples,) that holds each row out, -1 for none.

    Equal rows share a fold, and rows of weight 0, which no model sees, are in none. Nor is any
    row if a fold would leave fewer than the two rows that a fit takes.
    """
    fold = np.full(len(X), -1)
    used = np.arange(len(X)) if weight is None else np.flatnonzero(weight)
    if hasattr(cv, "split"):
        for k, (_, test) in enumerate(cv.split(X[used])):
            fold[used[test]] = k
        return fold
    if isinstance(cv, list):  # splits number all rows of X
        for k, (_, test) in enumerate(cv):
            fold[test] = k
        if weight is not None:
            fold[weight == 0] = -1
        return fold
    first, group = group_rows(X[used])
    dealt = deal_folds(len(first), cv, rng)[group]
    if len(dealt) - np.bincount(dealt[dealt >= 0]).max() >= MIN_ROWS:
        fold[used] = dealt
    return fold


def deal_folds(n, n_folds, rng):
    """Deal n things out at random: the fold (n,) that holds each, -1 for none.

    Up to ``MAX_ROWS_HELD_OUT_ALL`` all are held; above, two folds of a tenth at most.
    """
    n_folds, n_held = (n_folds, n_folds) if n <= MAX_ROWS_HELD_OUT_ALL else (max(n_folds, 10), 2)
    n_folds = min(n_folds, n)
    n_held = min(n_held, n_folds)
    held = rng.permutation(n)
    if n_held < n_folds:
        held = held[: n_held * (n // n_folds)]
    fold = np.full(n, -1)
    fold[held] = np.arange(len(held)) % n_held
    return fold


def seeded_clones(pairs, rng):
    """Clones of (name, estimator) pairs, with a seed for every ``random_state`` that has none."""
    clones = [(name, clone(estimator)) for name, estimator in pairs]
    for _, estimator in clones:
        seeds = [
            name
            for name, value in sorted(estimator.get_params().items())
            if name.split("__")[-1] == "random_state" and value is None
        ]
        estimator.set_params(**{name: rng.randint(np.iinfo(np.int32).max) for name in seeds})
    return clones


def cross_fit_all(candidates, X, weight, fold, *, n_jobs=None, max_seconds=None, verbose=0):
    """Cross-fit (name, estimator) pairs side by side; the failures are in the results.

    With ``max_seconds``, flows get what is left of the time when they start, and whatever has
    not started by then is given up, but for the first candidate.
    """
    deadline = None if max_seconds is None else time.time() + max_seconds
    return Parallel(n_jobs=n_jobs, verbose=max(0, verbose - 1))(
        delayed(_cross_fit)(name, clone(estimator), X, weight, fold, _Clock(deadline, i == 0))
        for i, (name, estimator) in enumerate(candidates)
    )


@dataclass(frozen=True)
class _Clock:
    """When fitting is to end, and whether an estimator is needed even if it starts later."""

    deadline: float | None
    needed: bool

    def limit(self, estimator):
        """Hand the time left to an estimator that can stop by itself; raise if none is left."""
        if self.deadline is None:
            return
        left = self.deadline - time.time()
        if left <= 0 and not self.needed:
            raise TimeoutError("max_seconds was over before it was fitted")
        if "max_seconds" in estimator.get_params(deep=False):
            left, own = max(left, MIN_SECONDS), estimator.max_seconds
            estimator.set_params(max_seconds=left if own is None else min(own, left))


def _cross_fit(name, estimator, X, weight, fold, clock):
    result = CrossFit(name)
    start = time.perf_counter()
    caught = []
    try:
        with one_thread(), warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            fitted = _fit(estimator, X, weight, fold, clock)
            result.estimator, result.fold_estimators, result.held_out = fitted
        held = result.held_out[fold >= 0]
        if not np.isfinite(held).all():
            bad = int((~np.isfinite(held)).sum())
            result.failure = f"{bad} of {len(held)} held-out log densities are not finite"
    except Exception as error:  # noqa: BLE001, whatever a candidate does, the others go on
        result.failure = f"{type(error).__name__}: {error}"
    result.seconds = time.perf_counter() - start
    for warning in caught:
        warnings.warn(f"{name}: {warning.message}", warning.category, stacklevel=2)
    return result


def _fit(estimator, X, weight, fold, clock):
    if isinstance(estimator, BaseFlowDensity) and estimator.n_members != 1 and fold.max() >= 0:
        clock.limit(estimator)
        estimator._fit(X, weight, fold)
        return estimator, estimator._members(), estimator.held_out_scores_
    held = np.full(len(X), np.nan)
    models = []
    for k in range(fold.max() + 1):
        models.append(_fit_rows(clone(estimator), X, weight, fold != k, clock))
        held[fold == k] = models[-1].score_samples(X[fold == k])
    return _fit_rows(estimator, X, weight, np.full(len(X), True), clock), models, held


def _fit_rows(estimator, X, weight, rows, clock):
    clock.limit(estimator)
    return fit_rows(estimator, X, weight, rows)


def fit_rows(estimator, X, weight, rows):
    """Fit to the rows of a mask, with their weights if there are any, without weight 0."""
    if weight is None:
        return estimator.fit(X[rows])
    if not has_fit_parameter(estimator, "sample_weight"):
        raise TypeError("its fit takes no sample_weight")
    rows = rows & (weight > 0)
    return estimator.fit(X[rows], sample_weight=weight[rows])


def mixture_weights(log_density, weight=None, tol=1e-7, max_iter=2_000):
    r"""Mixture weights with the largest likelihood on held-out log densities, by EM.

    .. math:: w_k \leftarrow \frac1n \sum_i \frac{w_k p_k(x_i)}{\sum_l w_l p_l(x_i)}

    Components without which the held-out mean would hardly be lower are given weight 0.

    Parameters
    ----------
    log_density : ndarray of shape (n_rows, n_candidates)
    weight : ndarray of shape (n_rows,), optional

    Returns
    -------
    weights : ndarray of shape (n_candidates,)
        Not negative, with sum 1; equal where there are no rows to tell.

    References
    ----------
    Smyth & Wolpert (1999), Linearly combining density estimators via stacking, Machine Learning
    36, section 3.
    """
    if not len(log_density):
        return np.full(log_density.shape[1], 1 / log_density.shape[1])
    share = np.full(len(log_density), 1.0) if weight is None else weight
    share = share / share.sum()
    kept = np.arange(log_density.shape[1])
    weights, score = _em(log_density, share, tol, max_iter)
    floor = score - WORTH_KEEPING
    while len(kept) > 1:
        rest = np.delete(kept, weights[kept].argmin())
        fewer, score = _em(log_density[:, rest], share, tol, max_iter)
        if score < floor:
            break
        kept, weights = rest, np.zeros_like(weights)
        weights[kept] = fewer
    return weights


def _em(log_density, share, tol, max_iter):
    n_candidates = log_density.shape[1]
    log_weights = np.full(n_candidates, -np.log(n_candidates))
    score = -np.inf
    for _ in range(max_iter):
        joint = log_density + log_weights
        total = logsumexp(joint, axis=1)
        last, score = score, float(share @ total)
        weights = share @ np.exp(joint - total[:, None])
        with np.errstate(divide="ignore"):
            log_weights = np.log(weights)
        if score - last < tol:
            break
    return weights / weights.sum(), score
