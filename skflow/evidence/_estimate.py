"""From draws and a log density to its evidence."""

from dataclasses import replace
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from skflow._containers import on_host
from skflow._notices import warn
from skflow._random import draw_seed
from skflow._types import Auto, Bounds, Function, Names, RandomState
from skflow.evidence._agreement import agreement_of
from skflow.evidence._draws import read_draws
from skflow.evidence._function import AGREEMENT, AskedDensity
from skflow.evidence._result import LogEvidence
from skflow.evidence._sides import quick_density, sides_of, thorough_density
from skflow.evidence._verdict import combine, faults_of_draws, faults_of_evidence, widened
from skflow.exceptions import ConvergenceWarning
from skflow.tables._bounds import check_inside_support, resolve_support

__all__ = ["log_evidence"]

FINE = 0.03  # nats of standard error that need no second density
FEWEST_PROPOSALS = 200
AROUND = 0.1  # of the proposals, that look where the draws may not have been
N_CHECKED = 10  # rows
MOST_SHOWN = 6  # parameters in a message


def log_evidence(
    draws: Any,
    log_density: Function,
    *,
    log_weights: ArrayLike | None = None,
    log_density_of_draws: ArrayLike | None = None,
    support: Bounds | None = None,
    density: Any = "auto",
    n_proposals: int | Auto = "auto",
    vectorized: bool = True,
    var_names: Names | None = None,
    random_state: RandomState = 0,
) -> LogEvidence:
    r"""Estimate the evidence of a model from draws that there are, a chain say.

    The density p is known up to a constant, and the constant Z, its integral, is wanted: of prior
    times likelihood that is the evidence, or marginal likelihood, of a model. Draws are halved; a
    normalised density q is fitted to each half and compared with the other one, so that no draw is
    judged by what learnt from it.

    1. **Bridge.** Draws of p and of q together, by the optimal bridge of [1]_, eq. 4.1:
       log Z is what a logistic regression on :math:`\log p - \log q`, with slope one, has as
       intercept when it tells them apart. It is exact for any q that overlaps with p, and the
       better q is, the smaller is its error [2]_, eq. 14, which counts draws by autocorrelation.
       The estimate is the mean of both halves, its error that of the mean or half their distance.
    2. **Harmonic mean**, a check: :math:`1 / Z = \operatorname{E}_p[\phi / p]` for any
       normalised :math:`\phi` inside of p [3]_, eq. 9; here q, where p / q is above its median.
    3. **Verdict.** It is "bad", with a ``ConvergenceWarning`` for each reason, where parts of the
       draws (chains, or quarters of one) differ in a column or in how many lie in a region, R-hat
       is above 1.1, all are worth fewer than 100, they share fewer than 30 with the proposals,
       halves or harmonic mean disagree, or a part of the evidence is found where no draw is.
       A tenth of the proposals are scattered widely for that. Where parts differ, the error
       is as large as what may be missing.

    **What no draw, proposal or scattered point has met leaves no trace**: if all chains missed a
    mode and there are more than a few parameters, the evidence is that of the others.

    Parameters
    ----------
    draws : array-like of shape (n, d) or (n_chains, n, d), data frame, or object of ArviZ
        Draws of p, in their order and each once. Of an array (n, d) that is one chain, or several
        one after the other. ArviZ's InferenceData and DataTree are asked for their group
        "posterior", with a column for each number in each variable. Of more than 20,000 draws
        some are left out, evenly.
    log_density : callable
        Log density p of rows (n, d), to (n,), in nats, up to the constant that is wanted: for an
        evidence log prior plus log likelihood, *each normalised* and of the same parameters as the
        draws, Jacobians included. It gets float64 arrays, or torch tensors if it refuses these.
        Values that are not finite count as outside of the support.
    log_weights : array-like of shape (n,), default=None
        Logarithms of weights of draws (n, d), on any scale: of nested sampling, the log of
        prior volume times likelihood. Draws that together weigh a millionth are left out.
    log_density_of_draws : array-like of shape (n,) or (n_chains, n), default=None
        Values of ``log_density`` at all draws, which samplers keep: saves these calls.
    support : dict {column index or name: (low, high)}, default=None
        Bounds of parameters, either may be None. Beyond them ``log_density`` is not asked.
    density : "auto" or estimator, default="auto"
        What is fitted to each half: has ``fit``, ``score_samples`` and ``sample``. "auto" is
        :class:`skflow.MixtureFlowDensity`, and where this leaves a standard error above 0.03 nats
        and nothing is wrong with the draws, an equal mixture with :class:`skflow.NSFDensity`,
        which trains for some ten seconds. Another one has to be given bounds itself.
    n_proposals : int or "auto", default="auto"
        Further points at which ``log_density`` is asked, for all halves and densities together, at
        least 200; "auto" is as many as there are draws.
    vectorized : bool, default=True
        False for a ``log_density`` of one point (d,), as emcee and dynesty take them: it is
        called once for each.
    var_names : sequence of str, default=None
        Of an object of ArviZ: the variables that are parameters of ``log_density``, in its order;
        all of them by default.
    random_state : int, RandomState instance or None, default=0
        Of how the draws are halved, and of the densities.

    Returns
    -------
    LogEvidence
        With ``log_evidence``, ``standard_error`` (nats), ``verdict`` and ``reasons``, the figures
        of all checks, and ``n_evaluations``, the points that ``log_density`` was asked for. It
        prints as a report.

    Raises
    ------
    TypeError
        For draws that are no numbers, a ``log_density`` that is no function or returns none, a
        ``density`` that lacks a method, or takes no weights where the draws have some.
    ValueError
        For draws that are not finite, constant, outside of their bounds, too few (20 distinct
        ones and two for each parameter in a half) or resampled; log densities of another shape,
        that depend on the rows beside them, are not finite at a draw or at all proposals, or are
        not those given.

    Warns
    -----
    ConvergenceWarning
        If the verdict is "bad", for each reason.

    See Also
    --------
    skflow.FlowVariationalApproximator : Evidence without draws, by a fit to the log density.

    Notes
    -----
    Cost besides calls of ``log_density``: a second for 4,000 draws of ten parameters; ten to
    thirty where "auto" trains flows. Calls are one for each distinct draw, unless their values are
    given, ``n_proposals``, and 13 to check the function.

    Two models are compared by the difference of their log evidences, the log Bayes factor; its
    error is the root of the sum of both squared.

    References
    ----------
    .. [1] Meng & Wong (1996), Simulating ratios of normalizing constants via a simple identity,
       Statistica Sinica 6(4).
    .. [2] Fruehwirth-Schnatter (2004), Estimating marginal likelihoods for mixture and Markov
       switching models using bridge sampling techniques, Econometrics Journal 7(1).
    .. [3] McEwen, Wallis, Price & Spurio Mancini (2021), Machine learning assisted Bayesian model
       comparison: learnt harmonic mean estimator, arXiv:2111.12720.

    Examples
    --------
    Draws of a density whose integral is exp(3):

    >>> import numpy as np
    >>> from scipy.stats import multivariate_normal
    >>> from skflow import log_evidence
    >>> model = multivariate_normal([1, -1], [[1, 0.8], [0.8, 1]])
    >>> found = log_evidence(
    ...     model.rvs(2000, random_state=0), lambda rows: model.logpdf(rows) + 3.0
    ... )
    >>> found.verdict, abs(found.log_evidence - 3.0) < 0.02
    ('good', True)

    A function of one point, as other samplers take them, and the calls that it costs:

    >>> found = log_evidence(
    ...     model.rvs(500, random_state=0), lambda theta: model.logpdf(theta), vectorized=False
    ... )
    >>> found.n_evaluations
    1011
    """
    _check_parameters(density, n_proposals)
    drawn = read_draws(draws, log_weights, var_names)
    low, high = resolve_support(support, drawn.rows.shape[1], drawn.names)
    check_inside_support(drawn.rows, low, high, drawn.names)
    asked = AskedDensity(log_density, vectorized, low, high)
    values = _values_of(drawn, asked, log_density_of_draws)
    rng = np.random.RandomState(draw_seed(random_state))  # noqa: NPY002
    agreement = agreement_of(drawn, draw_seed(rng))
    sides = sides_of(drawn, values, asked, rng)
    n = max(len(drawn.rows), FEWEST_PROPOSALS) if isinstance(n_proposals, str) else n_proposals
    reasons = faults_of_draws(agreement, drawn.names)
    combined = combine(_compared(sides, density, (low, high), n, thorough=not reasons))
    error = widened(combined, agreement)
    reasons += faults_of_evidence(combined, error)
    for reason in reasons:
        warn(reason, ConvergenceWarning)
    found = _figures(combined, agreement, sides, asked)
    return replace(
        found, standard_error=error, verdict="bad" if reasons else "good", reasons=reasons
    )


