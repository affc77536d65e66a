"""What a density is given, and behind what: that by which held-out rows are likelier."""

from functools import partial

import numpy as np

from skflow._clock import left_out, time_is_up

__all__ = ["choose_blocks", "gain", "likelier"]

SHARE = 0.6  # of a limited time, after which nothing further is tried


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
        better = likelier(names[block], partial(fit, [*chosen, block]), density)
        if better is not density:
            chosen, density = [*chosen, block], better
    return chosen, density


def likelier(name, fit, density):
    """Return the density that ``fit`` makes if held-out rows are likelier by it, else ``density``.

    By more than a standard error of the mean. Where the time for it is up, it is not tried, with
    a warning that names it.
    """
    if time_is_up(SHARE):
        left_out(f"a trial of {name}")
        return density
    trial = fit()
    mean, error = gain(trial.held_out_scores_, density.held_out_scores_)
    return trial if mean > error else density


def gain(scores, others):
    """Mean of what scores (n,) are above others of the same rows, and its standard error.

    Over rows that both know; (0, inf) of fewer than two.
    """
    known = np.isfinite(scores) & np.isfinite(others)
    if known.sum() < 2:
        return 0.0, np.inf
    more = scores[known] - others[known]
    return float(more.mean()), float(more.std(ddof=1) / np.sqrt(len(more)))
