"""How far several chains agree, and how many independent draws they are worth."""

import numpy as np

__all__ = ["chain_figures"]

TAILS = (0.05, 0.95)
FEWEST = 4  # draws of a chain, from which the figures are defined


def chain_figures(draws):
    """R-hat and effective number of draws, of ranks and split chains [1]_.

    Parameters
    ----------
    draws : ndarray of shape (n_chains, n, d)

    Returns
    -------
    rhat, ess : ndarray of shape (d,)
        The larger of the R-hats of ranks and of folded ranks, section 4, and the smaller of bulk
        and tail effective number, section 4.3. R-hat is inf and the number 1 where chains are
        shorter than 4 or never moved.

    References
    ----------
    .. [1] Vehtari, Gelman, Simpson, Carpenter & Buerkner (2021), Rank-normalization, folding, and
       localization: an improved R-hat, Bayesian Analysis 16(2), arXiv:1903.08008.
    """
    from arviz_stats.base import array_stats  # it takes more than a second to import

    d = draws.shape[2]
    rhat, ess = np.full(d, np.inf), np.ones(d)
    if draws.shape[1] < FEWEST:
        return rhat, ess
    axes = {"chain_axis": 0, "draw_axis": 1}
    for j in range(d):
        own = draws[:, :, j]
        if np.ptp(own) == 0:
            continue
        bulk = array_stats.ess(own, method="bulk", **axes)
        numbers = [float(bulk), float(array_stats.ess(own, method="tail", prob=TAILS, **axes))]
        value = float(array_stats.rhat(own, **axes))
        rhat[j] = value if np.isfinite(value) else np.inf
        ess[j] = min(number if np.isfinite(number) else 1.0 for number in numbers)
    return rhat, ess
