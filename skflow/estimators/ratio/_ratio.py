"""The ratio of the densities of two tables, with what it is asked for."""

from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, ClassVar, Literal, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions

from skflow._callbacks import CallbackSupportMixin, fit_task
from skflow._checked import checks_parameters
from skflow._clock import time_limit
from skflow._escapes import escaped
from skflow._input import names_of
from skflow._random import draw_seed
from skflow._types import Bounds, RandomState, Steps, Table
from skflow._validation import check_data
from skflow.estimators._contract import anew
from skflow.estimators.ratio._answers import AnswersRatios
from skflow.estimators.ratio._learning import learn_ratio
from skflow.sources._whole import whole_table

__all__ = ["DensityRatio"]


@dataclass(kw_only=True, eq=False, repr=False)
class DensityRatio(CallbackSupportMixin, AnswersRatios, BaseEstimator):
    r"""How much likelier a row is in one table than in another one.

    From rows of p, the numerator, and rows of q, the denominator, it learns

    .. math:: r(x) = \log \frac{p(x)}{q(x)},

    in nats, in three ways, each cross-fitted:

    - **densities** of both tables, which share what comes before them (the spread of repeated
      values, two views of the columns) and where they start, as those of the classes of
      :class:`FlowClassifier` do: Gaussians, kernels, mixtures and a flow given the table, and
      the mixtures of all of them with the weights that held-out rows find likeliest;
    - **classifiers** that tell rows of the two tables apart, whose log odds are the log ratio
      [1]_: logistic regressions on the columns and on their products, boosted trees, and trees
      on top of the densities, which see the columns and what the densities say of them;
    - **waymarks** between tables that lie so far apart that nothing is left to classify [2]_: a
      sum of twelve ratios of neighbours, :math:`z_k = \sqrt{1 - a_k^2}\, z_0 + a_k z_1`.

    What held-out rows make of them is a sum,

    .. math:: r(x) = b + \sum_k w_k r_k(x), \qquad w_k \ge 0,

    with the smallest logistic loss; few rows leave it near the ratio of the mixtures. Of tables
    so far apart that each row is told without error, the loss says nothing, and the densities,
    which are judged by the rows of their own table, are what is left.

    With ``numerator`` and ``denominator`` the densities may be of any make; with
    one of them "auto", that is a :class:`StackedDensity`.

    Cost: 5 seconds for two tables of 150 rows of 6 columns, 30 to 50 for 500 of 8, on one core;
    a few seconds without the densities. Of more than 5,000 rows in all, two folds of a tenth are
    held out.

    Parameters
    ----------
    numerator, denominator : "auto" or estimator, default="auto"
        Densities of the two tables; clones are fitted, to rows that are standardised together.
    method : {"auto", "densities", "classifier", "telescope"}, default="auto"
        One of the three ways alone. "auto" combines them, the last where the densities tell
        nearly every held-out row.
    support : dict {column index or name: (low, high)}, default=None
        Declared bounds, see :class:`NSFDensity`.
    resolution : dict {column index or name: step}, default=None
        Declared grids, likewise.
    cv : int, splitter or list of (train, test), default=5
        Folds; an int deals out each table by itself. The last numbers the rows of the numerator
        first, then those of the denominator.
    max_seconds : float, default=None
        Time for the whole fit. Only the flow is given up for it, or trained for less long.
    n_jobs : int, default=None
        Folds side by side.
    random_state : int, RandomState instance or None, default=None
        Of the folds and of every part that is fitted. None draws anew at each fit.
    verbose : int, default=0
        From 1 a line for each ratio that was fitted.

    Attributes
    ----------
    weights_ : dict {str: float}
        The weights w by the name of the ratio.
    cv_scores_ : ScoreTable
        Minus the mean logistic loss of held-out rows by each ratio, with its standard error, its
        weight and the seconds it took, and of their sum, "all", by weights that the other folds
        chose. Print it.
    held_out_log_ratio_ : ndarray of shape (n_numerator + n_denominator,)
        Log ratio of each row by models and weights that have not seen it, the rows of the
        numerator first; NaN for rows that were not held out.
    fold_ : ndarray of shape (n_numerator + n_denominator,)
        Fold of each row, -1 for none.
    khat_ : float
        Shape of the tail of the importance weights of the denominator's held-out rows [3]_: above
        0.7 a few rows stand for most of the numerator, and weighted means are not to be trusted.
    relative_ : float
        By how much :meth:`importance_weights` are flattened.
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Only if both tables had column names.

    See Also
    --------
    mutual_information : The ratio of pairs to pairs that were parted.
    FlowClassifier : Several tables, and rows of none of them.

    Notes
    -----
    ``fit`` takes two tables and no y, so that this is no estimator that a pipeline or a search
    can hold, nor one for scikit-learn's checks. It is kept by pickle or joblib; there is no
    ``save``, as trees of scikit-learn have no place in its files. Where q has no rows and p has,
    the ratio is what densities make of it: that the support of p lies within that of q is for the
    user to see to. ``khat_`` tells when it does not.

    References
    ----------
    .. [1] Sugiyama, Suzuki & Kanamori (2012), Density ratio estimation in machine learning,
       Cambridge University Press, section 4.2.
    .. [2] Rhodes, Xu & Gutmann (2020), Telescoping density-ratio estimation, arXiv:2006.12204,
       section 3.
    .. [3] Vehtari, Simpson, Gelman, Yao & Gabry (2024), Pareto smoothed importance sampling,
       JMLR 25(72).

    Examples
    --------
    >>> import numpy as np
    >>> from skflow import DensityRatio
    >>> rng = np.random.default_rng(0)
    >>> test, train = rng.normal(0.7, 1, (300, 1)), rng.normal(0, 1, (300, 1))
    >>> ratio = DensityRatio(method="classifier", random_state=0).fit(test, train)
    >>> bool(abs(ratio.score_samples([[0.35]])[0]) < 0.2)  # as likely in the one as in the other
    True
    >>> weights = ratio.importance_weights(train)
    >>> round(float(weights.mean()), 6)
    1.0
    """

    numerator: Any = "auto"
    denominator: Any = "auto"
    method: Literal["auto", "densities", "classifier", "telescope"] = "auto"
    support: Bounds | None = None
    resolution: Steps | None = None
    cv: Any = 5
    max_seconds: float | None = None
    n_jobs: int | None = None
    random_state: RandomState = None
    verbose: int = 0

    _parameter_constraints: ClassVar[dict] = {
        "numerator": [StrOptions({"auto"}), HasMethods(["fit", "score_samples"])],
        "denominator": [StrOptions({"auto"}), HasMethods(["fit", "score_samples"])],
        "method": [StrOptions({"auto", "densities", "classifier", "telescope"})],
        "support": [None, dict],
        "resolution": [None, dict],
        "cv": [Interval(Integral, 2, None, closed="left"), HasMethods("split"), list],
        "max_seconds": [None, Interval(Real, 0, None, closed="neither")],
        "n_jobs": [None, Integral],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    @checks_parameters(prefer_skip_nested_validation=False)
    def fit(self, X_numerator: Table, X_denominator: Table) -> Self:
        """Learn the ratio of the densities of two tables.

        Parameters
        ----------
        X_numerator : array-like of shape (n_numerator, n_features)
            Rows of p, at least two. Files, queries and blocks are read as by
            :meth:`NSFDensity.fit`, if they fit in memory.
        X_denominator : array-like of shape (n_denominator, n_features)
            Rows of q, at least two, of the same columns in the same order.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            For bad input, and for tables of different columns; the message says how.
        """
        task = fit_task(self)
        with task, anew(self) as draft, time_limit(self.max_seconds):
            draft._learn(X_numerator, X_denominator)
        return self

    def _learn(self, X_numerator, X_denominator):
        tables = {
            "X_numerator": whole_table(X_numerator, self, "X_numerator"),
            "X_denominator": whole_table(X_denominator, self, "X_denominator"),
        }
        _check_names(*tables.values())
        rows = [check_data(self, X, reset=not k) for k, X in enumerate(tables.values())]
        for name, table in zip(tables, rows, strict=True):
            if len(table) < 2:
                raise ValueError(
                    f"{name} has n_samples = {len(table)}, and a ratio is learnt from two rows "
                    "of each table at least: pass more rows."
                )
        code = np.repeat([1, 0], [len(table) for table in rows])
        rng = check_random_state(draw_seed(self.random_state))
        learn_ratio(self, np.concatenate(rows), code, rng)
        self._remember(*rows)


def _check_names(X_numerator, X_denominator):
    """Refuse frames whose columns have other names, or another order."""
    first, second = names_of(X_numerator), names_of(X_denominator)
    if first is not None and second is not None and list(first) != list(second):
        raise ValueError(
            "X_numerator and X_denominator must have the same columns in the same order; got "
            f"{escaped(list(first), 80)} and {escaped(list(second), 80)}."
        )
