"""The fit of a ratio: common ground, candidates cross-fitted, and combined by held-out rows."""

import time

import numpy as np

from skflow.estimators._score_table import ScoreTable, score_row
from skflow.estimators.classifier._candidates import AS_GIVEN
from skflow.estimators.classifier._cross_fitting import (
    cross_fitted_classes,
    fit_candidates,
    folds_by_class,
)
from skflow.estimators.classifier._labelled import LabelledRows
from skflow.estimators.classifier._learning import ClassMixture
from skflow.estimators.classifier._views import SharedViews
from skflow.estimators.ratio._combination import Combination, cross_fitted_log_ratio
from skflow.estimators.ratio._members import classifiers, densities, telescopes
from skflow.estimators.ratio._parts import (
    DIFFERENCE,
    MixtureRatio,
    PairRatio,
    Tried,
    cross_fitted_on_top,
)
from skflow.estimators.stack._mixing import mixture_weights

__all__ = ["learn_ratio", "logistic_losses"]

MIXTURE, ON_TOP = "mixture of densities", "trees on top"
# Mean logistic loss of held-out rows by the densities, of log 2 at most, below which tables lie
# so far apart that waymarks are tried.
FAR = 0.1


class Bench:
    """The rows of both tables as candidates see them, and what fits to them left.

    Parameters
    ----------
    ratio : DensityRatio
        A draft; gets ``views_`` and ``fold_``.
    X : ndarray of shape (n, d)
    code : ndarray of shape (n,)
    rng : numpy.random.RandomState
    """

    def __init__(self, ratio, X, code, rng):
        self.ratio, self.seed = ratio, int(rng.randint(2**31))
        ratio.views_, spread = SharedViews.fit(
            X,
            np.ones(len(X)),
            ["gaussianize", "standardize"],
            np.random.default_rng(self.seed),
            support=ratio.support,
            resolution=ratio.resolution,
            names=getattr(ratio, "feature_names_in_", None),
        )
        self.seen = ratio.views_.apply(spread) | {AS_GIVEN: (X, np.zeros(len(X)))}
        self.rows = {
            view: LabelledRows(z, code, np.ones(len(X)), 2) for view, (z, _) in self.seen.items()
        }
        everyone = np.ones(len(X), dtype=bool)
        deal = np.random.default_rng(self.seed)
        ratio.fold_ = folds_by_class(X, code, ratio.cv, deal, everyone)
        self.held = np.flatnonzero(ratio.fold_ >= 0)
        self.code, self.fold = code[self.held], ratio.fold_[self.held]

    def fit(self, candidates, expected=0.0, *, needed=False):
        """Cross-fit candidates; return what was fitted, and as ratios that were Tried."""

        def one(candidate):
            rows, given = self.rows[candidate.view], self.ratio
            return cross_fitted_classes(candidate, rows, given.fold_, self.seed, given.n_jobs)

        fitted = fit_candidates(one, candidates, needed)
        return fitted, [
            Tried(
                each.name,
                PairRatio(each.view, each.model),
                each.held_out[self.held] @ DIFFERENCE,
                expected / len(fitted),
                each.seconds,
            )
            for each in fitted
        ]

    def mixed(self, fitted):
        """Return the ratio of the mixtures of densities that held-out rows find likeliest."""
        own = np.stack(
            [(f.held_out + self.seen[f.view][1][:, None])[self.held] for f in fitted], axis=-1
        )
        n, likely = len(self.code), np.ones(1)
        if len(fitted) > 1:
            likely = mixture_weights(own[np.arange(n), self.code])
        kept = np.flatnonzero(likely)
        parts = [(fitted[k].view, fitted[k].model) for k in kept]
        mixture = MixtureRatio(ClassMixture(parts, likely[kept]))
        with np.errstate(divide="ignore"):
            log_density = np.logaddexp.reduce(own + np.log(likely), axis=-1)
        return Tried(MIXTURE, mixture, log_density @ DIFFERENCE, 1.0)

    def on_top(self, tried):
        """Return trees on top of a ratio."""
        start, z = time.perf_counter(), self.rows["standardize"].z[self.held]
        part, held_out = cross_fitted_on_top(z, tried, self.code, self.fold, self.seed)
        return Tried(ON_TOP, part, held_out, 0.0, time.perf_counter() - start)


def learn_ratio(ratio, X, code, rng):
    """Fit a draft of a DensityRatio.

    Parameters
    ----------
    ratio : DensityRatio
        Gets all fitted attributes.
    X : ndarray of shape (n, d)
        Rows of both tables.
    code : ndarray of shape (n,)
        1 for rows of the numerator, 0 for those of the denominator.
    rng : numpy.random.RandomState
    """
    bench, auto = Bench(ratio, X, code, rng), ratio.method == "auto"
    if not len(bench.held):
        raise ValueError(
            "no row was held out, and a ratio is judged by rows that were: pass tables of at "
            f"least two rows each, or other folds than cv={ratio.cv!r}."
        )
    tried, mixture = [], None
    if auto or ratio.method == "densities":
        given = not all(isinstance(d, str) for d in (ratio.numerator, ratio.denominator))
        fitted, tried = bench.fit(densities(ratio, rng), needed=given)
        mixture = bench.mixed(fitted)
        tried.append(mixture)
    if auto or ratio.method == "classifier":
        tried += bench.fit(classifiers(), 0.0 if auto else 1.0)[1]
    if auto and len(np.unique(bench.fold)) > 1:
        tried.append(bench.on_top(mixture))
    if ratio.method == "telescope" or (
        auto and logistic_losses(mixture.held_out, bench.code).mean() < FAR
    ):
        tried += bench.fit(telescopes(), 0.0 if auto else 1.0)[1]
    _combine(ratio, tried, bench)


def _combine(ratio, tried, bench):
    """Set the weights of the ratios that were tried, and what they say of held-out rows."""
    columns = np.column_stack([each.held_out for each in tried])
    expected = np.array([each.expected for each in tried])
    whole = Combination.fit(columns, bench.code, expected)
    held_out = cross_fitted_log_ratio(columns, bench.code, bench.fold, expected)
    kept = np.flatnonzero(whole.weights)
    ratio.parts_ = [tried[k].part for k in kept]
    ratio.combination_ = Combination(whole.weights[kept], whole.level)
    ratio.weights_ = {t.name: float(w) for t, w in zip(tried, whole.weights, strict=True)}
    ratio.held_out_log_ratio_ = np.full(len(ratio.fold_), np.nan)
    ratio.held_out_log_ratio_[bench.held] = held_out
    rows = [
        score_row(t.name, -logistic_losses(t.held_out, bench.code), weight=w, seconds=t.seconds)
        for t, w in zip(tried, whole.weights, strict=True)
    ]
    rows.append(
        score_row("all", -logistic_losses(held_out, bench.code), weight=1.0, seconds=np.nan)
    )
    ratio.cv_scores_ = ScoreTable(rows)


def logistic_losses(log_ratio, code):
    """Logistic loss (n,) of telling rows of the numerator, code 1, from the others.

    Parameters
    ----------
    log_ratio, code : ndarray of shape (n,)
    """
    n_numerator = code.sum()
    odds = log_ratio + np.log(n_numerator / (len(code) - n_numerator))
    return np.logaddexp(0, np.where(code == 1, -odds, odds))
