"""Whether rounds of an integral agree, and whether it can be trusted, in words."""

import numpy as np
from scipy.stats import chi2, norm, t

from skflow.integration._measuring import REPLICATES

__all__ = ["agreement", "reasons_against"]

COUNTED = 0.05  # share of the rows of a round that must count, for its error to be compared
LEVEL = 1e-4  # of the comparison of rounds
HEAVY = 0.05  # share of all that one row may have


def agreement(worked):
    """Compare the rounds at full power with the final estimate.

    Each round has an error of its own from 32 replicates, by Student's t; it is turned into the
    normal score of the same probability. Rounds of the final measurement are parts of it, so that
    there is one degree of freedom less than there are rounds.

    Returns
    -------
    chi2 : float
        Sum of squared scores, of several outputs that of the worst.
    dof : int
    p_value : float
        nan with fewer than two rounds.
    """
    rounds = [
        each
        for each in worked.history
        if each["power"] == 1 and each["efficiency"] > COUNTED and (each["error"] > 0).all()
    ]
    if len(rounds) < 2:
        return float("nan"), 0, float("nan")
    errors = np.array([each["error"] for each in rounds])
    estimates = np.array([each["estimate"] for each in rounds])
    precision = errors**-2.0
    mean = (precision * estimates).sum(axis=0) / precision.sum(axis=0)
    score = np.abs(estimates - mean) / (errors / t.ppf(norm.cdf(1), REPLICATES - 1))
    square = float((norm.isf(t.sf(score, REPLICATES - 1)) ** 2).sum(axis=0).max())
    dof = len(rounds) - 1
    p_value = float(chi2.sf(square, dof)) * estimates.shape[1]
    return square, dof, min(1.0, p_value)


def reasons_against(worked, integrand, settings, p_value):
    """Say in sentences what speaks against an integral; an empty list if nothing does."""
    estimate, error = worked.measurement.result()
    checks = (
        _of_nothing(worked, integrand),
        _of_tolerance(estimate, error, settings, integrand),
        _of_rounds(p_value),
        _of_single_rows(worked),
    )
    return [reason for reason in checks if reason is not None]


def _of_nothing(worked, integrand):
    if worked.values.any():
        return None
    return (
        f"f was 0 at all {integrand.n_calls} points that were tried. Give bounds that lie closer "
        "around where it is not."
    )


def _of_tolerance(estimate, error, settings, integrand):
    off = error > settings.tolerance(estimate)
    if not off.any():
        return None
    k = int(np.argmax(error / np.maximum(settings.tolerance(estimate), 1e-300)))
    where = f" of output {k}" if len(estimate) > 1 else ""
    return (
        f"after {integrand.n_calls} calls the error{where} is {error[k]:.2g}, where "
        f"{settings.tolerance(estimate)[k]:.2g} was asked for. Raise max_calls or rtol, or set "
        "atol for an integral that is near zero."
    )


def _of_rounds(p_value):
    if not p_value < LEVEL:
        return None
    return (
        f"rounds disagree by more than their errors (p = {p_value:.1e}): parts of f may have "
        "been met by some of them only. Raise max_calls, compare several random_state, or split "
        "the region."
    )


def _of_single_rows(worked):
    size = np.abs(worked.values).max(axis=1) * np.exp(-worked.log_q)
    if not size.any() or size.max() < HEAVY * size.sum():
        return None
    return (
        f"a single point has {size.max() / size.sum():.0%} of the integral: the error is not to "
        "be believed. Raise max_calls, or split the region around it."
    )
