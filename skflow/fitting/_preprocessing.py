"""What stands before every flow: declared bounds, a scaling of the columns, bent tails."""

import numpy as np
import torch
from sklearn.model_selection import KFold

from skflow._clock import left_out, time_is_up
from skflow.bases import choose_mixture
from skflow.bijections import (
    BoundedToNormal,
    Chain,
    NormalScores,
    Standardize,
    TukeyTails,
    Whiten,
)
from skflow.members import stack_members

__all__ = ["choose_preprocessing", "fit_preprocessing", "likelier_preprocessing"]

# Where columns are bent in whose base has heavy tails. Float32 does not tell rows beyond it apart,
# and holds its square. Of a Cauchy's draws, one in a thousand million lies there.
HEAVY_TAILS_FROM = 1e9
NEVER = 1e100  # no row gets there that did not overflow on its way

# Where normal scores of columns with bounds are: a uniform's last float before 0 has the score 38.
BOUNDED_TAILS_FROM = 40.0

# Nats a column that normal scores must bring a mixture before a flow gets them. They were fitted
# to the held-out rows too, at some ten numbers a column, which flatters them by about 10 / n.
WORTH_GAUSSIANIZING = 0.02
NUMBERS_A_COLUMN = 10
MIN_ROWS_TO_CHOOSE = 50
# Where preprocessing and base are both fitted without the rows that judge them, normal scores may
# be so many nats a column behind: their draws follow the columns more closely. Of tables with
# declared bounds they must be as far ahead: close to a bound the map of bounds alone is better.
MAY_BE_BEHIND = 0.02
N_FOLDS, MAX_ROWS_TO_JUDGE = 3, 1_000
BLOCK = 2_048  # rows that are preprocessed together
# Shares of a limited time beyond which the choice is not begun, and not gone on with: normal
# scores take some five times as long to try.
BEGUN, GONE_ON_WITH = 0.2, 0.08


def choose_preprocessing(bounds, x, weight=None):
    """Choose "standardize" or "gaussianize" by how well a mixture behind it foretells rows.

    Parameters
    ----------
    bounds : tuple of ndarray
        Declared bounds low and high, and whatever follows.
    x : ndarray of shape (n, d)
        Strictly inside the bounds.
    weight : ndarray of shape (n,), optional

    Returns
    -------
    kind : {"standardize", "gaussianize"}
    """
    n, d = x.shape
    if n < MIN_ROWS_TO_CHOOSE:
        return "standardize"
    x = torch.from_numpy(x)
    weight = None if weight is None else torch.from_numpy(weight)
    plain, smooth = _scores_of_both(lambda kind: _mixture_score(kind, bounds, x, weight))
    enough = d * (WORTH_GAUSSIANIZING + NUMBERS_A_COLUMN / n)
    return "gaussianize" if smooth - plain > enough else "standardize"


def _scores_of_both(score):
    """Score "standardize" and "gaussianize"; the second gets -inf where there is no time."""
    scores = []
    for kind, share in (("standardize", BEGUN), ("gaussianize", GONE_ON_WITH)):
        if time_is_up(share):
            left_out("the choice of preprocessing")
            return 0.0, -np.inf
        scores.append(score(kind))
    return scores


def _mixture_score(kind, bounds, x, weight):
    """Held-out mean log density, in the units of x, of a mixture of about the right size."""
    preprocessing = fit_preprocessing(kind, bounds, x, weight)
    z, log_det = (
        torch.cat(part) for part in zip(*map(preprocessing, x.split(BLOCK)), strict=True)
    )
    choice = choose_mixture(
        z,
        weight,
        candidates=(1, 3, 8, 20),
        covariance_types=("full",),
        reg_covars=(1e-2,),
        cv=3,
        max_rows=2_000,
    )
    return choice.score + float(np.average(log_det, weights=weight))


def likelier_preprocessing(bounds, x, weight, fit_base):
    """Choose "standardize" or "gaussianize" by how well a base behind it foretells rows.

    Cost: six fits of the base to at most 667 rows.

    Parameters
    ----------
    bounds, x, weight
        As :func:`choose_preprocessing` takes them.
    fit_base : callable
        Maps rows (n, d) and weights (n,), tensors, to a fitted base.

    Returns
    -------
    kind : {"standardize", "gaussianize"}
    """
    n, d = x.shape
    if n < MIN_ROWS_TO_CHOOSE:
        return "standardize"
    rows = np.random.default_rng(0).permutation(n)[:MAX_ROWS_TO_JUDGE]
    x = torch.from_numpy(x[rows])
    weight = torch.ones(len(x)).double() if weight is None else torch.from_numpy(weight[rows])
    folds = list(KFold(N_FOLDS).split(x))
    plain, smooth = _scores_of_both(
        lambda kind: _fold_score(kind, bounds, x, weight, folds, fit_base)
    )
    behind = d * (-MAY_BE_BEHIND if np.isfinite(bounds[:2]).any() else MAY_BE_BEHIND)
    return "gaussianize" if smooth > plain - behind else "standardize"


