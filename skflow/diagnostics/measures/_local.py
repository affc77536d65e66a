"""Whether parameters can be told from draws: over all observations, and at one."""

from dataclasses import dataclass

import numpy as np
from sklearn.utils.validation import check_array

from skflow._random import draw_seed
from skflow.diagnostics.measures._candidates import (
    candidate_names,
    centred_products,
    check_candidates,
    near_distances,
    scaled,
    whitened,
)
from skflow.diagnostics.measures._exchange import choices, smallest_p
from skflow.diagnostics.measures._finding import Finding, shown_p
from skflow.diagnostics.measures._observations import ObservationScores, observations

__all__ = ["LocalTwoSampleTest", "local_two_sample_test"]

LEVEL = 0.01
N_NULL = 1_999
N_COMPONENTS = 5  # of the observation
MAX_SIMPLE = 10  # components of the observation that simple differences lean on
MAX_CROSSED = 10  # products of different parameters are looked at up to so many
INTERACTION = 1.0  # scale of what depends on x, beside what does not
KNOTS, WIDTH = np.array([-1.5, -0.5, 0.5, 1.5]), 0.6  # of bumps of a normal score
RIDGE = 0.1  # of the number of simulations
BLOCK = 2**24


@dataclass(frozen=True, repr=False)
class LocalTwoSampleTest(Finding):
    """What :func:`local_two_sample_test` finds.

    Attributes
    ----------
    statistic : float
        Variance over draws of the log odds that the classifier gives: at ``x_o``, or the mean of
        this over all simulations.
    null : ndarray of shape (n_null,)
        The same if any draw had been the parameter.
    p_value : float
    draws : ndarray of shape (n, n_features) or None
        At ``x_o``.
    log_odds : ndarray of shape (n,) or None
        How much more likely than its fellows each draw is a parameter: where it is above zero the
        posterior at ``x_o`` is too low, below zero too high.
    bias, spread : ndarray of shape (n_features,) or None
        How the draws would lie if weighted by these odds, to first order: change of the mean, in
        deviations of the draws, and ratio of the deviations.
    names : list of str
        Of the parameters.
    reading : str
    """

    statistic: float
    null: np.ndarray
    p_value: float
    draws: np.ndarray
    log_odds: np.ndarray
    bias: np.ndarray
    spread: np.ndarray
    names: list
    reading: str


