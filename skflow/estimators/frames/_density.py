"""The density of a data frame as it is."""

from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions

from skflow._callbacks import CallbackSupportMixin, fit_task
from skflow._checked import checks_parameters
from skflow._clock import time_limit
from skflow._model_card import CardMixin
from skflow._persistence import SaveMixin
from skflow._random import draw_seed
from skflow._types import Auto, Bounds, RandomState, Rows, Sizes, Weights
from skflow._validation import check_sample_weight
from skflow.estimators._contract import anew
from skflow.estimators.frames._answers import AnswersQuestions
from skflow.scale._ranks import refuse_ranks
from skflow.sources._whole import whole_table

__all__ = ["TableDensity"]


@dataclass(kw_only=True, eq=False, repr=False)
class TableDensity(CallbackSupportMixin, CardMixin, SaveMixin, AnswersQuestions, BaseEstimator):
    r"""Density of a data frame as it is, which answers questions about any of its columns.

    Numbers, integers, categories, booleans, dates, with holes anywhere. A net has for every
    column a distribution given any other cells of the row [1]_, [2]_, so that the density of a
    row, or of what is known of it, is a product along any order of the columns. It is taken as
    the mean over a few orders:

    .. math::
        p(x) = \frac{1}{K} \sum_k \prod_i p(x_{o_k(i)} \mid x_{o_k(1)}, \dots, x_{o_k(i-1)})

    of conditionals that are mixtures of what several nets say and of kernels around the cells
    of the rows that are nearest in what is known [3]_, [4]_, with shares by held-out cells. Of few
    rows the components of nets are narrowed, by a tenth at most, as mixtures of forecasts are too
    wide [6]_.

    The same conditionals fill holes, draw rows given some cells, predict any column, and say
    which cell of a row is odd. In training the cells that are known are drawn at random. Nothing
    has to be filled in before: where a hundredth of the cells or more is missing, there is a
    second fit to rows whose holes are drawn, eight times, from what the first one finds, and in
    which known cells alone are asked for: a step of Monte Carlo EM [5]_, kept where held-out cells
    are no less likely by it.

    Every conditional is a proper distribution, and so is each product; those of different orders
    need not agree, which is why several are mixed: :meth:`score_samples` with ``given`` is near
    the ratio of two densities, and not equal to it.

    Cost: of a fit, ``n_members`` nets of some thousand steps, a minute for 1,000 rows of 10
    columns on one core and twice that with holes; of scores, ``n_members * n_orders``
    evaluations of a net for each cell; of draws, one for each cell. Where nothing is given up to
    16 times as many rows are drawn as are kept, 8,192 at most.

    Parameters
    ----------
    kinds : dict {column: kind}, default=None
        What columns are, where that is not what their dtypes say: "number" (floats, dates),
        "decimal" (floats of few decimals, to which they are rounded: probabilities), "integer",
        "category" (booleans, text, categories), "ordinal" (ordered categories), "periodic"
        (hours, angles: their one period is declared by ``support``), or "skip" to leave a column
        out. Few integers that occur often are taken for ordinal.
    support : dict {column: (low, high)}, default=None
        Declared bounds of numbers, integers and dates, in their own units, None for an open end;
        of periodic columns one period.
    n_members : int, default=5
        Nets, each of which holds out some rows, by which it stops.
    n_orders : int or "auto", default="auto"
        Orders of the columns that a row's density is the mean of. "auto" is 8, and 2 where there
        are very many columns.
    hidden_features : tuple of int or "auto", default="auto"
        Hidden units in each layer of the nets, equally many in all. "auto" is 256 in three layers
        for up to 2,000 rows, and in five for more.
    max_steps : int or "auto", default="auto"
        Of the training of each net, which mostly stops before. "auto" is 2,000 for up to 1,000
        rows, and then grows with their number to the power of 3/8, to 8,000.
    max_seconds : float, default=None
        Time for the whole fit.
    n_jobs : int, default=None
        Members side by side in the fit, and orders in scores and draws.
    random_state : int, RandomState instance or None, default=None
        Of folds, nets and orders. None draws anew at each fit.
    verbose : int, default=0
        From 1 a line for each stage of the fit, and a bar for each net.

    Attributes
    ----------
    kinds_ : dict
        What each column was taken for; "skip" also where it is empty.
    copies_ : dict
        Columns that repeat an earlier one, in every row of the fit; they do so in draws.
    sums_ : dict {column: (column, column)}
        Columns that are the sum of two others in every row of the fit, of which 20 have all three;
        they are so in draws. No other sums are looked for.
    conditionals_ : Blend
        The nets, and what the neighbours of a row say beside them.
    orders_ : ndarray of shape (n_orders, n_columns)
        Of the columns; those with levels come first where there are more of numbers.
    reader_ : Reader
        How tables are read and made.
    histories_ : list of list of dict
        Of each member's training, a record an epoch, as ``history_`` of the flows; with holes of
        the second.
    stopped_by_ : list of str
        Why it ended: "n_iter_no_change", "max_epochs", "max_seconds", "interrupt".
    effective_size_ : float
        Of the last draws with ranges: how many independent ones they were worth.
    n_features_in_ : int
    feature_names_in_ : ndarray
        Only of a data frame whose names are all text.

    See Also
    --------
    FlowImputer : fills holes inside a pipeline.

    References
    ----------
    .. [1] Uria, Murray & Larochelle (2014), A deep and tractable density estimator,
       arXiv:1310.1757.
    .. [2] Hoogeboom et al. (2022), Autoregressive diffusion models, arXiv:2110.02037.
    .. [3] Rosenblatt (1969), Conditional probability density and regression estimators, in
       Multivariate Analysis II, 25-31.
    .. [4] Hall, Racine & Li (2004), Cross-validation and the estimation of conditional
       probability densities, JASA 99(468).
    .. [5] Wei & Tanner (1990), A Monte Carlo implementation of the EM algorithm, JASA 85(411).
    .. [6] Gneiting & Ranjan (2013), Combining predictive distributions, Electronic Journal of
       Statistics 7.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from skflow import TableDensity
    >>> rng = np.random.default_rng(0)
    >>> size = rng.normal(size=300)
    >>> table = pd.DataFrame({"size": size, "kind": np.where(size > 0, "large", "small")})
    >>> table.loc[::10, "size"] = np.nan
    >>> small = TableDensity(n_members=2, hidden_features=(64, 64), max_steps=200, random_state=0)
    >>> density = small.fit(table)
    >>> density.sample(2, random_state=0, given={"kind": "large"})["kind"].tolist()
    ['large', 'large']
    >>> int(density.impute(table).isna().sum().sum())
    0
    """

    kinds: Any = None
    support: Bounds | None = None
    n_members: int = 5
    n_orders: int | Auto = "auto"
    hidden_features: Sizes | Auto = "auto"
    max_steps: int | Auto = "auto"
    max_seconds: float | None = None
    n_jobs: int | None = None
    random_state: RandomState = None
    verbose: int = 0

    _parameter_constraints: ClassVar[dict] = {
        "kinds": [None, dict],
        "support": [None, dict],
        "n_members": [Interval(Integral, 1, None, closed="left")],
        "n_orders": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "hidden_features": [StrOptions({"auto"}), tuple, list],
        "max_steps": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "max_seconds": [None, Interval(Real, 0, None, closed="neither")],
        "n_jobs": [None, Integral],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    @checks_parameters(prefer_skip_nested_validation=True)
    def fit(self, X: Rows, y: Any = None, sample_weight: Weights = None) -> Self:
        """Learn from the rows of a table.

        Parameters
        ----------
        X : data frame or array of shape (n_samples, n_features)
            Of pandas, polars or pyarrow, or an array; at least five rows. Holes are NaN, None,
            NaT, NA, and what is masked in a masked array. Files, queries and blocks are read as
            by :meth:`NSFDensity.fit`, if they fit in memory.
        y : ignored
        sample_weight : array-like of shape (n_samples,), optional
            Non-negative; only ratios matter. Weight 0 leaves a row out.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            For fewer than five rows, infinite numbers, cells of mixed kinds.
        """
        from skflow.estimators.frames._fit import learn

        refuse_ranks(self)
        X = whole_table(X, self)
        task = fit_task(self, X, y, sample_weight=sample_weight)
        with task, anew(self) as draft, time_limit(self.max_seconds):
            weight = None if sample_weight is None else check_sample_weight(sample_weight, X)
            fit = learn(draft, X, weight, check_random_state(draw_seed(self.random_state)))
            draft.reader_, draft.conditionals_ = fit.reader, fit.conditionals
            draft.orders_ = fit.orders
            draft.histories_ = [history.records for history in fit.histories]
            draft.stopped_by_ = [history.stopped_by for history in fit.histories]
            draft._show()
        return self

    def _show(self):
        """Show what the fit took the columns for."""
        reader = self.reader_
        names = reader.schema.names
        self.n_features_in_ = len(names)
        vars(self).pop("feature_names_in_", None)
        if all(isinstance(name, str) for name in names):  # as in scikit-learn
            self.feature_names_in_ = np.array(names, dtype=object)
        self.kinds_ = dict(zip(names, map(reader.kind, range(len(names))), strict=True))
        places = reader.places[: len(names)]
        self.copies_ = {
            name: names[places.index(place)]
            for j, (name, place) in enumerate(zip(names, places, strict=True))
            if place is not None and places.index(place) < j
        }
        self.sums_ = {
            names[places.index(total)]: tuple(names[j] for j in sorted(map(places.index, parts)))
            for total, *parts in (one.places for one in reader.sums)
            if {total, *parts} <= set(places)
        }

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        return tags
