"""How a detector learns: without the rows that are doubted, and judged by models without a row."""

from dataclasses import dataclass
from functools import partial

import numpy as np
from sklearn.utils import check_random_state

from skflow._callbacks import subtask
from skflow._random import draw_seed
from skflow._watch import tell
from skflow.estimators.outlier._conformal import rank_table, threshold
from skflow.estimators.outlier._parts import scores_in_time, stack_for
from skflow.estimators.stack._folds import assign_folds
from skflow.estimators.stack._stack import StackedDensity

__all__ = ["hold_out", "offset"]

# Share of rows like the training rows that contamination="auto" takes for outliers.
AUTO_SHARE = 0.01
# Rows that tell below what score a model of all rows sees few of them.
N_OFFSET = 2_000


@dataclass(frozen=True)
class Learnt:
    """A density, and the log densities of rows by its models that have not seen them.

    Attributes
    ----------
    density : StackedDensity
    fold : ndarray of shape (n_samples,)
        Which model has not seen a row, -1 where each has. Those that no model has seen, since
        they are doubted, are dealt out like the others.
    log_density : ndarray of shape (n_samples,)
        In nats, NaN for rows of no fold.
    entropy : float
        Minus the mean of it over rows that are not doubted.
    """

    density: StackedDensity
    fold: np.ndarray
    log_density: np.ndarray
    entropy: float

    def judge(self, measure, rows, weight):
        """Held-out scores (n_samples,) by ``measure``, and a rank table of those of each fold."""
        weight = np.ones(len(rows)) if weight is None else weight
        weight = weight / weight[self.fold >= 0].mean()  # p-values count rows, in whatever unit
        scores = np.full(len(rows), np.nan)
        tables = []
        for k, model in enumerate(self.density.fold_mixtures_):
            own = self.fold == k
            scores[own] = measure(model, rows[own], self.log_density[own])
            tables.append(rank_table(scores[own], weight[own]))
        return scores, tables


def hold_out(detector, rows, weight, task=None):
    """Fit the density of a detector to the rows that are not doubted, as a part of a FitTask."""
    share = detector.contamination
    stack = stack_for(detector, detector._kind)
    doubted = np.zeros(len(rows), dtype=bool)
    if share != "auto":
        from skflow.estimators.outlier._suspects import suspects

        tell(f"looking for the {share:.1%} of the rows that are farthest from most")
        doubted = suspects(rows, weight, share, draw_seed(detector.random_state))
    kept = ~doubted
    kept_weight = None if weight is None else weight[kept]
    if doubted.any():
        rng = check_random_state(draw_seed(stack.random_state))
        fold = _with_rows_left(assign_folds(rows, weight, stack.cv, rng), kept)
        stack.cv = [
            (np.flatnonzero(fold[kept] != k), np.flatnonzero(fold[kept] == k))
            for k in range(fold.max() + 1)
        ]
    tell(f"cross-fitting densities to {kept.sum():,} rows")
    with subtask(task, "density", 0, stack):
        density = stack.fit(rows[kept], sample_weight=kept_weight)
    tell("scoring rows by models that have not seen them")
    if not doubted.any():
        fold = density.fold_
    if fold.max() < 0:
        raise ValueError("FlowOutlierDetector holds rows out, and there are too few that differ.")
    known = np.full(len(rows), np.nan)
    known[kept] = density.held_out_scores_
    held = ~np.isnan(known)
    entropy = -float(np.average(known[held], weights=None if weight is None else weight[held]))
    for k, model in enumerate(density.fold_mixtures_):
        unseen = doubted & (fold == k)
        if unseen.any():
            known[unseen] = model.score_samples(rows[unseen])
    return Learnt(density, fold, known, entropy)


def _with_rows_left(fold, kept):
    """Folds (n,) numbered without those that hold out none of the rows that are kept."""
    left = np.unique(fold[kept & (fold >= 0)])
    number = np.full(fold.max() + 2, -1)
    number[left] = np.arange(len(left))
    return number[fold]


def offset(detector, rows, weight):
    """Score below which a row is an outlier.

    For "auto" held-out scores decide, and no more than their share of the training rows lies
    below it: among equal rows, which a model of more rows may score a little lower, they would
    all be.
    """
    score = partial(detector._measure, detector.density_.mixture_)
    held = detector.held_out_scores_
    if detector.contamination != "auto":
        return _threshold(scores_in_time(score, rows), detector.contamination, weight)
    some = np.flatnonzero(~np.isnan(held))
    some = some[np.linspace(0, len(some) - 1, min(len(some), N_OFFSET)).astype(int)]
    own = _threshold(score(rows[some]), AUTO_SHARE, None if weight is None else weight[some])
    return min(_threshold(held, AUTO_SHARE, weight), own)


def _threshold(scores, share, weight):
    known = ~np.isnan(scores)
    return threshold(scores[known], share, None if weight is None else weight[known])
