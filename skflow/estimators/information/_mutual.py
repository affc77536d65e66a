"""The mutual information of two blocks of columns, by maps that make them jointly normal."""

from dataclasses import dataclass

import numpy as np
from sklearn.utils import check_random_state

from skflow._clock import left_out, time_is_up, time_limit
from skflow._random import draw_seed
from skflow._types import RandomState, Table
from skflow._watch import tell, watched
from skflow.estimators._score_table import ScoreTable
from skflow.estimators.information._attempt import attempted
from skflow.estimators.information._maps import ColumnMaps, FlowMaps, UnmixedMaps
from skflow.estimators.information._parted import parted_ratio
from skflow.estimators.information._reading import continuous, read_halves
from skflow.estimators.stack._folds import MAX_ROWS_HELD_OUT_ALL

__all__ = ["MutualInformation", "mutual_information"]

N_FOLDS = 5
# Nats by which a pair may be farther from normal than its covariance tells, and as many more as
# noise of n rows of d columns makes of none.
LEFT, NOISE = 0.05, 3.0
SHARE = 0.5  # of a limited time, after which nothing slow begins


@dataclass(frozen=True)
class MutualInformation:
    """What :func:`mutual_information` finds.

    Attributes
    ----------
    estimate : float
        In nats.
    standard_error : float
        Over held-out rows, given what was learnt.
    method : str
        Where the estimate comes from, a row of the table.
    scores : ScoreTable
        What was tried: the mean log density of held-out rows (x, y), in the units of both, with
        its error, and the information that it tells of, with its error. Print it.
    """

    estimate: float
    standard_error: float
    method: str
    scores: ScoreTable

    def __str__(self):
        return f"{self.estimate:.3f} ± {self.standard_error:.3f} nats ({self.method})"


def mutual_information(
    X: Table,
    Y: Table,
    *,
    max_seconds: float | None = None,
    n_jobs: int | None = None,
    random_state: RandomState = None,
    verbose: bool | int = 0,
) -> MutualInformation:
    r"""Estimate how many nats two blocks of columns tell of each other.

    .. math:: I(X; Y) = E\left[\log \frac{p(x, y)}{p(x)\, p(y)}\right]

    Invertible maps of x and of y change nothing of it, so that these are sought which make the
    pair jointly normal [1]_; of normal halves the log ratio is known from their covariance. Tried
    are, as long as the pair is not normal behind the best of them,

    - **standardize** and **gaussianize**: the columns as they are, and normal scores of each;
    - **unmixed**: normal scores in directions in which the columns of a half are independent;
    - **flows**: couplings of both halves, trained together behind the columns as they are, and
      behind the best of these;
    - **ratio**: pairs that no maps of the halves make normal, such as y = x² + noise, are told
      from parted ones, (x, y) of different rows, by a :class:`DensityRatio`.

    Of maps, those are taken that make held-out pairs likeliest; the ratio, where it tells
    held-out pairs from parted ones better than they do. The estimate is the mean log ratio
    of pairs that nothing of it has seen.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_x) or (n_samples,)
        Finite numbers, at least 20 rows. Repeated values are spread over the gaps between
        them, which changes no information.
    Y : array-like of shape (n_samples, n_y) or (n_samples,)
        Rows that belong to those of X.
    max_seconds : float, default=None
        Flows and ratio are left out where half of it is gone.
    n_jobs : int, default=None
        For the ratio: folds side by side.
    random_state : int, RandomState instance or None, default=None
        Of folds, noise and flows. None draws anew at each call.
    verbose : int, default=0
        From 1 a line for each of what was tried.

    Returns
    -------
    information : MutualInformation
        With ``estimate`` and ``standard_error`` in nats.

    Raises
    ------
    TypeError, ValueError
        For bad input, and for tables of different lengths.

    Notes
    -----
    Cost on one core: a second for 1,000 rows of 2 + 2 normal columns, a minute for 100,000
    rows of 160 + 160; directions and flows, if they are tried, take some minutes for 100,000 rows
    of 20 + 20. Up to 5,000 rows each is held out once, in five fits; of more a fifth is.

    The error is that of a mean over rows. How far the learnt ratio is from the right one it
    cannot tell: with models of both the pair and its halves it may be of either sign. Where the
    dependence is neither normal behind maps of the halves nor weak enough to be classified (some
    five nats), the estimate is too low.

    References
    ----------
    .. [1] Butakov, Tolmachev, Malanchuk, Neopryatnaya & Frolov (2024), Mutual information
       estimation via normalizing flows, arXiv:2403.02187, sections 3 and 4.

    Examples
    --------
    >>> import numpy as np
    >>> from skflow import mutual_information
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(2000, 1))
    >>> y = 0.8 * x + 0.6 * rng.normal(size=(2000, 1))
    >>> found = mutual_information(np.sinh(x), y ** 3, random_state=0)
    >>> bool(abs(found.estimate - 0.511) < 3 * found.standard_error + 0.02)
    True
    """
    X, Y = read_halves(X, Y)
    rng = np.random.default_rng(check_random_state(draw_seed(random_state)).randint(2**31))
    with time_limit(max_seconds), watched("mutual_information", verbose):
        first, second = (continuous(half, rng) for half in (X, Y))
        tried = _Search(first, second, rng, verbose).run(n_jobs)
    best, table = tried[-1], ScoreTable([attempt.row() for attempt in tried])
    return MutualInformation(best.estimate, best.standard_error, best.name, table)


class _Search:
    """Maps of two halves, tried one after the other for as long as the pair is not normal."""

    def __init__(self, X, Y, rng, verbose):
        self.halves, self.rng, self.verbose, self.tried = (X, Y), rng, verbose, []
        self.fold = np.empty(len(X), dtype=int)
        self.fold[rng.permutation(len(X))] = np.arange(len(X)) % N_FOLDS
        if len(X) > MAX_ROWS_HELD_OUT_ALL:
            self.fold[self.fold > 0] = -1  # a fifth of so many tells enough

    def run(self, n_jobs):
        """Try what there is; return what was tried, the best last."""
        self._try("standardize", lambda k: ColumnMaps("standardize"))
        self._try("gaussianize", lambda k: ColumnMaps("gaussianize"))
        if self._wants("the unmixed directions"):
            self._try("unmixed", lambda k: UnmixedMaps())
        if self._wants("the flows"):
            # couplings hidden in a half are found in its plain columns, heavy tails behind scores
            plain, best = self.tried[0], self._best
            self._try("flows", lambda k: FlowMaps(plain.maps[k], self.verbose))
            if best is not plain:
                name = f"flows, {best.name} first"
                self._try(name, lambda k: FlowMaps(best.maps[k], self.verbose))
        self.tried.sort(key=lambda attempt: attempt.log_joint.mean())
        if self._wants("the ratio of pairs to parted ones"):
            ratio = parted_ratio(*self.halves, self.fold, self._best, self.rng, n_jobs)
            self.tried += [] if ratio is None else [ratio]
        return self.tried

    @property
    def _best(self):
        return max(self.tried, key=lambda attempt: attempt.log_joint.mean())

    def _try(self, name, make):
        self.tried.append(attempted(name, make, *self.halves, self.fold, self.rng))
        found = self.tried[-1]
        tell(f"{name}: {found.estimate:.3f} nats, {found.left:.3f} left")

    def _wants(self, what):
        """Whether the best pair is not normal yet, and there is time to do something about it."""
        n_held, d = self._best.behind[0][1].shape
        if self._best.left < LEFT + NOISE * d / n_held:
            return False
        if time_is_up(SHARE):
            left_out(what)
            return False
        return True
