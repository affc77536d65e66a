"""Divergences of two distributions from log ratios of held-out rows, with standard errors."""

from dataclasses import dataclass

import numpy as np

from skflow.estimators._score_table import mean_and_error

__all__ = ["DIVERGENCES", "Estimate", "estimated"]

# Shape of the tail of ratios below which their mean has a finite variance.
FINITE_VARIANCE = 0.5


@dataclass(frozen=True)
class Estimate:
    """A number of nats that was estimated.

    Attributes
    ----------
    estimate : float
    standard_error : float
        Over rows, given the ratio that was learnt.
    """

    estimate: float
    standard_error: float

    def __str__(self):
        return f"{self.estimate:.3f} ± {self.standard_error:.3f} nats"


def _kl(own, other):
    r"""Estimate :math:`E_p[r] - E_q[e^r] + 1`, of r on rows of p and of q.

    Of all functions r the log ratio makes it largest, so that an error of r counts by its square
    only. Where the tail of :math:`e^r` is too heavy for its mean to be estimated, that is left at
    the 1 it is for the right ratio.
    """
    from skflow.numerics import pareto_smoothed

    mean, error = mean_and_error(own)
    _, khat = pareto_smoothed(other)
    if khat >= FINITE_VARIANCE:
        return mean, error
    ratios = np.exp(other)
    expected, its_error = mean_and_error(ratios)
    return mean - expected + 1, np.hypot(error, its_error)


def _js(numerator, denominator):
    r"""Estimate :math:`\log 2 - \frac12 E_p[\log(1 + e^{-r})] - \frac12 E_q[\log(1 + e^r)]`."""
    first, its_error = mean_and_error(np.logaddexp(0, -numerator))
    second, other_error = mean_and_error(np.logaddexp(0, denominator))
    return np.log(2) - (first + second) / 2, np.hypot(its_error, other_error) / 2


DIVERGENCES = {
    "kl": _kl,
    "reverse_kl": lambda numerator, denominator: _kl(-denominator, -numerator),
    "js": _js,
}


def estimated(kind, numerator, denominator):
    """Estimate a divergence in nats.

    Parameters
    ----------
    kind : {"kl", "reverse_kl", "js"}
    numerator, denominator : ndarray
        Log ratios of held-out rows of either table.

    Returns
    -------
    estimate : Estimate
    """
    value, error = DIVERGENCES[kind](numerator, denominator)
    return Estimate(float(value), float(error))