def _figures(combined, agreement, sides, asked):
    """Return the result as if it were good."""
    return LogEvidence(
        log_evidence=combined.estimate,
        standard_error=combined.error,
        verdict="good",
        reasons=[],
        halves=combined.halves,
        harmonic=combined.harmonic,
        harmonic_error=combined.harmonic_error,
        rhat=agreement.rhat,
        n_draws=len(sides[0].drawn.rows),
        n_effective=agreement.n_effective,
        overlap=combined.overlap,
        densities=[type(each).__name__ for each in sides[0].densities],
        n_evaluations=asked.n_evaluations,
        n_nonfinite=asked.n_nonfinite,
    )


def _check_parameters(density, n_proposals):
    whole = all(hasattr(density, name) for name in ("fit", "sample", "score_samples"))
    if not whole and not (isinstance(density, str) and density == "auto"):
        raise TypeError(
            'density must be "auto" or an estimator with fit, sample and score_samples, such as '
            f"skflow.NSFDensity(); got {density!r}."
        )
    if isinstance(n_proposals, str) and n_proposals == "auto":
        return
    if not isinstance(n_proposals, Integral) or n_proposals < FEWEST_PROPOSALS:
        raise ValueError(
            f'n_proposals must be "auto" or an integer of at least {FEWEST_PROPOSALS}, got '
            f"{n_proposals!r}."
        )


