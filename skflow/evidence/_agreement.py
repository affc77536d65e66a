"""Whether parts of a chain tell the same: of every column, and of every cell of the space."""

from dataclasses import dataclass

import numpy as np
from scipy import stats
from sklearn.cluster import KMeans

from skflow.evidence._draws import MOST_GROUPS

__all__ = ["Agreement", "agreement_of", "count_of"]

N_CELLS = 10
MOST_CLUSTERED = 5_000  # draws that cells are found by
FEWEST = 20  # draws of a part in a cell that is compared
FURTHEST = 5.0  # deviations from the middle of a column


@dataclass(frozen=True)
class Agreement:
    """How far parts of the draws are apart.

    Attributes
    ----------
    rhat : float
        The largest R-hat of any column, and of any cell; nan for weighted draws.
    p_value : float
        That all parts have the same means of columns, squares of them and shares of cells,
        corrected for the number of these.
    distance : float
        Of that mean which gave it: from part to part, in standard deviations.
    column : int or None
        Which column that was; None for a cell.
    moved : float
        The largest share of the draws that lies in other cells in one part than in another
        (total variation).
    n_effective : float
        Draws that all together are worth: the least of any column.
    """

    rhat: float
    p_value: float
    distance: float
    column: int | None
    moved: float
    n_effective: float


def agreement_of(draws, seed):
    """Compare parts of draws: quarters of the chains, or of one chain, halves of weighted draws.

    Columns become normal scores, so that no tail decides. Cells are clusters of the draws: a mode
    that a chain has lost is a share of some cells, whatever single columns make of it. Every mean
    has the error of as many draws as its part is worth for it, and the parts' means are compared
    by a chi-squared statistic.

    Parameters
    ----------
    draws : Draws
    seed : int

    Returns
    -------
    Agreement
    """
    scores = _normal_scores(draws.rows, draws.weight)
    d = scores.shape[1]
    cells = _cells(draws.rows, seed)
    large = cells.mean(axis=0) * len(cells) >= FEWEST * len(draws.groups())
    tests = np.column_stack([scores, scores**2, cells[:, large]])
    found = [_compared(column, draws) for column in tests.T]
    p_values, distances = np.array(found).T
    worst = int(np.lexsort((-distances, p_values))[0])
    return Agreement(
        rhat=_rhat(np.column_stack([scores, cells]), draws),
        p_value=float(min(1.0, p_values[worst] * len(p_values))),
        distance=float(distances[worst]),
        column=worst % d if worst < 2 * d else None,
        moved=_moved(cells, draws),
        n_effective=float(min(count_of(c[draws.places], draws.weight) for c in scores.T)),
    )


def count_of(values, weight=None):
    """Effective number of draws for the mean of values (n_chains, n), at most all of them.

    By autocorrelation within chains and differences between them; of weighted draws that of the
    weights, since they come in no order.
    """
    if weight is not None:
        weight = weight / weight.sum()
        return float(1 / (weight**2).sum())
    if np.ptp(values) == 0 or values.shape[1] < 4:
        return float(values.size)
    from arviz_stats.base import array_stats  # it takes more than a second to import

    with np.errstate(all="ignore"):
        found = float(array_stats.ess(values, chain_axis=0, draw_axis=1, method="mean"))
    return min(found, float(values.size)) if np.isfinite(found) else float(values.size)


def _normal_scores(rows, weight):
    """Turn columns into normal scores (n, d), by ranks or by what weight lies below."""
    if weight is None:
        return stats.norm.ppf((stats.rankdata(rows, axis=0) - 0.5) / len(rows))
    scores = np.empty(rows.shape)
    for j, order in enumerate(np.argsort(rows, axis=0).T):
        scores[order, j] = stats.norm.ppf(weight[order].cumsum() - 0.5 * weight[order])
    return scores


def _cells(rows, seed):
    """Which cell each row lies in, as columns of zeros and ones (n, n_cells).

    Ranks would close the gaps between modes, so that columns are scaled here, and cut far out.
    """
    low, middle, high = np.percentile(rows, [16, 50, 84], axis=0)
    scale = np.where(high > low, high - low, 1.0) / 2
    scaled = np.clip((rows - middle) / scale, -FURTHEST, FURTHEST)
    step = -(-len(rows) // MOST_CLUSTERED)
    clusters = KMeans(N_CELLS, n_init=1, random_state=seed).fit(scaled[::step])
    return np.eye(N_CELLS)[clusters.predict(scaled)]


def _compared(values, draws):
    """P-value and distance of the means of one test function (n,) in the parts."""
    parts = draws.groups()
    weight = np.full(len(values), 1 / len(values)) if draws.weight is None else draws.weight
    variance = weight @ (values - weight @ values) ** 2
    if variance == 0:
        return 1.0, 0.0
    means, counts = [], []
    for part in parts:
        own = None if draws.weight is None else weight[part.ravel()]
        means.append(np.average(values[part.ravel()], weights=own))
        counts.append(count_of(values[part], own))
    means, counts = np.array(means), np.array(counts)
    statistic = counts @ (means - counts @ means / counts.sum()) ** 2 / variance
    return stats.chi2.sf(statistic, len(parts) - 1), np.ptp(means) / variance**0.5


def _moved(cells, draws):
    """Return the largest total variation between the shares of cells of two parts."""
    parts = [part.ravel() for part in draws.groups()]
    weights = [None if draws.weight is None else draws.weight[part] for part in parts]
    shares = np.array(
        [np.average(cells[p], axis=0, weights=w) for p, w in zip(parts, weights, strict=True)]
    )
    return float(np.abs(shares[:, None] - shares).sum(axis=2).max() / 2)


def _rhat(tests, draws):
    """Return the largest split R-hat of columns (n, k).

    One chain is cut in halves. Of many short chains, as the walkers of an ensemble are, R-hat is
    large however many there are: it looks at groups of them, one after the other. Walkers that
    are stuck make the effective number small.
    """
    chains = draws.places
    if draws.n_chains == 1 or draws.n_chains > MOST_GROUPS:
        parts = draws.halves() if draws.n_chains == 1 else draws.groups()
        chains = [part.ravel() for part in parts]
    size = min(map(len, chains))
    if draws.weight is not None or size < 8:
        return np.nan
    from arviz_stats.base import array_stats  # it takes more than a second to import

    places = np.array([chain[:size] for chain in chains])
    with np.errstate(all="ignore"):
        found = array_stats.rhat(tests[places], chain_axis=0, draw_axis=1, method="split")
    return float(np.nanmax(found, initial=1.0))
