"""Whether regions of posteriors hold the parameters that they claim: expected coverage."""

from dataclasses import dataclass

import numpy as np
from sklearn.utils.validation import check_array

from skflow._random import draw_seed
from skflow.diagnostics.measures._calibration import check_pairs
from skflow.diagnostics.measures._candidates import check_candidates
from skflow.diagnostics.measures._exchange import rank_test
from skflow.diagnostics.measures._finding import Finding, shown_p
from skflow.diagnostics.measures._observations import ObservationScores, observations

__all__ = ["ExpectedCoverage", "expected_coverage"]

LEVEL = 0.01
N_BLOCKS = 5  # of rows, each with references by those before it
N_COMPONENTS = 10
RIDGE = 1e-2  # of the number of rows
RANDOM, DENSE = "around references", "of highest density"


@dataclass(frozen=True, repr=False)
class ExpectedCoverage(Finding):
    """What :func:`expected_coverage` finds.

    Attributes
    ----------
    kinds : tuple of str
        Of the regions.
    nominal : ndarray of shape (n_draws + 1,)
        Probability of each region under the posterior.
    observed : ndarray of shape (n_kinds, n_draws + 1)
        Share of the parameters inside.
    band : tuple of two ndarray of shape (n_draws + 1,)
        Within which a whole curve lies with a probability of 95 % under the right posterior.
    bias : ndarray of shape (n_kinds,)
        Mean of nominal less observed: positive if regions are too small.
    p_values : dict {str: float}
        Of each kind.
    p_value : float
        Of all together: the smallest times their number.
    reading : str
    """

    kinds: tuple
    nominal: np.ndarray
    observed: np.ndarray
    band: tuple
    bias: np.ndarray
    p_values: dict
    p_value: float
    reading: str


def expected_coverage(
    theta, draws, x=None, *, references=None, log_density=None, random_state=None
):
    """Compare what regions of posteriors claim with the share of parameters that they hold.

    TARP [1]_: the region around a random reference point that reaches to the parameter holds an
    even share of the posterior, if it is the right one, wherever the reference is. The distance is
    Euclidean, each parameter in units of its deviation among the draws. With the log density of
    the posterior, regions of highest density are looked at besides.

    **References must depend on x.** Those that do not see nothing of a posterior that ignores x
    and is the prior. With ``x`` they are noisy predictions of the parameters from x, by ridge
    regression on the rows before (blocks of a fifth; the first block takes random functions of
    x), so that the test stays exact. Without ``x`` they are spread evenly over the box of the
    parameters.

    Parameters
    ----------
    theta : array-like of shape (n_simulations, n_features)
        Parameters of fresh simulations, drawn from the prior; at least 20.
    draws : array-like of shape (n_simulations, n_draws, n_features)
        From the posterior given each one's observation; 9 at least, 99 are usual.
    x : array-like of shape (n_simulations, n_columns) or with further axes, optional
        The observations, for references. Missing cells count as the median.
    references : array-like of shape (n_simulations, n_features), optional
        Your own instead; they must not be computed from the same row of ``theta`` or ``draws``.
    log_density : tuple of array-like, optional
        Log density of the parameters (n_simulations,) and of the draws (n_simulations, n_draws).
    random_state : int, RandomState instance or None, default=None
        Of references, ties and random choices.

    Returns
    -------
    ExpectedCoverage

    Raises
    ------
    ValueError
        For arrays of other shapes, too few rows, or NaN.

    See Also
    --------
    hdr_coverage : Regions of one density of whole rows.

    Notes
    -----
    Cost: half a second for 1,000 simulations with 99 draws.

    References
    ----------
    .. [1] Lemos, Coogan, Hezaveh & Perreault-Levasseur (2023), Sampling-based accuracy testing of
       posterior estimators for general inference, ICML, arXiv:2302.03026, algorithm 2.

    Examples
    --------
    >>> import numpy as np
    >>> from skflow.diagnostics import expected_coverage
    >>> rng = np.random.default_rng(0)
    >>> theta = rng.normal(size=(500, 1))
    >>> x = theta + rng.normal(size=(500, 1))
    >>> noise = rng.normal(size=(500, 99, 1))
    >>> right = x[:, np.newaxis] / 2 + np.sqrt(0.5) * noise
    >>> expected_coverage(theta, right, x, random_state=0).p_value > 0.05
    True

    The prior, which ignores x, is calibrated, and seen by references that depend on x only:

    >>> expected_coverage(theta, noise, x, random_state=0).p_value < 0.01
    True
    >>> expected_coverage(theta, noise, random_state=0).p_value < 0.01
    False
    """
    sets = check_candidates(theta, draws)
    rng = np.random.default_rng(draw_seed(random_state))
    if references is not None:
        references = check_array(references, dtype=np.float64, input_name="references")
        if references.shape != sets.shape[::2]:
            raise ValueError(
                f"references must be of shape {sets.shape[::2]}, got {references.shape}."
            )
    elif x is not None:
        references = _by_observation(sets, observations(x, len(sets)), rng)
    else:
        references = rng.uniform(*np.quantile(sets[:, 0], [0, 1], axis=0), sets.shape[::2])
    depth = {RANDOM: _distances(sets, references)}
    if log_density is not None:
        depth[DENSE] = -check_pairs({"log_density": log_density}, sets.shape[:2])["log_density"]
    found = [rank_test(values[..., np.newaxis], rng) for values in depth.values()]
    return _gathered(tuple(depth), found, sets.shape[1])


