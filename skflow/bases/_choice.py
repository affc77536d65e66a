"""Choice of a Gaussian mixture by cross-validated log density, within the time there is."""

from dataclasses import dataclass

import numpy as np
import torch
from sklearn.model_selection import KFold
from sklearn.utils import check_random_state

from skflow._clock import left_out, time_is_up
from skflow.bases._em import equal_rows, fits, usable_rows
from skflow.bases._fineness import fineness
from skflow.bases._quiet_mixture import QuietMixture

__all__ = ["MixtureChoice", "choose_mixture"]

# A candidate this many nats per row behind the best on the same folds is not finished.
ABANDON_MARGIN = 0.1
ENOUGH_HELD_OUT = 1_000  # rows, to tell settings apart
REG_COVARS = (1e-4, 1e-2, 1e-1)
# Variance below which a direction is narrow, and how much finer than the first of these a further
# one must be to be worth the time. The finest keeps digits to tell it from the largest rows.
NARROW, WORTH_TRYING, FINEST = 1e-2, 0.1, 1e-14
# EM while settings are compared. Running it to scikit-learn's own tolerance took twice as long and
# held-out scores were no better.
COMPARISON_MAX_ITER = 30
COMPARISON_TOL = 1e-2
# Of a limited time, the share after which no further setting is tried.
CHOICE_SHARE = 0.5
# More components than these are tried where so many were better than fewer, and each has so many
# rows: of a table of 800 rows a flow before 128 of them was 1.8 nats a row worse.
MANY, ROWS_EACH = 50, 20


@dataclass(frozen=True)
class MixtureChoice:
    """Settings of a Gaussian mixture and how well they did on rows held out.

    Attributes
    ----------
    n_components : int
    covariance_type : {"full", "diag", "tied"}
    reg_covar : float
    score : float
        Mean held-out log density per row, in nats and in the units of z; NaN when there were fewer
        than three rows, too few to hold any out.
    """

    n_components: int
    covariance_type: str
    reg_covar: float
    score: float


