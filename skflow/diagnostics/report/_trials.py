"""Remedies are tried: a short refit with each, beside one without, on rows held out of both."""

from dataclasses import replace

import numpy as np
from sklearn.base import clone
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import KernelDensity

from skflow._notices import speaking_for
from skflow._watch import tell
from skflow.diagnostics.report._cause import Trial
from skflow.diagnostics.report._remedies import remedies_of
from skflow.estimators._direct import BaseClassicalDensity
from skflow.estimators._score_table import mean_and_error
from skflow.estimators._trained import BaseFlowDensity
from skflow.estimators.flows._autoregressive import IAFDensity
from skflow.estimators.flows._continuous import ContinuousFlowDensity
from skflow.estimators.flows._gaussianization import GaussianizationFlowDensity
from skflow.estimators.flows._residual import ResidualFlowDensity
from skflow.estimators.stack._candidates import DECLARED, declared_by_index

__all__ = ["with_remedies"]

MIN_ROWS, MAX_ROWS, MAX_TO_JUDGE = 30, 250, 1_000  # of a trial
# Steps of training in a trial: of entries of a row in all, fewest and most. At 30 columns they
# are a second of a core for splines.
STEPS = 1_800, 60, 300
BATCH_SIZE = 64
# A flow that took so many seconds a step in its own fit is not refitted, and of tables of more
# columns one change is tried and not two.
SLOW_STEP, WIDE = 0.05, 12
MOST_TRIALS = 2
NO_DENSITY = "hardly a row has a density without it"
# families of which a step takes many passes, or a start a fit of its own
MANY_PASSES = (
    ContinuousFlowDensity,
    GaussianizationFlowDensity,
    IAFDensity,
    ResidualFlowDensity,
)


def with_remedies(causes, evidence, random_state, try_them):
    """Return the causes with what to do about them, and what of it was tried.

    What helped is said first and what did not is left out; what no refit can tell follows, and
    what the evidence asks for by itself, unless it did harm.

    Parameters
    ----------
    causes : list of Cause
    evidence : Evidence
    random_state : int
        Of the choice of rows and of the refits.
    try_them : bool
    """
    estimator = evidence.estimator
    trials = _Trials(evidence, random_state) if try_them else None
    found = []
    for cause in causes:
        remedies = remedies_of(cause.name, estimator)
        tried = [] if trials is None else trials.of(remedies)
        found.append(_advised(cause, remedies, tried, evidence.view.words))
    return found


def _advised(cause, remedies, tried, words):
    helped = sorted((trial for _, trial in tried if trial.helped), key=lambda trial: -trial.gain)
    known = {id(one) for one, trial in tried if trial.helped or trial.harmed or not one.firm}
    texts = [str(trial) for trial in helped]
    texts += [words(remedy.text) for remedy in remedies if id(remedy) not in known]
    if not texts:
        texts = ["none of what was tried"]
    return replace(cause, remedy="; or ".join(texts), trials=tuple(trial for _, trial in tried))