def local_two_sample_test(
    theta, draws, x, *, x_o=None, draws_o=None, feature_names=None, random_state=None
):
    """Try to tell parameters from draws by a classifier that sees x; what it finds at ``x_o``.

    The local classifier two-sample test of [1]_, with a classifier for which the null costs
    nothing: conditional logistic regression [2]_ (which of a set of ``n_draws + 1`` is the
    parameter?), one penalised Newton step from no difference. Of each set it sees the whitened
    values, their squares and products, and the log distance to near draws, each alone and times
    normal scores of x and bumps of these (of more than five columns of x the main components).

    The statistic at ``x_o`` is the variance of the log odds over draws there; without ``x_o``, its
    mean over all simulations, and beside it two that see less and small faults sooner: how the
    mean, and how the width, of the whitened parameters changes along normal scores of x. The null
    distribution is that of 1,999 classifiers that took any of each set for the parameter; the
    p-value, of the smallest of the three, is exact for any number of simulations. The null says
    that the posterior is right for all x: with few simulations a fault shows nearby as well.

    Parameters
    ----------
    theta : array-like of shape (n_simulations, n_features)
        Parameters of fresh simulations, drawn from the prior; at least 20.
    draws : array-like of shape (n_simulations, n_draws, n_features)
        From the posterior given each one's observation; 9 at least, 99 are usual.
    x : array-like of shape (n_simulations, n_columns) or with further axes
        The observations. Several of one parameter (a third axis) count by the means and
        deviations of their columns; missing cells count as the median.
    x_o : array-like of the shape of a row of x, optional
        Where to look.
    draws_o : array-like of shape (n, n_features), optional
        Draws from the posterior given ``x_o``, some hundred; required with ``x_o``.
    feature_names : sequence of str of length n_features, optional
        By default "theta 0", "theta 1" and so on.
    random_state : int, RandomState instance or None, default=None
        Of random choices.

    Returns
    -------
    LocalTwoSampleTest

    Raises
    ------
    ValueError
        For arrays of other shapes, too few rows, infinite numbers, or ``x_o`` without
        ``draws_o``.

    Notes
    -----
    Far from all rows of x nothing can be known: ``x_o`` is taken to their edge.

    Cost: one to three seconds for 1,000 simulations with 99 draws of up to ten parameters.

    References
    ----------
    .. [1] Linhart, Gramfort & Rodrigues (2023), L-C2ST: local diagnostics for posterior
       approximations in simulation-based inference, NeurIPS, arXiv:2306.03580, section 3.
    .. [2] McFadden (1974), Conditional logit analysis of qualitative choice behavior.

    Examples
    --------
    A posterior that is right for small x and too low for large ones:

    >>> import numpy as np
    >>> from skflow.diagnostics import local_two_sample_test
    >>> rng = np.random.default_rng(0)
    >>> theta = rng.normal(size=(1000, 1))
    >>> x = theta + rng.normal(size=(1000, 1))
    >>> def draws_at(x, n):
    ...     mean = x / 2 - 0.5 * np.maximum(x, 0)
    ...     return mean[:, np.newaxis] + np.sqrt(0.5) * rng.normal(size=(len(x), n, 1))
    >>> for x_o in ([-1.5], [1.5]):
    ...     draws_o = draws_at(np.array([x_o]), 500)[0]
    ...     at = {"x_o": x_o, "draws_o": draws_o, "random_state": 0}
    ...     test = local_two_sample_test(theta, draws_at(x, 99), x, **at)
    ...     print(test.p_value < 0.01)
    False
    True
    """
    sets = check_candidates(theta, draws)
    names = candidate_names(feature_names, sets.shape[2])
    columns = observations(x, len(sets))
    to_scores = ObservationScores(columns, N_COMPONENTS)
    terms, base = _terms(to_scores(columns)), _base(sets)
    simple = _simple(sets, ObservationScores(columns, MAX_SIMPLE)(columns))
    rng = np.random.default_rng(draw_seed(random_state))
    form = _mean_form(base, terms)
    weights, norms = _weights(base, terms, simple, form, rng)
    if x_o is None:
        local = None
    else:
        norms = norms[:, :0]
        local = _check_local(draws_o, sets.shape[2])
        here = _terms(to_scores(_one(x_o, np.ndim(x), columns)))[0]
        features = np.einsum("np,h->nph", _base(local[np.newaxis])[0], here)
        features = features.reshape(len(local), -1)
        form = features.T @ features / len(features)
    statistics = np.einsum("bp,pq,bq->b", weights, form, weights, optimize=True)
    _, p_value = smallest_p(np.column_stack([statistics, norms]))
    log_odds = bias = spread = None
    if local is not None:
        log_odds = features @ weights[0]
        bias, spread = _moved(local, log_odds)
    reading = _read(p_value, names, bias, spread)
    null = statistics[1:]
    found = float(statistics[0]), null, p_value, local, log_odds, bias, spread, names, reading
    return LocalTwoSampleTest(*found)


def _check_local(draws_o, n_features):
    if draws_o is None:
        raise ValueError("x_o needs draws_o, draws from the posterior given x_o.")
    draws_o = check_array(draws_o, dtype=np.float64, ensure_min_samples=20, input_name="draws_o")
    if draws_o.shape[1] != n_features:
        raise ValueError(f"draws_o must have {n_features} columns, got {draws_o.shape[1]}.")
    return draws_o


