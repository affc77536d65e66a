"""Which columns a density is given: those that foretell held-out rows better."""

import numpy as np

from skflow._clock import left_out, time_is_up

__all__ = ["choose_blocks", "gain"]

SHARE = 0.6  # of a limited time, after which no further block is tried


def choose_blocks(fit, names, n_sure):
    """Add blocks of columns one after the other, and keep those that help.

    Parameters
    ----------
    fit : callable
        Of a list of block indices, to a fitted density with ``held_out_scores_``.
    names : list of str
        Of the blocks, in the order in which they are tried.
    n_sure : int
        So many of the first are taken without a trial.

    Returns
    -------
    chosen : list of int
    density : estimator
        What ``fit`` made of them.
    """
    chosen = list(range(n_sure))
    density = fit(chosen)
    for block in range(n_sure, len(names)):
        if time_is_up(SHARE):
            left_out(f"a trial of {names[block]}")
            break
        trial = fit([*chosen, block])
        mean, error = gain(trial.held_out_scores_, density.held_out_scores_)
        if mean > error:
            chosen, density = [*chosen, block], trial
    return chosen, density


def gain(scores, others):
    """Mean of what scores (n,) are above others of the same rows, and its standard error.

    Over rows that both know; (0, inf) of fewer than two.
    """
    known = np.isfinite(scores) & np.isfinite(others)
    if known.sum() < 2:
        return 0.0, np.inf
    more = scores[known] - others[known]
    return float(more.mean()), float(more.std(ddof=1) / np.sqrt(len(more)))