class _Trials:
    """Refits of one estimator to a part of the rows, as many as there is patience for."""

    def __init__(self, evidence, random_state):
        self.estimator, self.seed = evidence.estimator, random_state
        rng = np.random.default_rng(random_state)
        rows = rng.permutation(evidence.raw)
        if evidence.raw_training is None:
            self.train, self.test = np.array_split(rows, 2)
        else:
            self.train, self.test = rng.permutation(evidence.raw_training), rows
        self.train, self.test = self.train[:MAX_ROWS], self.test[:MAX_TO_JUDGE]
        wide = isinstance(self.estimator, BaseFlowDensity) and rows.shape[1] > WIDE
        self.left = 1 if wide else MOST_TRIALS
        if min(len(self.train), len(self.test)) < MIN_ROWS or not _is_quick(self.estimator):
            self.left = 0
        self.before = None  # scores without any change

    def of(self, remedies):
        """Pairs of those remedies that there was room to try, with their trials."""
        tried = []
        for remedy in remedies:
            if self.left > 0 and self._can_tell(remedy):
                self.left -= 1
                tried.append((remedy, self._trial(remedy)))
        return tried

    def _can_tell(self, remedy):
        """Whether a short refit differs from one without the remedy."""
        more_epochs = "max_epochs" in (remedy.changes or {})
        short = not more_epochs or self.estimator.n_iter_ < _epochs(*self.train.shape)
        return remedy.triable and short

    def _trial(self, remedy):
        tell(f"trying a remedy: {remedy.text}")
        try:
            if self.before is None:
                self.before = self._scores(clone(self.estimator))
            other = remedy.other
            model = clone(self.estimator if other is None else other)
            after = self._scores(model.set_params(**(remedy.changes or {})))
        except Exception as error:  # noqa: BLE001, whatever fails is no remedy, and is said
            return self._failed(remedy, f"{type(error).__name__}: {error}")
        known, kept = np.isfinite(self.before), np.isfinite(after)
        lost = int((known & ~kept).sum())
        if lost or known.sum() < MIN_ROWS:
            return self._failed(
                remedy, f"{lost} of {known.sum()} rows lost their density" if lost else NO_DENSITY
            )
        gain, standard_error = mean_and_error((after - self.before)[known], None)
        return Trial(remedy.text, gain, standard_error, len(self.train))

    def _failed(self, remedy, reason):
        return Trial(remedy.text, np.nan, np.nan, len(self.train), reason)

    def _scores(self, model):
        with speaking_for("a remedy that was tried"):
            return _shortened(model, self.estimator, self.train, self.seed).score_samples(
                self.test
            )


def _is_quick(estimator):
    """Whether a refit takes a second or so: of a flow, by what its own fit says."""
    if not isinstance(estimator, BaseFlowDensity):
        return isinstance(estimator, BaseClassicalDensity | GaussianMixture | KernelDensity)
    history = estimator.history_
    if not history or isinstance(estimator, MANY_PASSES):
        return False
    n_train = len(estimator.held_out_by_) * (1 - estimator.validation_fraction_)
    n_steps = history[-1]["epoch"] * max(1, round(n_train / estimator.batch_size_))
    return history[-1]["seconds"] / n_steps < SLOW_STEP * estimator.n_members_


def _shortened(model, fitted, rows, seed):
    """Fit a model briefly to rows, with what the fitted one settled or was told of columns."""
    params = model.get_params(deep=False)
    declared = {name for name in DECLARED if name in params and hasattr(fitted, name)}
    if declared:
        names = getattr(fitted, "feature_names_in_", None)
        known = declared_by_index(fitted, rows.shape[1], names)
        model.set_params(**{name: known[name] for name in declared})
    quiet = {"random_state": seed, "verbose": 0}
    model.set_params(**{name: value for name, value in quiet.items() if name in params})
    if isinstance(model, BaseFlowDensity):
        model.set_params(**_brief(model, fitted, *rows.shape))
    elif isinstance(model, GaussianMixture):
        model = _quiet(model)
    return model.fit(rows)


def _epochs(n, d):
    """Epochs of a trial with n rows of d columns."""
    entries, fewest, most = STEPS
    steps = int(np.clip(entries // d, fewest, most))
    return max(1, steps // max(1, round(n / BATCH_SIZE)))


def _brief(flow, fitted, n, d):
    """Return parameters with which a flow trains for some steps only."""
    epochs = _epochs(n, d)
    given = {"batch_size": BATCH_SIZE, "max_epochs": epochs, "warm_start": False}
    if flow.n_members in ("auto", getattr(fitted, "n_members", None)):
        given["n_members"] = 1
    if flow.max_epochs != "auto":
        given["max_epochs"] = min(epochs, flow.max_epochs)
    if flow.preprocessing == "auto" and getattr(flow, "image_shape", None) is None:
        given["preprocessing"] = getattr(fitted, "preprocessing_", "standardize")
    return given


def _quiet(mixture):
    from skflow.bases._quiet_mixture import QuietMixture

    return QuietMixture(**mixture.get_params(deep=False))