def choose_mixture(
    z,
    weight=None,
    *,
    candidates=(1, 2, 3, 5, 8, 12, 20, 32, 50, 80, 128),
    covariance_types=("full", "diag"),
    reg_covars=None,
    cv=None,
    max_rows=4_000,
    patience=2,
    random_state=0,
):
    """Choose a Gaussian mixture for z by cross-validated log density.

    A descent by coordinates rather than a full grid: for each covariance type the numbers of
    components are tried upwards from the first, at the middle ``reg_covar``, until ``patience``
    of them in a row bring nothing; then with each other ``reg_covar`` from the best number found,
    up and down. A candidate far behind the best after a fold is not finished. When half of the
    caller's time is up, the best so far is taken.

    Parameters
    ----------
    z : array or tensor of shape (n, d)
        Rows on a scale near one: ``reg_covar`` is a variance in the units of z.
    weight : array or tensor of shape (n,), optional
        Rows of weight zero are left out; held-out means are weighted.
    candidates : sequence of int
        Numbers of components, increasing. Those above half the training rows are not tried; those
        above 50 only while more are better, and where each has 20 training rows.
    covariance_types : sequence of {"full", "diag", "tied"}
    reg_covars : sequence of float, optional
        Variances added to the diagonal of each covariance, increasing. By default 1e-4, 1e-2 and
        1e-1, and before them a finer one where the rows resolve more.
    cv : int or None, default=None
        Number of folds, fewer if there are fewer rows; None is 5 below 1,000 rows, else 3. As
        many of them are used as hold 1,000 rows out.
    max_rows : int, default=4000
        A random subset of this size stands for all rows.
    patience : int, default=2
    random_state : int, RandomState instance or None, default=0

    Returns
    -------
    choice : MixtureChoice
    """
    rng = check_random_state(random_state)
    z, weight = usable_rows(z, weight)
    if len(z) > max_rows:
        keep = rng.choice(len(z), max_rows, replace=False)
        z, weight = z[keep], weight[keep]
    if len(z) < 3:
        reg_covar = (reg_covars or REG_COVARS)[-1]
        return MixtureChoice(candidates[0], covariance_types[0], reg_covar, float("nan"))
    reg_covars = reg_covars or (*_finer(z), *REG_COVARS)
    cv = cv or (5 if len(z) < 1_000 else 3)
    n_folds = min(cv, len(z))
    folds = list(KFold(n_folds, shuffle=True, random_state=rng).split(z))
    enough = -(-ENOUGH_HELD_OUT * n_folds // len(z))
    race = _Race(z, weight, folds[:enough], rng.randint(2**31 - 1))
    middle = reg_covars[len(reg_covars) // 2]
    for kind in covariance_types:
        at = candidates.index(race.climb(candidates, kind, middle, patience))
        for reg in (reg for reg in reg_covars if reg != middle):
            race.climb(candidates[at:], kind, reg, patience=1)
            race.climb(candidates[:at][::-1], kind, reg, patience=1)
    return MixtureChoice(*race.best, race.best_score)


def _finer(z):
    """Return a variance far below those of dense clumps and of narrow directions, if these are."""
    narrowest = np.linalg.eigvalsh(np.atleast_2d(np.cov(z.T, bias=True)))[0]
    finer = REG_COVARS[0] * min(fineness(torch.from_numpy(z)) ** 2, narrowest / NARROW)
    return (max(finer, FINEST),) if finer < WORTH_TRYING * REG_COVARS[0] else ()


class _Race:
    """Settings (n_components, covariance_type, reg_covar) compared on the same folds."""

    def __init__(self, z, weight, folds, seed):
        self.z, self.weight, self.folds, self.seed = z, weight, folds, seed
        fewest = min(len(train) for train, _ in folds)
        self.largest = max(1, min(fewest // 2, max(MANY, fewest // ROWS_EACH)))
        self.best, self.best_scores = None, None

    @property
    def best_score(self):
        return float(np.mean(self.best_scores))

    def climb(self, candidates, kind, reg, patience):
        """Enter one number after the other until some in a row bring nothing; returns the best."""
        best, best_score, misses = next(iter(candidates), None), -np.inf, 0
        for n_components in candidates:
            if self._is_late() or (n_components != candidates[0] and n_components > self.largest):
                break
            score = self.enter(n_components, kind, reg)
            misses = 0 if score > best_score else misses + 1
            if score > best_score:
                best, best_score = n_components, score
            if misses >= patience or (misses and n_components >= MANY):
                break
        return best

    def enter(self, n_components, kind, reg):
        """Mean score over the folds that were run; the best setting so far is remembered."""
        if (n_components, kind, reg) == self.best:
            return self.best_score
        scores = []
        for train, test in self.folds:
            scores.append(self._score(train, test, n_components, kind, reg))
            if self.best is not None:
                rival = np.mean(self.best_scores[: len(scores)])
                if self._is_late() or not np.mean(scores) > rival - ABANDON_MARGIN:
                    return float(np.mean(scores))
            elif time_is_up(CHOICE_SHARE):
                break
        if self.best is None or np.mean(scores) > self.best_score:
            self.best, self.best_scores = (n_components, kind, reg), scores
        return float(np.mean(scores))

    def _is_late(self):
        """Whether there is no time for a further setting; the first one is scored anyway."""
        late = self.best is not None and time_is_up(CHOICE_SHARE)
        if late:
            left_out("the choice of the mixture's size")
        return late

    def _score(self, train, test, n_components, kind, reg):
        rows = equal_rows(self.z[train], self.weight[train], 4 * len(train), self.seed)
        model = QuietMixture(
            n_components,
            covariance_type=kind,
            reg_covar=reg,
            tol=COMPARISON_TOL,
            max_iter=COMPARISON_MAX_ITER,
            random_state=self.seed,
        )
        if not fits(model, rows):
            return -np.inf
        return np.average(model.score_samples(self.z[test]), weights=self.weight[test])