def _gathered(kinds, found, n_candidates):
    counts = np.stack([np.bincount(each.ranks[:, 0], minlength=n_candidates) for each in found])
    observed = counts.cumsum(axis=1) / counts[0].sum()
    nominal = np.arange(1, n_candidates + 1) / n_candidates
    bias = (nominal - observed).mean(axis=1)
    p_values = {kind: each.p_value for kind, each in zip(kinds, found, strict=True)}
    p_value = min(1.0, len(kinds) * min(p_values.values()))
    reading = _read(kinds, nominal, observed, p_values, p_value)
    band = found[0].band
    return ExpectedCoverage(kinds, nominal, observed, band, bias, p_values, p_value, reading)


def _by_observation(sets, x, rng):
    """Predict references (m, d) from x, each by parameters of earlier blocks alone."""
    m, _, d = sets.shape
    scores = ObservationScores(x, N_COMPONENTS)(x)
    design = np.column_stack([np.ones(m), scores, np.square(scores)])
    n_terms = design.shape[1]
    # where no parameter may be used yet, any functions of x serve, on the scale of whole sets
    middle, spread = sets.mean(axis=(0, 1)), sets.std(axis=(0, 1))
    weights = spread * rng.normal(size=(n_terms, d)) / np.sqrt(n_terms)
    references = np.empty((m, d))
    edges = np.linspace(0, m, N_BLOCKS + 1).astype(int)
    for start, stop in zip(edges[:-1], edges[1:], strict=True):
        if start:
            known, targets = design[:start], sets[:start, 0]
            middle = targets.mean(axis=0)
            gram = known.T @ known + RIDGE * start * np.eye(n_terms)
            weights = np.linalg.solve(gram, known.T @ (targets - middle))
            spread = (targets - middle - known @ weights).std(axis=0)
        noise = spread * rng.normal(size=(stop - start, d))
        references[start:stop] = middle + design[start:stop] @ weights + noise
    return references


def _distances(sets, references):
    deviation = sets.std(axis=1, keepdims=True)
    deviation = np.where(deviation > 0, deviation, 1.0)
    return np.linalg.norm((sets - references[:, np.newaxis]) / deviation, axis=2)


def _read(kinds, nominal, observed, p_values, p_value):
    shown = shown_p(p_value)
    if p_value > LEVEL:
        return f"regions hold the parameters that they claim ({shown})"
    told = []
    for kind, curve in zip(kinds, observed, strict=True):
        if p_values[kind] * len(kinds) <= LEVEL:
            worst = int(np.abs(nominal - curve).argmax())
            told.append(
                f"regions {kind} that claim {100 * nominal[worst]:.0f} % hold "
                f"{100 * curve[worst]:.0f} % of the parameters"
            )
    return f"{'; '.join(told)} ({shown})"
