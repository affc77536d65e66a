"""From a log density to the fitted attributes of a variational approximator."""

import warnings

import numpy as np

from skflow._random import seeded
from skflow._threads import one_thread
from skflow._validation import resolve_device, resolve_dtype
from skflow.exceptions import ConvergenceWarning
from skflow.tables._bounds import resolve_support
from skflow.variational import (
    RECIPES,
    ApproximationSettings,
    Target,
    check_context,
    fit_amortized,
    fit_density,
    judge,
)

__all__ = ["fit_approximator"]

AUTO_FLOW = "iaf"
AUTO = {
    "hidden_features": (64, 64),
    "encoder_features": (128, 128),
    "n_starts": 96,
    "batch_size": 512,
    "max_epochs": 40,
    "learning_rate": None,  # tried
}
AUTO_AMORTIZED = {**AUTO, "batch_size": 128, "max_epochs": 200, "learning_rate": 2e-3}

GOOD_KHAT = 0.7  # beyond it weights are of no use (Vehtari et al. 2024)
FEW = 0.01  # share of draws without a density of which nothing is said
UNCOVERED = 3.0  # nats by which log q may fall short of log p at a mode
MIN_MASS = 0.01  # share of the mass in a mode that must be covered


def fit_approximator(estimator, log_density, grad, context, seed):
    """Fit ``estimator`` to a log density and set its fitted attributes."""
    d = estimator.n_features
    low, high = resolve_support(estimator.support, d)
    settings = _resolve(estimator, context is not None)
    if context is not None and grad is not None:
        raise ValueError("with a context, log_density must be a torch function: leave grad out.")
    if context is not None and estimator.annealing is not None:
        raise ValueError("annealing is not for fits with a context: leave it at None.")
    _warn_if_slow(settings.flow, d)
    with one_thread(), seeded(seed, settings.device):
        if context is None:
            target = Target(log_density, grad, settings.device)
            fitted = fit_density(target, low, high, settings, seed)
            verdict = judge(fitted.flow, target)
        else:
            context = check_context(context)
            fitted = fit_amortized(log_density, context, low, high, settings)
    _forget(estimator)
    estimator.flow_ = fitted.flow
    estimator.history_ = fitted.records
    estimator.n_iter_ = max(1, len(fitted.records))
    estimator.stopped_by_ = fitted.stopped_by
    estimator.n_features_in_ = estimator._n_features_out = d
    estimator.n_context_ = 0 if context is None else context.shape[1]
    estimator.support_bounds_ = (low, high, low, high)
    estimator.n_evaluations_ = fitted.target.n_evaluations
    estimator.n_nonfinite_ = fitted.target.n_nonfinite
    estimator.flow_kind_ = settings.flow
    estimator.learning_rate_ = fitted.learning_rate
    own = "n_starts" if context is None else "encoder_features"
    for name in ("n_layers", "hidden_features", "batch_size", "max_epochs", own):
        setattr(estimator, f"{name}_", getattr(settings, name))
    if context is None:
        _note_verdict(estimator, fitted, verdict)
    else:
        _note_elbo(estimator, fitted)


def _forget(estimator):
    """Remove what an earlier fit left: with and without a context it is not the same."""
    for name in [name for name in vars(estimator) if name.endswith("_")]:
        delattr(estimator, name)


def _resolve(estimator, amortized):
    """Resolve every "auto" but that of a learning rate which is to be tried."""
    rules = AUTO_AMORTIZED if amortized else AUTO
    flow = AUTO_FLOW if estimator.flow == "auto" else estimator.flow
    rules = {**rules, "n_layers": RECIPES[flow].auto_layers(estimator.n_features)}
    given = {name: getattr(estimator, name) for name in rules}
    chosen = {
        name: rules[name] if isinstance(value, str) and value == "auto" else value
        for name, value in given.items()
    }
    if RECIPES[flow].build is None:
        chosen["n_layers"] = 0
    for name in ("hidden_features", "encoder_features"):
        chosen[name] = tuple(int(width) for width in chosen[name])
    return ApproximationSettings(
        flow=flow,
        **chosen,
        annealing=estimator.annealing,
        device=resolve_device(estimator.device),
        dtype=resolve_dtype(estimator.dtype),
        max_seconds=estimator.max_seconds,
        verbose=estimator.verbose,
    )


def _warn_if_slow(flow, d):
    if RECIPES[flow].slow:
        warnings.warn(
            f'flow="{flow}" needs {d} passes through its layers for every draw, and draws are '
            'what variational inference is made of: "iaf" is the same map run the other way, '
            "and takes one.",
            UserWarning,
            stacklevel=6,
        )


def _note_elbo(estimator, fitted):
    estimator.elbo_, estimator.elbo_se_ = fitted.elbo, fitted.elbo_se
    if fitted.log_joint is not None:
        estimator.log_joint_ = fitted.log_joint


def _note_verdict(estimator, fitted, verdict):
    for name in ("elbo", "elbo_se", "khat", "ess", "log_evidence", "log_evidence_se", "draws"):
        setattr(estimator, f"{name}_", getattr(verdict, name))
    estimator.log_weights_ = verdict.log_weights
    estimator.modes_ = fitted.modes()
    estimator.covered_ = _covered(fitted, verdict.log_evidence)
    _warn(estimator, verdict)


def _covered(fitted, log_evidence):
    """Whether q is high enough at each mode that holds some mass; the others are not asked."""
    modes = fitted.start.modes
    if not modes:
        return np.empty(0, dtype=bool)
    log_q = fitted.log_density_at_modes()
    log_p = np.array([mode.log_density for mode in modes]) - log_evidence
    mass = np.array([mode.log_mass for mode in modes]) - log_evidence
    return (log_q > log_p - UNCOVERED) | (mass < np.log(MIN_MASS))


def _warn(estimator, verdict):
    if verdict.empty_share > FEW:
        _say(
            f"log_density is not finite at {verdict.empty_share:.1%} of the draws. If parameters "
            "have bounds, declare them with support={index: (low, high)}; importance weights "
            "leave these draws out."
        )
    if not estimator.covered_.all():
        missed = np.flatnonzero(~estimator.covered_)
        _say(
            f"{len(missed)} of {len(estimator.modes_)} modes that the search found are not "
            f"covered: see modes_[{missed.tolist()}]. Their share is missing from draws and "
            "evidence, and k-hat cannot see it. Try another random_state or annealing=0.1."
        )
    if not verdict.khat <= GOOD_KHAT:
        better = (
            "Raise max_epochs, batch_size or hidden_features"
            if estimator.n_layers_
            else 'Take flow="iaf"'
        )
        _say(
            f"k-hat is {verdict.khat:.2f}, above {GOOD_KHAT}: the approximation misses too much "
            f"for its importance weights to mend. {better}; write the model in parameters that "
            "depend less on each other (a non-centred hierarchy); declare bounds with support."
        )


def _say(message):
    warnings.warn(message, ConvergenceWarning, stacklevel=7)