def _one(x_o, n_axes, columns):
    row = np.asarray(x_o, dtype=np.float64)
    row = row[np.newaxis] if row.ndim < n_axes else row
    if row.ndim != n_axes or len(row) != 1:
        raise ValueError(f"x_o must be of the shape of a row of x, got {np.shape(x_o)}.")
    row = observations(row, 1)
    if row.shape[1] != columns.shape[1]:
        raise ValueError(f"x_o has {row.shape[1]} columns, and x {columns.shape[1]}.")
    return row


def _terms(scores):
    """Functions (n, h) of scores of observations (n, p): a constant, slopes and bumps."""
    bumps = np.exp(-np.square((scores[..., np.newaxis] - KNOTS) / WIDTH) / 2)
    bumps = bumps.reshape(len(scores), -1)
    return np.column_stack([np.ones(len(scores)), INTERACTION * scores, INTERACTION * bumps])


def _base(sets):
    """Features (m, M, p) of sets (m, M, d) that have mean zero in each."""
    z = whitened(sets)
    near = scaled(near_distances(z)[..., np.newaxis])
    return np.concatenate([z, centred_products(z, z.shape[2] <= MAX_CROSSED), near], axis=2)


def _mean_form(base, terms):
    """Covariance of features, base times terms, within sets, mean over these (p h, p h)."""
    m, n, p = base.shape
    h = terms.shape[1]
    found = np.zeros((p * p, h * h))
    step = max(1, BLOCK // (p * p))
    for start in range(0, m, step):
        part = base[start : start + step]
        within = part.swapaxes(1, 2) @ part / n
        outer = np.einsum("mh,mg->mhg", *[terms[start : start + step]] * 2)
        found += within.reshape(len(part), -1).T @ outer.reshape(len(part), -1)
    return found.reshape(p, p, h, h).swapaxes(1, 2).reshape(p * h, p * h) / m


def _simple(sets, scores):
    """Means and squares of whitened sets (m, M, d), with what both are to lean on (m, h)."""
    z = whitened(sets)
    terms = np.column_stack([np.ones(len(scores)), scores])
    return (z, terms), (centred_products(z, off_diagonal=False), terms)


def _weights(base, terms, simple, form, rng):
    """Weights of classifiers (n_null + 1, p h), and squared norms of simple differences.

    The first took the parameters for such, the others any of each set.
    """
    m, n_candidates, p = base.shape
    gram = form + RIDGE * np.eye(len(form))
    rows = np.arange(m)
    sums = np.empty((N_NULL + 1, p * terms.shape[1]))
    norms = np.empty((N_NULL + 1, len(simple)))
    for each, choice in enumerate(choices(m, n_candidates, rng, N_NULL)):
        sums[each] = (base[rows, choice].T @ terms).ravel()
        for i, (features, lean_on) in enumerate(simple):
            norms[each, i] = np.square(features[rows, choice].T @ lean_on).sum()
    return np.linalg.solve(gram, sums.T).T / m, norms


def _moved(draws, log_odds):
    """Change of the mean of draws by their odds, to first order, and of their deviation."""
    z = scaled(draws[np.newaxis])[0]
    bias = log_odds @ z / len(z)
    square = 1 + log_odds @ (np.square(z) - 1) / len(z) - np.square(bias)
    return bias, np.sqrt(np.maximum(square, 0.01))


def _read(p_value, names, bias, spread):
    where = "" if bias is None else " at x_o"
    if p_value > LEVEL:
        return f"parameters cannot be told from draws{where} ({shown_p(p_value)})"
    told = f"parameters can be told from draws{where} ({shown_p(p_value)})"
    if bias is None:
        return told
    shift, wide = int(np.abs(bias).argmax()), int(np.abs(np.log(spread)).argmax())
    if abs(bias[shift]) > abs(np.log(spread[wide])):
        side = "low" if bias[shift] > 0 else "high"
        return f"{told}: draws of {names[shift]} are too {side} by {abs(bias[shift]):.2f} sd"
    return f"{told}: {names[wide]} should be {spread[wide]:.2f} times as wide"
