"""Whether conditionals that were learnt one by one belong to one distribution."""

from dataclasses import dataclass

import numpy as np
from sklearn.utils.validation import check_array

from skflow.diagnostics.measures._finding import Finding

__all__ = ["OrderAgreement", "order_agreement"]


@dataclass(frozen=True, repr=False)
class OrderAgreement(Finding):
    """What :func:`order_agreement` finds.

    Attributes
    ----------
    means : ndarray of shape (n_orders,)
        Mean log density of the rows in each order, in nats.
    gap : float
        Between the largest and the smallest of these.
    spread : ndarray of shape (n_samples,)
        Standard deviation of each row's log density over the orders, in nats.
    reading : str
    """

    means: np.ndarray
    gap: float
    spread: np.ndarray
    reading: str


def order_agreement(scores):
    """Compare log densities of the same rows along several orders of the columns.

    Conditionals of one distribution give the same product in any order. Those that are learnt do
    so as far as they are right: rows on which orders differ much are rows whose scores, and
    whose answers given some cells, are not to be relied on.

    Parameters
    ----------
    scores : array-like of shape (n_orders, n_samples)
        ``density.score_orders(X)`` of a :class:`skflow.TableDensity`.

    Returns
    -------
    OrderAgreement

    Examples
    --------
    >>> from skflow.diagnostics import order_agreement
    >>> print(order_agreement([[-1.0, -2.0], [-1.5, -1.9]]))
    mean scores of 2 orders lie 0.2 nats apart; a row's by 0.15 (median deviation), 0.25 at most
    """
    scores = check_array(scores, dtype=np.float64, input_name="scores")
    means, spread = scores.mean(axis=1), scores.std(axis=0)
    gap = float(np.ptp(means))
    reading = (
        f"mean scores of {len(scores)} orders lie {gap:.2g} nats apart; a row's by "
        f"{np.median(spread):.2g} (median deviation), {spread.max():.2g} at most"
    )
    return OrderAgreement(means, gap, spread, reading)
