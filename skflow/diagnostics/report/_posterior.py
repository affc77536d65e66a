"""Is a posterior learnt from simulations right? All checks together."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_array

from skflow._containers import rows_at
from skflow._pages import ShownMixin
from skflow._random import draw_seed
from skflow._types import Auto, Function, Names, RandomState, Table
from skflow.diagnostics.measures._calibration import simulation_calibration
from skflow.diagnostics.measures._expected import expected_coverage
from skflow.diagnostics.measures._finding import shown_p
from skflow.diagnostics.measures._local import local_two_sample_test
from skflow.diagnostics.measures._replicates import posterior_predictive

__all__ = ["PosteriorCheck", "Simulations", "check_posterior", "simulations_of"]

MAX_SIMULATIONS = 5_000
N_LOCAL = 1_000  # draws at x_o, and replicates
BLOCK_OF_X = 500  # observations that draws are asked for at a time
BLOCK_OF_SCORES = 20_000


@dataclass(frozen=True)
class Simulations:
    """Parameters, draws of the posterior given their observations, and log densities of these.

    Attributes
    ----------
    theta : ndarray of shape (m, d)
    x : array-like
        As it was passed.
    draws : ndarray of shape (m, L, d)
    log_density : tuple of ndarray of shape (m,) and (m, L), or None
    """

    theta: np.ndarray
    x: object
    draws: np.ndarray
    log_density: tuple


@dataclass(frozen=True, repr=False)
class PosteriorCheck(ShownMixin):
    """What :func:`check_posterior` returns; printing it shows the report, a notebook its pictures.

    Attributes
    ----------
    verdict : {"good", "bad"}
    reasons : list of str
        Readings of the checks that reject; empty if good.
    findings : dict {str: Finding}
        The result of every check, with its numbers and a one-line ``reading``.
    p_values : dict {str: float}
        Of every check, corrected for their number (Holm): the verdict is bad if one of them is at
        most ``level``.
    level : float
    n_simulations, n_draws : int
    """

    verdict: str
    reasons: list
    findings: dict
    p_values: dict
    level: float
    n_simulations: int
    n_draws: int

    def __str__(self):
        width = max(map(len, self.findings))
        lines = [f"{self.n_simulations} simulations, {self.n_draws} draws of the posterior each"]
        lines += [f"  {name:<{width}}  {found}" for name, found in self.findings.items()]
        smallest = min(self.p_values, key=self.p_values.get)
        shown = shown_p(self.p_values[smallest])
        if self.verdict == "good":
            return "\n".join([*lines, f"Good: no check rejects ({shown}, all together)."])
        return "\n".join([*lines, f"Bad: {smallest} rejects ({shown}, all together)."])

    def __repr__(self):
        return f"PosteriorCheck({self.verdict!r}, p_values={self.p_values})"


def check_posterior(
    posterior: Any,
    theta: Table,
    x: Table,
    *,
    x_o: ArrayLike | None = None,
    simulator: Function | None = None,
    statistics: Mapping[str, Function] | None = None,
    n_draws: int = 99,
    use_log_density: bool | Auto = "auto",
    level: float = 0.01,
    feature_names: Names | None = None,
    random_state: RandomState = 0,
    verbose: bool | int = True,
) -> PosteriorCheck:
    """Check a posterior p(theta | x), learnt from simulations, on fresh ones.

    Runs the checks of amortised posteriors of :mod:`skflow.diagnostics`, prints one line for each,
    and says whether all of them together reject. A right posterior is called good with a
    probability of at least ``1 - level``, however many checks and parameters there are.

    ===================  ======================================================================
    check                sees
    ===================  ======================================================================
    calibration          draws too low or high, too narrow or too wide, a mode left out, in any
                         parameter or direction; on average over x
                         (:func:`skflow.diagnostics.simulation_calibration`)
    coverage             the same; also a posterior that ignores x
                         (:func:`skflow.diagnostics.expected_coverage`)
    two samples          faults that depend on x and cancel on average
                         (:func:`skflow.diagnostics.local_two_sample_test`)
    two samples at x_o   those at ``x_o``, if it is passed
    predictive           whether the simulator makes what was observed, if it is passed
                         (:func:`skflow.diagnostics.posterior_predictive`)
    ===================  ======================================================================

    Parameters
    ----------
    posterior : object
        With ``sample(n, x, random_state=)``, which returns (n_rows, n, n_features) of x with
        n_rows rows and, for ``x_o``, (n, n_features) of one of them; and with
        ``score_samples(theta, x)``, log densities (n_rows,), if it has one.
    theta : array-like of shape (n_simulations, n_features)
        Parameters drawn from the prior, that the posterior has not learnt from: 20 at least, 1,000
        are usual. Of more than 5,000 a random choice is taken.
    x : array-like of shape (n_simulations, n_columns) or with further axes
        What the simulator made of them.
    x_o : array-like of the shape of a row of x, optional
        An observation that matters.
    simulator : callable, optional
        Of parameters (n, n_features), to data of the shape of n rows of x. Needs ``x_o``.
    statistics : dict {str: callable}, optional
        As :func:`skflow.diagnostics.posterior_predictive` takes them.
    n_draws : int, default=99
        For each simulation.
    use_log_density : bool or "auto", default="auto"
        Whether ``score_samples`` is asked, once for each draw: it adds much to the first two
        checks. "auto" asks if there is one.
    level : float, default=0.01
        Of all checks together: the probability that a right posterior is called bad.
    feature_names : sequence of str of length n_features, optional
        By default "theta 0", "theta 1" and so on.
    random_state : int, RandomState instance or None, default=0
        Of draws and of the tests.
    verbose : bool, default=True
        Whether to print the report.

    Returns
    -------
    PosteriorCheck

    Raises
    ------
    TypeError
        If the posterior lacks ``sample``, or ``score_samples`` if that was asked for.
    ValueError
        For bad or too few rows, draws of another shape, log densities that are NaN, or a
        simulator without ``x_o``.

    Notes
    -----
    Cost besides draws and log densities: some five seconds for 1,000 simulations of five
    parameters on one core, and two more with ``x_o``.

    Examples
    --------
    The exact posterior of a normal mean, and one that is too narrow:

    >>> import numpy as np
    >>> from scipy.stats import norm
    >>> from skflow import check_posterior
    >>> class Conjugate:
    ...     def __init__(self, width=1.0):
    ...         self.sd = width * np.sqrt(0.5)
    ...     def sample(self, n_samples, x, random_state=None):
    ...         rng, x = np.random.default_rng(random_state), np.asarray(x)
    ...         mean = x[..., np.newaxis, :] / 2
    ...         return rng.normal(mean, self.sd, size=(*x.shape[:-1], n_samples, x.shape[-1]))
    >>> rng = np.random.default_rng(0)
    >>> theta = rng.normal(size=(500, 2))
    >>> x = theta + rng.normal(size=(500, 2))
    >>> check_posterior(Conjugate(), theta, x, verbose=False).verdict
    'good'
    >>> check = check_posterior(Conjugate(width=0.8), theta, x, verbose=False)
    >>> check.verdict, check.p_values["calibration"] < 0.01
    ('bad', True)
    """
    if simulator is not None and x_o is None:
        raise ValueError("simulator needs x_o, the observation that replicates are compared to.")
    rng = check_random_state(random_state)
    made = simulations_of(posterior, theta, x, n_draws, use_log_density, rng)
    seed, names = draw_seed(rng), {"feature_names": feature_names}
    given = {"theta": made.theta, "draws": made.draws, "random_state": seed}
    dense = {} if made.log_density is None else {"log density": made.log_density}
    findings = {
        "calibration": simulation_calibration(**given, **names, quantities=dense),
        "coverage": expected_coverage(**given, x=made.x, log_density=made.log_density),
        "two samples": local_two_sample_test(**given, **names, x=made.x),
    }
    if x_o is not None:
        draws_o = draws_at(posterior, x_o, N_LOCAL, rng)
        at = {"x": made.x, "x_o": x_o, "draws_o": draws_o}
        findings["two samples at x_o"] = local_two_sample_test(**given, **names, **at)
        if simulator is not None:
            replicates = simulator(draws_o)
            findings["predictive"] = posterior_predictive(x_o, replicates, statistics)
    check = _judge(findings, level, made.draws.shape)
    if verbose:
        print(check)
    return check


def simulations_of(posterior, theta, x, n_draws, use_log_density, rng):
    """Return simulations with draws of a posterior given each one's observation."""
    if not hasattr(posterior, "sample"):
        raise TypeError(f"a posterior with `sample` is needed; {_name(posterior)} has none.")
    scores = getattr(posterior, "score_samples", None) if use_log_density else None
    if use_log_density is True and scores is None:
        raise TypeError(f"{_name(posterior)} has no `score_samples`: use_log_density=False.")
    theta = check_array(theta, dtype=np.float64, input_name="theta")
    x = x if hasattr(x, "iloc") else np.asarray(x)
    if len(x) != len(theta):
        raise ValueError(f"theta has {len(theta)} rows and x {len(x)}; they belong together.")
    if len(theta) > MAX_SIMULATIONS:
        chosen = rng.permutation(len(theta))[:MAX_SIMULATIONS]
        theta, x = theta[chosen], rows_at(x, chosen)
    draws = _draw(posterior, x, n_draws, theta.shape[1], rng)
    log_density = None if scores is None else _score(scores, theta, draws, x)
    return Simulations(theta, x, draws, log_density)


