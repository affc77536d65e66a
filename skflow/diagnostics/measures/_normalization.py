"""Whether a density integrates to one."""

from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp
from sklearn.utils.validation import check_array

from skflow.diagnostics.measures._finding import Finding

__all__ = ["Normalization", "normalization"]

MAX_KHAT = 0.5  # above, k-hat itself is too low for proposals that are too narrow


@dataclass(frozen=True, repr=False)
class Normalization(Finding):
    """What :func:`normalization` finds.

    Attributes
    ----------
    integral : float
        Estimate of the integral of the density.
    standard_error : float
    khat : float
        Shape of the weights' tail: above one half neither number can be relied on.
    reliable : bool
        True if k-hat is at most one half and the standard error at most a tenth.
    reading : str
    """

    integral: float
    standard_error: float
    khat: float
    reliable: bool
    reading: str


def normalization(log_density, log_proposal):
    r"""Estimate the integral of a density by importance sampling.

    .. math:: \int q(x)\, dx \approx \frac1n \sum_i \frac{q(x_i)}{r(x_i)}, \qquad x_i \sim r

    Normalizing flows integrate to one by construction; this finds errors in a log-determinant, in
    the units, or in a density of another make. Take a proposal r that is wider than q: of up to
    some ten columns a Student-t or a mixture of Gaussians does.

    Parameters
    ----------
    log_density : array-like of shape (n,)
        Log density q of draws from r, in nats; -inf where it is zero.
    log_proposal : array-like of shape (n,)
        Their log density under r.

    Returns
    -------
    Normalization

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.stats import norm
    >>> from skflow.diagnostics import normalization
    >>> r = norm(scale=1.5)
    >>> draws = r.rvs(4000, random_state=0)
    >>> print(normalization(norm.logpdf(draws), r.logpdf(draws)))
    the density integrates to one (1.008 +- 0.007)
    """
    numbers = {"dtype": np.float64, "ensure_2d": False}
    q = check_array(log_density, ensure_all_finite=False, input_name="log_density", **numbers)
    r = check_array(log_proposal, input_name="log_proposal", **numbers)
    if q.shape != r.shape or q.ndim != 1 or len(q) < 25:
        raise ValueError(f"expected two arrays of one length, 25 at least: {q.shape}, {r.shape}")
    if np.isnan(q).any() or np.isposinf(q).any():
        raise ValueError("log_density holds NaN or +inf")
    from skflow.numerics import pareto_smoothed

    log_weights = q - r
    scale = logsumexp(log_weights) - np.log(len(q))
    if np.isneginf(scale):
        raise ValueError("the density is zero at all draws of the proposal")
    integral = float(np.exp(scale))
    relative = np.exp(log_weights - scale)
    error = float(integral * relative.std(ddof=1) / np.sqrt(len(q)))
    khat = pareto_smoothed(log_weights)[1]
    reliable = bool(khat <= MAX_KHAT and error <= 0.1 * integral)
    return Normalization(integral, error, khat, reliable, _read(integral, error, khat, reliable))


def _read(integral, error, khat, reliable):
    shown = f"{integral:.3f} +- {error:.3f}"
    if not reliable:
        return f"the integral cannot be told by this proposal ({shown}, k-hat {khat:.2f})"
    if abs(integral - 1) > 4 * error:
        return f"the density does not integrate to one ({shown})"
    return f"the density integrates to one ({shown})"
