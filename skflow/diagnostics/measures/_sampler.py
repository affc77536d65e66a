"""Whether draws come from the density that is scored."""

from dataclasses import dataclass

import numpy as np
from scipy import stats
from sklearn.utils.validation import check_array

from skflow.diagnostics.measures._checks import check_names
from skflow.diagnostics.measures._finding import Finding

__all__ = ["SamplerAgreement", "agreement_of_scored", "sampler_agreement"]

N_STEPS = 10
RARE = 0.005  # share of draws that count as rare or far


@dataclass(frozen=True, repr=False)
class SamplerAgreement(Finding):
    """What :func:`sampler_agreement` finds.

    Attributes
    ----------
    drifts : dict {str: float}
        Mean change of each statistic along the walk, in standard errors.
    shift : float
        Largest mean change of a column's rank, between -1 and 1.
    acceptance : float
        Share of steps that were taken; with next to none the test sees nothing.
    p_value : float
        Of the largest drift, for all statistics together.
    reading : str
    """

    drifts: dict
    shift: float
    acceptance: float
    p_value: float
    reading: str


def sampler_agreement(score_samples, samples, n_steps=N_STEPS, random_state=0, feature_names=None):
    """Test whether draws follow the density that scores them.

    Draws from a density stay draws from it under a Markov chain that leaves the density invariant.
    So half of the draws walk ``n_steps`` steps of Metropolis and Hastings, each proposal a
    multiple of the difference of two draws of the other half [1]_, and if their ranks drift, draws
    and density are not of one distribution. Needs no rows, no latents and no
    normalisation.

    Blind to a mode that no draw has: the walk cannot get there. Rows show that one, see
    :func:`two_sample_test`.

    Parameters
    ----------
    score_samples : callable
        Log density of rows, ``(n, n_features) -> (n,)``.
    samples : array-like of shape (n_samples, n_features)
        Independent draws, at least 40.
    n_steps : int, default=10
        The cost: so many calls on half of the draws.
    random_state : int, default=0
        Of the walk.
    feature_names : sequence of str of length n_features, optional
        What the reading calls the columns; by default their numbers.

    Returns
    -------
    SamplerAgreement

    References
    ----------
    .. [1] ter Braak (2006), A Markov chain Monte Carlo version of the genetic algorithm
       differential evolution, Statistics and Computing 16.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.mixture import GaussianMixture
    >>> from skflow.diagnostics import sampler_agreement
    >>> X = np.random.default_rng(0).normal(size=(500, 2))
    >>> gauss = GaussianMixture(random_state=0).fit(X)
    >>> samples = gauss.sample(2000)[0]
    >>> sampler_agreement(gauss.score_samples, samples).p_value > 0.01
    True
    >>> sampler_agreement(gauss.score_samples, samples + 0.3).p_value < 1e-6
    True
    """
    samples = check_array(samples, dtype=np.float64, ensure_min_samples=40, input_name="samples")
    columns = check_names(feature_names, samples.shape[1])
    scores = np.asarray(score_samples(samples), dtype=float)
    return agreement_of_scored(score_samples, samples, scores, n_steps, random_state, columns)


def agreement_of_scored(score_samples, samples, scores, n_steps, random_state, columns):
    """:func:`sampler_agreement` of draws (n, d) whose scores (n,) are known."""
    rng = np.random.default_rng(random_state)
    walking, staying = np.array_split(rng.permutation(len(samples)), 2)
    walkers, others = samples[walking], samples[staying]
    scores, reference = scores[walking], scores[staying]
    before = _statistics(walkers, scores, others, reference)
    arrived, ends, acceptance = _walk(score_samples, walkers, scores, others, n_steps, rng)
    change = _statistics(arrived, ends, others, reference) - before
    error = np.maximum(change.std(axis=0, ddof=1) / np.sqrt(len(change)), 1e-12)
    drift = change.mean(axis=0) / error
    p_value = float(min(1.0, 2 * stats.norm.sf(np.abs(drift).max()) * len(drift)))
    names = [f"{what} of column {name}" for what in ("rank", "distance") for name in columns]
    names += ["rank of the density", "share of rare rows", "share of far rows"]
    ranks = change.mean(axis=0)[: len(columns)]
    shift = float(ranks[np.abs(ranks).argmax()])
    drifts = dict(zip(names, drift.tolist(), strict=True))
    return SamplerAgreement(drifts, shift, acceptance, p_value, _read(drifts, acceptance, p_value))


def _walk(score_samples, rows, scores, others, n_steps, rng):
    """Metropolis and Hastings; returns rows, their scores and the share of steps taken."""
    rows, scores = rows.copy(), np.array(scores, dtype=float)
    taken = 0.0
    for step in range(n_steps):
        # long strides and short ones by turns; now and then a whole one, between modes
        stride = (1.0, 0.5, 0.25)[step % 3] * 2.38 / np.sqrt(2 * rows.shape[1])
        stride = 1.0 if step % 5 == 4 else stride
        a, b = rng.permuted(np.tile(np.arange(len(others)), (2, 1)), axis=1)
        at = np.arange(len(rows)) % len(others)
        proposals = rows + stride * (others[a[at]] - others[b[at]])
        proposed = np.asarray(score_samples(proposals), dtype=float)
        accept = np.log(rng.random(len(rows))) < proposed - scores
        rows[accept], scores[accept] = proposals[accept], proposed[accept]
        taken += accept.mean() / n_steps
    return rows, scores, float(taken)


def _statistics(rows, scores, others, scores_of_others):
    """Bounded ones, so that a far row cannot decide, (n, 2 d + 3)."""
    ranks = np.column_stack(
        [
            np.searchsorted(np.sort(draws), column) / len(draws)
            for draws, column in zip(others.T, rows.T, strict=True)
        ]
    )
    ordered = np.sort(scores_of_others)
    density = np.searchsorted(ordered, scores) / len(ordered)
    rare = scores < np.quantile(ordered, RARE)
    far = (np.abs(ranks - 0.5) > 0.5 - RARE).any(axis=1)
    return np.column_stack([ranks, np.abs(ranks - 0.5), density, rare, far])


def _read(drifts, acceptance, p_value):
    if acceptance < 0.02:
        return f"draws cannot be compared with the density: {acceptance:.1%} of steps are taken"
    if p_value > 1e-3:
        return f"draws follow the density that is scored (p = {p_value:.2f})"
    worst = max(drifts, key=lambda name: abs(drifts[name]))
    return (
        f"draws do not follow the density that is scored: the {worst} drifts by "
        f"{drifts[worst]:.1f} standard errors"
    )