def draws_at(posterior, x_o, n_draws, rng):
    """Return draws (n, d) given one observation."""
    x_o = x_o if hasattr(x_o, "shape") else np.asarray(x_o)
    draws = np.asarray(posterior.sample(n_draws, x_o, random_state=draw_seed(rng)))
    return draws[0] if draws.ndim == 3 else draws


def _name(posterior):
    return type(posterior).__name__


def _draw(posterior, x, n_draws, n_features, rng):
    parts = []
    for start in range(0, len(x), BLOCK_OF_X):
        rows = rows_at(x, np.arange(start, min(start + BLOCK_OF_X, len(x))))
        found = np.asarray(posterior.sample(n_draws, rows, random_state=draw_seed(rng)))
        expected = len(rows), n_draws, n_features
        if found.shape != expected:
            raise ValueError(
                f"{_name(posterior)}.sample({n_draws}, x) of {len(rows)} rows of x must return "
                f"draws of shape {expected}, got {found.shape}."
            )
        parts.append(found)
    return np.concatenate(parts)


def _score(score_samples, theta, draws, x):
    """Log densities of parameters (m,) and of their draws (m, L)."""
    m, n_draws, d = draws.shape
    sets = np.concatenate([theta[:, np.newaxis], draws], axis=1)
    step = max(1, BLOCK_OF_SCORES // (n_draws + 1))
    parts = []
    for start in range(0, m, step):
        part = sets[start : start + step]
        rows = np.repeat(np.arange(start, start + len(part)), n_draws + 1)
        parts.append(np.ravel(score_samples(part.reshape(-1, d), rows_at(x, rows))))
    found = np.concatenate(parts).reshape(m, n_draws + 1)
    return found[:, 0], found[:, 1:]


def _judge(findings, level, shape):
    p_values = _holm({name: found.p_value for name, found in findings.items()})
    reasons = [str(findings[name]) for name, p_value in p_values.items() if p_value <= level]
    verdict = "bad" if reasons else "good"
    return PosteriorCheck(verdict, reasons, findings, p_values, level, *shape[:2])


def _holm(p_values):
    """P-values corrected for their number (Holm 1979)."""
    corrected, largest = {}, 0.0
    ordered = sorted(p_values, key=p_values.get)
    for i, name in enumerate(ordered):
        largest = max(largest, min(1.0, (len(ordered) - i) * p_values[name]))
        corrected[name] = largest
    return {name: corrected[name] for name in p_values}
