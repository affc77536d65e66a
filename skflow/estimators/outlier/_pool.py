"""What a detector scores by if it is not told: kernels, nearness to a few rows, long tails."""

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from torch import nn

from skflow._rounding import is_rounding
from skflow.bases._kernel import KernelDensity
from skflow.bijections import Standardize
from skflow.estimators.outlier._closeness import closeness, some_rows
from skflow.estimators.outlier._tails import LongTails

__all__ = ["PooledKernels", "given_rows"]

# Rows that are kernels, and of these those that choose the kernels' shape.
N_KERNELS, N_SHAPE = 5_000, 1_000
# Rows from which distances are measured, how many are drawn, and what counts as no distance.
N_OTHERS, N_FEW, EQUAL = 256, 4, 1e-2
EPS = np.finfo(np.float64).eps
# Of the value of a constant column, which has no spread to tell by, what counts as a deviation.
CONSTANT = 1e-3
# How far multiples may be from whole, and to how many times the rows they may come.
WHOLE, MOST_REPEATED = 1e-9, 10


class PooledKernels(BaseEstimator):
    r"""Two kernel densities and the closeness to most rows, pooled, and tails of columns.

    .. math::
        s(x) = \frac{\log p_1(x) + \log p_2(x) + w d\, c(x)}{2 + w} + v\, t(x)

    with kernel densities p1 and p2, one with a bandwidth a column and one with a single bandwidth
    for the standardised columns, and c, the mean logarithm of one over the distance to the nearest
    of four rows drawn at random. It is a logarithmic pool [1]_ of three densities, the
    last of which falls as a power of the distance, up to a constant: what one of them finds
    strange is strange. The kernels tell what lies off the rows, however near; the few rows tell
    what lies far from most of them, however many there are beside it; the tail probabilities t of
    single columns with long tails (:class:`LongTails`), what many of these columns make odd.

    Cost: with m = min(n, 5,000) kernels, of which 1,000 choose the shape, O(m^2 d) for fitting
    and O(m d) a row for scoring.

    Parameters
    ----------
    far : float, default=1.0
        The weight w.
    tails : float, default=0.0
        The weight v.
    random_state : int, RandomState instance or None, default=None
        Of the kernels, if there are more rows, and of the few rows.

    References
    ----------
    .. [1] Genest & Zidek (1986), Combining probability distributions: a critique and an annotated
       bibliography, Statistical Science 1(1), eq. 3.
    """

    def __init__(self, far=1.0, tails=0.0, random_state=None):
        self.far = far
        self.tails = tails
        self.random_state = random_state

    def fit(self, X, y=None, sample_weight=None):
        X, weight = given_rows(np.asarray(X, dtype=float), sample_weight)
        self.standardize_ = Standardize.from_data(torch.as_tensor(X), torch.as_tensor(weight))
        constant = is_rounding(X.min(axis=0), X.max(axis=0), EPS)
        self.standardize_.scale[constant] *= CONSTANT
        z = self._standardized(X)
        rng = check_random_state(self.random_state)
        points, share = some_rows(rng, z, weight, N_KERNELS)
        self.tails_ = LongTails.of(points.numpy(), share.numpy(), constant) if self.tails else None
        if len(points) == 1:  # nothing but constants: kernels take two rows to tell their shape
            points, share = points.expand(2, -1), share.new_full((2,), 0.5)
        self.kernels_ = nn.ModuleList()
        for bandwidth in ("diagonal", "scalar")[: X.shape[1]]:  # the same thing of one column
            kernels = KernelDensity(X.shape[1], bandwidth, max_rows=N_SHAPE).double()
            kernels.initialize(points, share)
            self.kernels_.append(kernels)
        self.others_ = tuple(part.numpy() for part in some_rows(rng, z, weight, N_OTHERS))
        return self

    def score_samples(self, X):
        z = self._standardized(np.array(X, dtype=float))  # a copy: pandas' may not be written to
        with torch.no_grad():
            fine = sum(kernels.log_prob(z) for kernels in self.kernels_) / len(self.kernels_)
            near = closeness(z, *map(torch.as_tensor, self.others_), N_FEW, EQUAL)
        pooled = ((2 * fine + self.far * z.shape[1] * near) / (2 + self.far)).numpy()
        return pooled + self.tails * self.tails_.log_p(z.numpy()) if self.tails else pooled

    def _standardized(self, X):
        return self.standardize_(torch.as_tensor(X))[0]


def given_rows(X, weight):
    """Return the rows of X (n, d) that weigh anything, in sorted order, and their weights (n,).

    A row of weight 2 and a row given twice are the same: where all weights are multiples of the
    smallest, rows are repeated. Equal rows stay apart, since that there are some is a fact of the
    table: rows like these are to be expected to the last digit.
    """
    weight = np.ones(len(X)) if weight is None else np.asarray(weight, dtype=float)
    X, weight = X[weight > 0], weight[weight > 0]
    times = weight / weight.min()
    whole = np.round(times)
    if np.abs(times - whole).max() < WHOLE and whole.sum() <= MOST_REPEATED * len(X):
        X, weight = X.repeat(whole.astype(int), axis=0), np.ones(int(whole.sum()))
    order = np.lexsort(X.T[::-1])
    return X[order], weight[order]
