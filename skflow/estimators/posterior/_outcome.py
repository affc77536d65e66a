"""From a log density to the fitted attributes of a variational approximator."""

import numpy as np

from skflow._clock import time_limit
from skflow._notices import warn
from skflow._random import seeded
from skflow._threads import one_thread
from skflow._validation import resolve_device, resolve_dtype
from skflow._watch import tell
from skflow.estimators.posterior._alarms import alarm, say_of_contexts, verdict_on
from skflow.estimators.posterior._names import checked_names
from skflow.estimators.posterior._particles import n_features_of, particle_rows, symmetry_of
from skflow.tables._bounds import resolve_support
from skflow.tables._observation import ContinuousRows
from skflow.variational import (
    MOST_DRAWS,
    N_DRAWS,
    RECIPES,
    ApproximationSettings,
    Target,
    check_context,
    fit_amortized,
    fit_density,
    fit_particles,
    judge,
)

__all__ = ["approximate"]

AUTO_FLOW = "iaf"
AUTO = {
    "hidden_features": (64, 64),
    "encoder_features": (128, 128),
    "n_starts": 96,
    "batch_size": 512,
    "max_epochs": 40,
    "learning_rate": None,  # tried
}
# a step solves the flow with gradients, at some hundred times the cost of other flows
AUTO_OF_PARTICLES = {"batch_size": 256, "max_epochs": 20}
AUTO_AMORTIZED = {**AUTO, "batch_size": 128, "max_epochs": 200, "learning_rate": 2e-3}
RESOLVED = ("hidden_features", "batch_size", "max_epochs")

UNCOVERED = 3.0  # nats by which log q may fall short of log p at a mode
MIN_MASS = 0.01  # share of the mass in a mode that must be covered


def approximate(estimator, log_density, grad, context, rows, seed):
    """Fit a flow to a log density and return the attributes of ``estimator`` by name.

    The estimator stays as it is.
    """
    n_features = n_features_of(estimator)
    names = checked_names(estimator.feature_names, n_features)
    bounds = resolve_support(estimator.support, n_features, names)
    symmetry, rows = symmetry_of(estimator, context, rows), particle_rows(estimator, rows)
    settings = _resolve(estimator, context is not None, symmetry)
    if context is not None:
        _check_conditional(grad, settings)
        context = check_context(context)
    _warn_if_slow(settings.flow, n_features)
    with (
        time_limit(settings.max_seconds),
        one_thread(),
        seeded(seed, settings.device),
    ):
        if context is None:
            target = Target(log_density, grad, settings.device)
            if symmetry is None:
                fitted = fit_density(target, *bounds, settings, seed)
            else:
                fitted = fit_particles(target, settings, rows)
            own = _of_density(fitted, settings, bounds, names)
        else:
            fitted = fit_amortized(log_density, context, *bounds, settings)
            own = _of_amortized(fitted, settings, context)
    return {**_of_any(fitted, settings, bounds), **own, "feature_names_": names}


def _check_conditional(grad, settings):
    if grad is not None:
        raise ValueError("with a context, log_density must be a torch function: leave grad out.")
    if settings.annealing is not None:
        raise ValueError("annealing is not for fits with a context: leave it at None.")


def _resolve(estimator, amortized, symmetry=None):
    """Resolve every "auto" but that of a learning rate which is to be tried."""
    rules = AUTO_AMORTIZED if amortized else AUTO
    flow = AUTO_FLOW if estimator.flow == "auto" else estimator.flow
    if symmetry is not None:
        rules, flow = {**rules, **AUTO_OF_PARTICLES}, "equivariant"
    rules = {**rules, "n_layers": RECIPES[flow].auto_layers(n_features_of(estimator))}
    given = {name: getattr(estimator, name) for name in rules}
    chosen = {
        name: rules[name] if isinstance(value, str) and value == "auto" else value
        for name, value in given.items()
    }
    if RECIPES[flow].n_layers == 0:
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
        layers_if_needed=isinstance(estimator.n_layers, str),
        symmetry=symmetry,
    )


def _warn_if_slow(flow, d):
    if RECIPES[flow].slow:
        warn(
            f'flow="{flow}" needs {d} passes through its layers for every draw, and draws are '
            'what variational inference is made of: "iaf" is the same map run the other way, '
            "and takes one.",
            UserWarning,
        )


def _of_any(fitted, settings, bounds):
    """Attributes of every fit."""
    low, high = bounds
    observation = ContinuousRows.within(low, high)
    return {
        "flow_": fitted.flow,
        "history_": fitted.records,
        "n_iter_": max(1, len(fitted.records)),
        "stopped_by_": fitted.stopped_by,
        "n_features_in_": len(low),
        "_n_features_out": len(low),
        "observation_": observation,
        "support_bounds_": observation.bounds,
        "n_evaluations_": fitted.target.n_evaluations,
        "n_nonfinite_": fitted.target.n_nonfinite,
        "flow_kind_": settings.flow,
        "learning_rate_": fitted.learning_rate,
        "n_layers_": fitted.n_layers,
        **{f"{name}_": getattr(settings, name) for name in RESOLVED},
    }


def _of_amortized(fitted, settings, context):
    """Attributes of a fit with a context only; the verdict is spoken on the way."""
    attributes = {
        "n_context_": context.shape[1],
        "encoder_features_": settings.encoder_features,
        "elbo_": fitted.elbo,
        "elbo_se_": fitted.elbo_se,
    }
    judged = fitted.judged
    if judged is not None:
        word, reasons = say_of_contexts(judged.words, judged.rows, judged.khat)
        alarm(reasons)
        attributes |= {
            "verdict_": word,
            "verdict_reasons_": reasons,
            "judged_rows_": judged.rows,
            "judged_khat_": judged.khat,
            "judged_ess_": judged.ess,
        }
    if fitted.log_joint is not None:
        attributes["log_joint_"] = fitted.log_joint
    return attributes


def _of_density(fitted, settings, bounds, names):
    """Attributes of a fit without a context only; the verdict is spoken on the way."""
    tell("judging the fit by its draws")
    verdict = judge(fitted.flow, fitted.target, N_DRAWS, MOST_DRAWS, bounds)
    figures = verdict.figures
    modes, covered = fitted.modes(), _covered(fitted, figures.log_evidence)
    word, reasons = verdict_on(verdict, modes, covered, settings, names)
    alarm(reasons)
    tell(f"verdict: {word}")
    return {
        "n_context_": 0,
        "n_starts_": settings.n_starts,
        "elbo_": figures.elbo,
        "elbo_se_": figures.elbo_se,
        "verdict_": word,
        "verdict_reasons_": reasons,
        "khat_": figures.khat,
        "khat_se_": figures.khat_se,
        "ess_": figures.ess,
        "log_evidence_": figures.log_evidence,
        "log_evidence_se_": figures.log_evidence_se,
        "draws_": verdict.draws,
        "log_weights_": figures.log_weights,
        "modes_": modes,
        "covered_": covered,
    }


def _covered(fitted, log_evidence):
    """Whether q is high enough at each mode that holds some mass; the others are not asked."""
    modes = fitted.start.modes
    if not modes:
        return np.empty(0, dtype=bool)
    log_q = fitted.log_density_at_modes()
    log_p = np.array([mode.log_density for mode in modes]) - log_evidence
    mass = np.array([mode.log_mass for mode in modes]) - log_evidence
    return (log_q > log_p - UNCOVERED) | (mass < np.log(MIN_MASS))
