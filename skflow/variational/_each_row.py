"""The verdict on a conditional flow: that on each of some rows of its context."""

from dataclasses import dataclass

import numpy as np
import torch

from skflow._clock import left_out, time_is_up
from skflow.variational._findings import findings_of, in_doubt, word_of
from skflow.variational._verdict import weigh

__all__ = ["Judged", "judge_rows"]

N_ROWS = 50
N_DRAWS = 1_000  # for a row
MOST_DRAWS = 4_000  # for a row where the first leave doubts


@dataclass(frozen=True)
class Judged:
    """Figures of the approximation for some rows of a context, the worst row first.

    Attributes
    ----------
    rows : ndarray of shape (m,), int
        Which rows of the context were judged.
    khat, ess : ndarray of shape (m,)
        As in ``Figures``; the effective size as a share of the draws.
    words : list of str
        "good", "weigh" or "bad", as ``word_of`` has it.
    """

    rows: np.ndarray
    khat: np.ndarray
    ess: np.ndarray
    words: list


@torch.no_grad()
def judge_rows(flow, target, x, bounds):
    """Weigh draws for rows of a context (n, c), 50 of them at most, evenly dealt.

    Each row gets 1,000 draws, 4,000 where these leave doubts; a row none of whose draws has a
    density is bad. Where time is limited there may be fewer rows.

    Returns
    -------
    Judged or None
        None where there was no time for any row.
    """
    chosen = np.unique(np.linspace(0, len(x) - 1, min(N_ROWS, len(x))).round().astype(int))
    found = []
    for row in chosen:
        if time_is_up():
            left_out(f"the verdict for {len(chosen) - len(found)} of {len(chosen)} contexts")
            break
        found.append(_of_row(flow, target, x[row], bounds))
    if not found:
        return None
    badness, words, khat, ess = zip(*found, strict=True)
    order = np.lexsort((np.array(ess), -np.array(khat), -np.array(badness)))
    return Judged(
        rows=chosen[: len(found)][order],
        khat=np.array(khat)[order],
        ess=np.array(ess)[order],
        words=[words[i] for i in order],
    )


def _of_row(flow, target, row, bounds):
    """Return how bad a row is (0 to 2), the word for it, k-hat and share of draws that count."""
    draws, ratios = _drawn(flow, target, row, N_DRAWS)
    if not np.isfinite(ratios).any():
        return 2, "bad", np.inf, 0.0
    figures = weigh(draws, ratios, bounds).figures
    if in_doubt(figures):
        more = _drawn(flow, target, row, MOST_DRAWS - N_DRAWS)
        draws, ratios = np.concatenate([draws, more[0]]), np.concatenate([ratios, more[1]])
        figures = weigh(draws, ratios, bounds).figures
    word = word_of(findings_of(figures))
    return ("good", "weigh", "bad").index(word), word, figures.khat, figures.ess / figures.n


def _drawn(flow, target, row, n):
    """Draws (n, d) and log p - log q (n,) for one row of a context."""
    context = row.expand(n, -1)
    z, log_q = flow.sample_and_log_prob(n, context)
    ratios = target(z, context) - log_q
    ratios = torch.where(ratios.isfinite(), ratios, -torch.inf)
    return z.double().cpu().numpy(), ratios.double().cpu().numpy()