def _compared(sides, density, bounds, n, *, thorough):
    """Return what both halves say, by densities of each other and n proposals in all.

    One density makes all of them; of "auto", a second one makes the latter half of them where
    the first one alone leaves too large an error, if that is asked for.
    """
    auto, around = isinstance(density, str), int(AROUND * n / 2)
    for side in sides:
        side.look_around(around)
        side.learn(quick_density(*bounds) if auto else density)
        side.propose((n // 2 - around) // 2)
    coarse = auto and thorough and combine([side.found() for side in sides]).statistical > FINE
    for side in sides:
        if coarse:
            side.learn(thorough_density(*bounds))
        side.propose((n // 2 - around) // 2)
    return [side.found() for side in sides]


def _values_of(drawn, asked, given):
    """Log densities (n,) of the draws, those given or those of ``log_density``."""
    distinct, first, which = np.unique(drawn.rows, axis=0, return_index=True, return_inverse=True)
    some = slice(None, None, -(-len(distinct) // N_CHECKED))
    checked = asked.check(distinct[some])
    if given is None:
        values = asked(distinct)[which.ravel()]
    else:
        values = _given(given, drawn)
        _check_same(values[first[some]], checked)
    if not np.isfinite(values).all():
        row = drawn.rows[np.argmin(np.isfinite(values))]
        shown = ", ".join(f"{value:.6g}" for value in row[:MOST_SHOWN])
        more = ", ..." if len(row) > MOST_SHOWN else ""
        raise ValueError(
            f"log_density is not finite at {np.mean(~np.isfinite(values)):.1%} of the draws, the "
            f"first is ({shown}{more}): draws and density do not belong together. Has it the same "
            "parameters, in the same order, on the same scale?"
        )
    return values


def _given(values, drawn):
    values = np.array(on_host(values), dtype=np.float64)
    if values.shape not in drawn.shapes:
        raise ValueError(
            "log_density_of_draws must be one number for each draw, in the order of the draws: "
            f"expected shape {drawn.shapes[0]}, got {values.shape}."
        )
    return values.ravel()[drawn.kept]


def _check_same(given, asked):
    far = ~(np.abs(given - asked) <= AGREEMENT * (1 + np.abs(asked)))
    if far.any():
        i = int(far.argmax())
        raise ValueError(
            f"log_density_of_draws says {given[i]:.6g} where log_density is {asked[i]:.6g}. It "
            "must be the same function with the same constant: a log posterior, for example, has "
            "the log prior in it, and a log likelihood has not."
        )
