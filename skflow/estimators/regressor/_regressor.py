"""p(y | x) with the manners of scikit-learn's regressors."""

from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin
from sklearn.utils import check_random_state, get_tags
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions

from skflow._callbacks import CallbackSupportMixin, fit_task
from skflow._checked import checks_parameters
from skflow._clock import time_limit
from skflow._containers import rows_at
from skflow._model_card import CardMixin
from skflow._persistence import SavePartsMixin
from skflow._random import draw_seed
from skflow._types import Auto, Bounds, RandomState, Steps, Table, Weights
from skflow.estimators._contract import anew
from skflow.estimators.regressor._answers import PredictsDensities
from skflow.estimators.regressor._fit import Learner
from skflow.estimators.regressor._inputs import read_training_rows

__all__ = ["FlowRegressor"]


@dataclass(kw_only=True, eq=False, repr=False)
class FlowRegressor(
    CallbackSupportMixin,
    CardMixin,
    SavePartsMixin,
    PredictsDensities,
    MultiOutputMixin,
    RegressorMixin,
    BaseEstimator,
):
    r"""A regressor whose answer is a density: p(y | x), and what follows from it.

    A flow of y given a context, which are the columns of X and, beside them, predictions of y by
    boosted trees, extra trees and kernel ridge regression. Those of the rows of the fit are out
    of fold [1]_, so that they err as they will on new rows; new rows get the mean over the folds.
    A flow that starts at a linear regression on its context starts there at a stack of these
    regressors, and learns what they cannot say: a spread that changes with x, skewness, tails,
    several modes. Kernel ridge regression stays only if held-out rows are likelier with it.

    Of one column of y all answers are those of one distribution, up to roundings: the flow is a
    monotone map f of y to a base of distribution function B, so that

    .. math::
        F(y \mid x) = \frac1K \sum_k B(f_k(y; x)), \qquad
        p(y \mid x) = \frac{\partial}{\partial y} F(y \mid x)

    over the members k of the ensemble, with quantiles by its inverse. Of several columns the
    density is that of all of them together; moments, quantiles and :meth:`cdf` of each come from
    1,000 draws that are always the same.

    Cost of the default: 20 to 75 seconds for 300 to 10,000 rows on one core, most of it
    cross-fitting. Of answers, some 100 evaluations of the flow for each row.

    Parameters
    ----------
    density : "auto" or estimator, default="auto"
        Of y given a context: a single flow of skflow that takes one. "auto" is
        :class:`NSFDensity`, behind normal scores of y (``preprocessing="gaussianize"``) where
        held-out rows are likelier so by more than a standard error, as they are where y is
        skewed or in heaps. Its ``support``, ``resolution`` and so on speak of y.
    features : "auto" or list of estimators, default="auto"
        Regressors whose predictions stand beside X: any of scikit-learn's interface. They get X
        as it is passed, and are kept if held-out rows are likelier with them by more than a
        standard error. Of "auto" see above; an empty list leaves X alone.
    regressor : estimator, default=None
        Makes a density of one regressor: y given its prediction, and given X, too, if held-out
        rows are likelier so. It takes the place of ``features``.
    n_folds : int, default=5
        Of the cross-fitting. On short tables folds are dealt again, four times up to 570 rows.
    calibrate : bool or "auto", default="auto"
        Compose the distribution function with a smooth monotone map, fitted to those of rows that
        members of the ensemble held out, :math:`G(F(y \mid x))`; density, quantiles, moments and
        draws stay those of one distribution. It makes coverage right on average over rows, not
        for each x. In finite samples nothing is guaranteed: unlike in split conformal prediction
        [2]_ the rows were used for stopping, too, and in the features. "auto" does so for one
        column of y, if at least 50 rows were held out.
    support : dict, default=None
        Bounds of y, ``{0: (0, None)}`` for a column of positive numbers: those of a density whose
        ``support`` is None.
    resolution : dict, default=None
        Gaps of the grids that columns of y were rounded to, likewise.
    max_seconds : float, default=None
        Time for the whole fit. If it is short, features are left out, with a warning.
    n_jobs : int, default=None
        Regressors and members side by side.
    random_state : int, RandomState instance or None, default=None
        Of folds, regressors and the density, where they have none of their own.
    verbose : int, default=0
        From 1 a line for each stage of the fit, from 2 those of the density as well.

    Attributes
    ----------
    density_ : estimator
        The fitted density of y given the context.
    features_ : list of str
        What the context holds: "X", and names of regressors.
    held_out_scores_ : ndarray of shape (n_samples,)
        Log density of y of each row by the members that did not train on it, NaN where all did
        and where the weight is 0.
    calibration_ : Calibration or None
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Only if X had column names.

    See Also
    --------
    NSFDensity : the density itself, given any context.
    compare_regressors : it beside other ways to a predicted distribution, cross-validated.
    skflow.metrics : scorers for searches.

    References
    ----------
    .. [1] Wolpert (1992), Stacked generalization, Neural Networks 5(2).
    .. [2] Vovk, Gammerman & Shafer (2005), Algorithmic learning in a random world, Springer.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from skflow import FlowRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = FlowRegressor(features=[], random_state=0).fit(X[:300], y[:300])
    >>> model.predict_interval(X[300:], coverage=0.9).shape
    (142, 2)
    >>> low, high = model.predict_interval(X[300:], coverage=0.9).T
    >>> bool(0.8 < ((low <= y[300:]) & (y[300:] <= high)).mean() <= 1)
    True
    """

    density: Any = "auto"
    features: Any = "auto"
    regressor: Any = None
    n_folds: int = 5
    calibrate: bool | Auto = "auto"
    support: Bounds | None = None
    resolution: Steps | None = None
    max_seconds: float | None = None
    n_jobs: int | None = None
    random_state: RandomState = None
    verbose: int = 0

    _parameter_constraints: ClassVar[dict] = {
        "density": [StrOptions({"auto"}), HasMethods(["fit", "score_samples", "sample"])],
        "features": [StrOptions({"auto"}), list, tuple],
        "regressor": [None, HasMethods(["fit", "predict"])],
        "n_folds": [Interval(Integral, 2, None, closed="left")],
        "calibrate": ["boolean", StrOptions({"auto"})],
        "support": [None, dict],
        "resolution": [None, dict],
        "max_seconds": [None, Interval(Real, 0, None, closed="neither")],
        "n_jobs": [None, Integral],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    @checks_parameters(prefer_skip_nested_validation=False)
    def fit(self, X: Table, y: Table, sample_weight: Weights = None) -> Self:
        """Learn p(y | x).

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features)
            Numbers, with holes (NaN) where they are; of a data frame also categories, booleans
            and dates.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Finite numbers, at least five rows. Values that repeat are spread as in all densities.
        sample_weight : array-like of shape (n_samples,), optional
            Non-negative; only ratios matter. Weight 0 leaves a row out.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            For bad input; for a density that takes no context.
        """
        task = fit_task(self, X, y, sample_weight=sample_weight)
        with task, anew(self) as draft, time_limit(self.max_seconds):
            draft._learn(*read_training_rows(draft, X, y, sample_weight))
        return self

    def _learn(self, X, y, flat, weight):
        learner = Learner(self, check_random_state(draw_seed(self.random_state)))
        used = np.ones(len(y), dtype=bool) if weight is None else weight > 0
        if not used.all():  # not every regressor takes weights
            X, y, weight = rows_at(X, used), y[used], weight[used]
        fit = learner.fit(X, y, weight)
        self.density_, self.context_, self.features_ = fit.density, fit.context, fit.names
        self.calibration_, self.flat_y_ = fit.calibration, flat
        self.held_out_scores_ = np.full(len(used), np.nan)
        self.held_out_scores_[used] = fit.held_out_scores

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = all(
            get_tags(regressor).input_tags.allow_nan for regressor in self._own_regressors()
        )
        return tags

    def _own_regressors(self):
        """Those that were passed, which get X as it is."""
        if self.regressor is not None:
            return [self.regressor]
        return [] if isinstance(self.features, str) else list(self.features)
