"""From a function and bounds to its integral."""

from numbers import Integral as Whole

import numpy as np
from numpy.typing import ArrayLike

from skflow._clock import time_limit
from skflow._notices import warn
from skflow._random import draw_seed
from skflow._types import Function, RandomState
from skflow._validation import is_real
from skflow._watch import watched
from skflow.exceptions import ConvergenceWarning
from skflow.integration._domain import read_bounds
from skflow.integration._integrand import N_PROBES, Integrand
from skflow.integration._result import Integral
from skflow.integration._rounds import Accuracy, work
from skflow.integration._verdict import agreement, reasons_against

__all__ = ["integrate"]

FEWEST_CALLS = 1_000


def integrate(
    f: Function,
    bounds: ArrayLike,
    *,
    rtol: float = 1e-3,
    atol: float = 0.0,
    max_calls: int = 1_000_000,
    max_seconds: float | None = None,
    random_state: RandomState = None,
    verbose: int = 0,
) -> Integral:
    r"""Integrate a function of several variables, wherever in its region it is large.

    Rows are drawn where the function was found to be large, and weighed by the density that they
    were drawn from. That density is a mixture of channels [1]_, all of which are fitted to all
    rows so far, again and again:

    * *separable*: a monotone map for each column, refined as the grid of VEGAS [2]_ is;
    * *normals*: a mixture of normals within the region, of which each may be correlated;
    * *copula*: a mixture of normals behind the separable map, which is a Gaussian copula if there
      is one of them;
    * *flat*: one row in a hundred, so that nothing is ever out of reach.

    1. **Learning.** The first rows are spread evenly. While few of them count, channels are
       fitted to a low power of the function, which then grows to one. Shares of the channels are
       those that leave the least variance of rows that no channel has seen; a channel that does
       not pay is given up, so that a function of separate columns costs what the separable map
       costs.
    2. **Measuring.** When measuring would take fewer calls than were made to learn, or learning
       brings nothing any more, channels and shares are frozen. New rows come as 32 independent
       scrambles of Sobol' points, of which the first coordinate picks the channel. The estimate
       is the mean of 32 unbiased means, its error what these differ by. Rows that were learnt
       from do not enter, so that no proposal is judged by what it was fitted to.
    3. **Verdict.** It is "bad", with a ``ConvergenceWarning`` for each reason, where the error is
       larger than asked for, rounds disagree, or a single row has 5 % of the integral.

    **What no row has met leaves no trace**: a peak that is narrow in all of many columns is found
    if the function rises towards it from afar, by its powers, and is not if it is flat around it.

    Parameters
    ----------
    f : callable
        Of rows, a float64 array (n, d), to values (n,), or (n, k) of k integrals at once, each
        row by itself. It is called with four rows first, and gets torch tensors (without
        gradients) if it does not take arrays. Values may have any sign; all must be finite.
    bounds : sequence of d pairs (low, high)
        None or infinite where there is no bound; then f has to fall at least as fast as
        :math:`1 / x^2` there. What is far from 0, or of another scale than 1, is found more
        easily within bounds.
    rtol : float, default=1e-3
        The error that is good enough, as a share of the integral's absolute value. The calls
        grow as its inverse square at worst.
    atol : float, default=0.0
        The error that is good enough whatever the integral is; for one that may be 0.
    max_calls : int, default=1_000_000
        Rows that f may be asked for, never more; at least 1,000.
    max_seconds : float, default=None
        Rounds end at the first that ends later; what there is is kept, with a
        ``ConvergenceWarning``.
    random_state : int, RandomState instance or None, default=None
        Integers give the same result again.
    verbose : int, default=0
        1 prints a line a round.

    Returns
    -------
    Integral
        With ``estimate``, ``error``, ``n_calls``, ``verdict`` and ``reasons``, ``chi2`` of the
        rounds, and the methods ``sample`` and ``unweight``, which draw by f. It prints as a
        report.

    Raises
    ------
    TypeError
        For an f that is no function or returns no real numbers, bounds that are no pairs; errors
        of f pass through, those of its first call with a note.
    ValueError
        For bounds that are no intervals, values of another shape, that depend on the rows beside
        them or are not finite, and settings out of range.

    Warns
    -----
    ConvergenceWarning
        If the verdict is "bad", for each reason.

    See Also
    --------
    skflow.log_evidence : The integral of a density from draws that there are.
    skflow.FlowSampler : Draws and integral of a log density without bounds.

    Notes
    -----
    Cost besides calls of f: a second for a normal peak in 2 columns, three in 16; ten for edges
    and rings, where mixtures have many components. Memory does not grow with the calls: rows that
    were learnt from are kept, and a few hundred thousand of those measured.

    With several outputs rows are drawn where the sum of their absolute values is large, each on
    the scale that the first rows gave it, until all are exact enough.

    References
    ----------
    .. [1] Kleiss & Pittau (1994), Weight optimization in multichannel Monte Carlo, Computer
       Physics Communications 83(2-3), arXiv:hep-ph/9405257, eq. 3.
    .. [2] Lepage (2021), Adaptive multidimensional integration: VEGAS enhanced, Journal of
       Computational Physics 439, arXiv:2009.05112, sec. II.

    Examples
    --------
    Two far peaks in four columns, which no product of columns has:

    >>> import numpy as np
    >>> from skflow import integrate
    >>> def f(x):
    ...     left, right = (np.exp(-100 * ((x - at) ** 2).sum(axis=1)) for at in (0.3, 0.7))
    ...     return left + right
    >>> found = integrate(f, [(0, 1)] * 4, random_state=0)
    >>> truth = 2 * (np.pi / 100) ** 2
    >>> bool(found.error < 1e-3 * truth and abs(found.estimate - truth) < 3 * found.error)
    True
    >>> found.verdict, found.sample(5, random_state=0).shape
    ('good', (5, 4))

    The whole plane, and two integrals at once:

    >>> def g(x):
    ...     density = np.exp(-0.5 * (x**2).sum(axis=1)) / (2 * np.pi)
    ...     return np.column_stack([density, density * x[:, 0] ** 2])
    >>> bounds = [(None, None), (None, None)]
    >>> np.round(integrate(g, bounds, random_state=0).estimate, 2).tolist()
    [1.0, 1.0]
    """
    settings = _read_settings(rtol, atol, max_calls)
    domain = read_bounds(bounds)
    d = len(domain.low)
    rng = np.random.RandomState(draw_seed(random_state))  # noqa: NPY002 - what fits take
    integrand = Integrand(f, domain)
    integrand.probe(rng.uniform(size=(N_PROBES, d)))
    with time_limit(max_seconds), watched("integrate", verbose):
        worked = work(integrand, d, settings, rng)
    chi2, dof, p_value = agreement(worked)
    reasons = reasons_against(worked, integrand, settings, p_value)
    for reason in reasons:
        warn(reason, ConvergenceWarning)
    estimate, error = worked.measurement.result()
    if integrand.n_outputs is None:
        estimate, error = float(estimate[0]), float(error[0])
    return Integral(
        estimate=estimate,
        error=error,
        n_calls=integrand.n_calls,
        chi2=chi2,
        dof=dof,
        p_value=p_value,
        verdict="bad" if reasons else "good",
        reasons=reasons,
        rounds=worked.history,
        _worked=worked,
        _integrand=integrand,
    )


def _read_settings(rtol, atol, max_calls):
    for name, value in (("rtol", rtol), ("atol", atol)):
        if not is_real(value) or not 0 <= value < np.inf:
            raise ValueError(f"{name} must be a number of at least 0, got {value!r}.")
    if rtol == 0 and atol == 0:
        raise ValueError("one of rtol and atol must be above 0: no error is ever 0.")
    if not isinstance(max_calls, Whole) or max_calls < FEWEST_CALLS:
        raise ValueError(
            f"max_calls must be an integer of at least {FEWEST_CALLS}, got {max_calls!r}."
        )
    return Accuracy(float(rtol), float(atol), int(max_calls))
