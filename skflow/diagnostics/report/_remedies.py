"""What can be done about a cause, for the estimator at hand."""

from dataclasses import replace

from sklearn.mixture import GaussianMixture
from sklearn.neighbors import KernelDensity

from skflow.diagnostics.report._cause import Remedy
from skflow.estimators._trained import BaseFlowDensity
from skflow.estimators.flows._autoregressive import NSFDensity
from skflow.estimators.flows._kernel import KernelFlowDensity
from skflow.estimators.flows._linear import LinearFlowDensity
from skflow.estimators.flows._mixture import MixtureFlowDensity
from skflow.estimators.stack._stack import StackedDensity

__all__ = ["remedies_of"]

# values of the fit with which training is not smoothed, and what they are by default
SMOOTHING = {"weight_decay": 0.01, "dropout": "auto", "input_noise": "auto"}


def remedies_of(name, estimator):
    """List what can be done about the cause of this name, the likeliest to help first.

    Parameters
    ----------
    name : str
    estimator : fitted estimator

    Returns
    -------
    remedies : list of Remedy
    """
    return REMEDIES[name](estimator)


def _ties(estimator):
    return [
        Remedy("spread the repeated values over the gap between them before fitting and scoring"),
        Remedy("fit one of skflow's estimators, which does: the likelihood has no bound else"),
    ]


def _unconverged(estimator):
    if not isinstance(estimator, BaseFlowDensity):
        most = estimator.get_params(deep=False).get("max_iter")
        if most is None:
            return [Remedy("let its fit go on for longer")]
        return [replace(_set(estimator, max_iter=10 * most), firm=True)]
    remedies = [replace(_set(estimator, max_epochs=4 * estimator.n_iter_), firm=True)]
    if estimator.learning_rate != "auto":
        remedies.append(_set(estimator, learning_rate="auto", max_epochs=2 * estimator.n_iter_))
    if estimator.max_seconds is not None:
        remedies.append(Remedy("raise max_seconds"))
    return [*remedies, Remedy("go on with warm_start=True")]


def _support(estimator):
    return [Remedy("widen support=, or drop these rows: no score of them can be compared")]


def _integral(estimator):
    return [
        Remedy(
            "score_samples is not the log of a density in the units of X: look for a forgotten "
            "log-determinant or scaling"
        )
    ]


def _sampler(estimator):
    return [
        Remedy("sample and score_samples disagree: check both, and what was done to the draws")
    ]


def _overfit(estimator):
    if isinstance(estimator, BaseFlowDensity):
        remedies = _against_overfit_flow(estimator)
    elif isinstance(estimator, KernelDensity):
        width = estimator.bandwidth_
        remedies = [_set(estimator, bandwidth=float(f"{k * width:.2g}")) for k in (2, 5)]
        remedies.append(_take(KernelFlowDensity()))
    elif isinstance(estimator, GaussianMixture):
        remedies = [_set(estimator, reg_covar=max(1e-2, 10 * estimator.reg_covar))]
        if estimator.n_components > 1:
            remedies.insert(0, _set(estimator, n_components=max(1, estimator.n_components // 3)))
        remedies.append(_take(MixtureFlowDensity()))
    else:
        remedies = []
    return [
        *remedies,
        Remedy("fit to more rows"),
        Remedy("see that X is from where the training rows came from"),
    ]


def _against_overfit_flow(flow):
    remedies = []
    if not flow.validation_fraction_ or flow.n_iter_no_change_ is None:
        early = {"validation_fraction": "auto", "n_iter_no_change": "auto"}
        remedies.append(_set(flow, "early stopping", **early))
    bare = {
        name: value
        for name, value in SMOOTHING.items()
        if hasattr(flow, name) and getattr(flow, name) == 0
    }
    if bare:
        remedies.append(_set(flow, **bare))
    if flow.n_layers_ > 1:
        remedies.append(_set(flow, n_layers=flow.n_layers_ // 2))
    if flow.n_members_ == 1:
        remedies.append(_set(flow, n_members=5))
    return remedies


def _tails(estimator):
    if _of_images(estimator):
        heavy = []
    elif not isinstance(estimator, BaseFlowDensity):
        heavy = [_take(NSFDensity(base="student_t"))]
    elif estimator.base_ != "student_t":
        heavy = [replace(_set(estimator, base="student_t"), firm=True)]
    else:
        heavy = []
    return [*heavy, Remedy("see that training rows were not cut")]


def _far_draws(estimator):
    if _of_images(estimator):
        return [Remedy("longer training (max_epochs)"), Remedy("fewer steps (n_layers)")]
    remedies = []
    if isinstance(estimator, BaseFlowDensity):
        if estimator.base_ != "mixture":
            remedies.append(_set(estimator, base="mixture"))
        if estimator.preprocessing_ != "gaussianize":
            remedies.append(_set(estimator, preprocessing="gaussianize"))
    elif not isinstance(estimator, MixtureFlowDensity):
        remedies.append(_take(MixtureFlowDensity()))
    return [
        *remedies,
        Remedy("declare support= where columns have bounds"),
        Remedy("look for single rows far out in the training table, and at what sample does"),
    ]


def _far_modes(estimator):
    if _of_images(estimator):
        return [Remedy("more layers (n_layers)"), Remedy("longer training (max_epochs)")]
    if isinstance(estimator, BaseFlowDensity) and estimator.base_ != "mixture":
        torn = "a flow from one normal cannot tear space: base='mixture' starts in several pieces"
        return [Remedy(torn, {"base": "mixture"})]
    return [_take(MixtureFlowDensity()), _take(StackedDensity(), tried=False)]


def _underfit(estimator):
    remedies = []
    if not isinstance(estimator, BaseFlowDensity):
        if isinstance(estimator, LinearFlowDensity | GaussianMixture):
            remedies.append(_take(MixtureFlowDensity()))
        return [*remedies, _take(NSFDensity()), _take(StackedDensity(), tried=False)]
    if estimator.base_ != "mixture" and not _of_images(estimator):
        remedies.append(_set(estimator, base="mixture"))
    remedies.append(_set(estimator, n_layers=2 * estimator.n_layers_))
    if _of_images(estimator):
        return [*remedies, Remedy("more epochs, wider nets (hidden_features)")]
    if not isinstance(estimator, NSFDensity):
        remedies.append(_take(NSFDensity()))
    return [*remedies, _take(StackedDensity(), tried=False)]


def _of_images(estimator):
    return getattr(estimator, "image_shape", None) is not None


def _set(estimator, what="", **changes):
    known = estimator.get_params(deep=False)
    changes = {name: value for name, value in changes.items() if name in known}
    shown = ", ".join(f"{name}={value!r}" for name, value in changes.items())
    return Remedy(f"{what} ({shown})" if what else shown, changes)


def _take(other, tried=True):
    text = f"{other!r} in its place"
    return Remedy(text, other=other) if tried else Remedy(text)


REMEDIES = {
    "ties": _ties,
    "unconverged": _unconverged,
    "support": _support,
    "integral": _integral,
    "sampler": _sampler,
    "overfit": _overfit,
    "tails": _tails,
    "far draws": _far_draws,
    "far modes": _far_modes,
    "underfit": _underfit,
}