def _fold_score(kind, bounds, x, weight, folds, fit_base):
    """Held-out mean log density of a base behind a preprocessing, in the units of x."""
    scores = torch.empty_like(weight)
    for train, test in folds:
        preprocessing = fit_preprocessing(kind, bounds, x[train], weight[train])
        base = fit_base(preprocessing(x[train])[0], weight[train])
        z, log_det = preprocessing(x[test])
        scores[test] = base.log_prob(z) + log_det
    return float((weight * scores).sum() / weight.sum())


def fit_preprocessing(
    kind, bounds, x, weight=None, n_members=1, *, bends_tails=True, heavy=None, constant=None
):
    """Fit the bijection from rows in the units of X to rows on a scale near one.

    Parameters
    ----------
    kind : {"standardize", "whiten", "gaussianize", "rescale", "none", "identity"}
        "none" still bends heavy tails, "identity" does nothing at all.
    bounds : tuple of ndarray
        Declared bounds low and high, and whatever follows.
    x : tensor of shape (n, d), or (n_members, n, d) if there are several
        Strictly inside the bounds.
    weight : tensor of the shape of x without its last axis, optional
    n_members : int
    bends_tails : bool, default=True
        Whether tails are bent in as far as the rows ask for it.
    heavy : tensor of shape (d,), optional
        Columns whose tails should reach the flow as they are: these are scaled by a fitted
        Student-t, as their variance may be infinite, and not bent. "gaussianize" leaves
        them no such tails all the same.
    constant : tensor of shape (d,), bool, optional
        Columns of one value that is spread: they have no unit to be kept, so that "none"
        standardises them too.

    Returns
    -------
    preprocessing : Chain
        With a member axis if there are several members.
    """

    def shared(bijection):
        return stack_members([bijection] * n_members) if n_members > 1 else bijection

    if kind == "identity":
        return Chain([])
    heavy = torch.zeros(x.shape[-1], dtype=torch.bool) if heavy is None else heavy
    low, high = bounds[:2]
    parts = []
    bounded = torch.from_numpy(np.isfinite(low) | np.isfinite(high))
    if bounded.any():
        parts.append(BoundedToNormal.from_data(x, low, high, weight))
        x = _behind(parts[-1], x)
    upto = torch.zeros(heavy.shape, dtype=torch.float64).masked_fill(bounded, BOUNDED_TAILS_FROM)
    upto = upto.masked_fill(heavy, HEAVY_TAILS_FROM)
    if kind == "gaussianize":
        # behind a bound lies all that is far, and is in its place
        tails = "normal" if bounded.any() else "exponential"
        parts.append(NormalScores.from_data(x, weight, tails=tails))
    elif kind in SCALINGS:
        parts.append(SCALINGS[kind](x, weight, heavy))
        x = _behind(parts[-1], x)
    elif constant is not None and constant.any():
        parts.append(Standardize.from_data(x, weight).only(constant))
        x = _behind(parts[-1], x)
    if not bends_tails:
        parts.append(shared(TukeyTails(x.shape[-1]).left_alone(NEVER)))
    elif kind != "gaussianize":  # which bends tails itself: two bends in a row fling draws out
        parts.append(TukeyTails.from_data(x, weight).left_alone(upto))
    return Chain(parts)


def _behind(bijection, x):
    """Rows x (*members, n, d) behind a bijection, in blocks: some hold much for each row."""
    return torch.cat([bijection(block)[0] for block in x.split(BLOCK, dim=-2)], dim=-2)


def _rescale(x, weight, heavy):
    """One centre and scale for all columns, for entries that are all of one kind."""
    d = x.shape[-1]
    weight = None if weight is None else weight.repeat_interleave(d, dim=-1)
    scaling = Standardize.from_data(x.flatten(-2).unsqueeze(-1), weight)
    scaling.mean = scaling.mean.repeat_interleave(d, dim=-1)
    scaling.scale = scaling.scale.repeat_interleave(d, dim=-1)
    return scaling


SCALINGS = {
    "standardize": Standardize.from_data,
    "whiten": Whiten.from_data,
    "rescale": _rescale,
}
