"""Bayes' rule over class densities, with the manners of scikit-learn's classifiers."""

from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import assert_all_finite, check_random_state
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length, column_or_1d

from skflow._callbacks import CallbackSupportMixin, fit_task
from skflow._checked import checks_parameters
from skflow._clock import time_limit
from skflow._containers import as_table
from skflow._input import refuse_masked
from skflow._model_card import CardMixin
from skflow._persistence import SaveMixin
from skflow._random import draw_seed
from skflow._types import Bounds, RandomState, Rows, Steps, Weights
from skflow._validation import check_data, check_rows, check_sample_weight
from skflow.estimators._contract import anew
from skflow.estimators.classifier._answers import PredictsClasses
from skflow.estimators.classifier._learning import learn_classes
from skflow.sources._whole import whole_table

__all__ = ["FlowClassifier"]


@dataclass(kw_only=True, eq=False, repr=False)
class FlowClassifier(
    CallbackSupportMixin, CardMixin, SaveMixin, PredictsClasses, ClassifierMixin, BaseEstimator
):
    r"""Bayes' rule over the densities of the classes, and p-values for rows of none of them.

    The densities of all classes share what comes before them: repeated values are spread over
    the same gaps, columns are standardised and Gaussianized by the same maps, and covariances and
    kernels start from one within the classes. So they compare, also where a class has few rows,
    or a column has one value in it. There are Gaussians whose covariance is between that of linear
    and of quadratic discriminant analysis [1]_, naive ones, kernels, mixtures, all of these in
    both views of the columns, and a flow given the class. All are cross-fitted, and held-out rows
    say what is made of them, twice.

    **Densities.** The density of a class is the mixture whose weights make held-out rows
    likeliest, as in :class:`StackedDensity`, the same weights for all classes,

    .. math::
        p(x \mid c) = \sum_k v_k\, p_k(x \mid c), \qquad p(x) = \sum_c \pi_c\, p(x \mid c)

    These are :meth:`class_score_samples` and :meth:`score_samples`: log densities that integrate
    to one, in nats and in the units of X.

    **Probabilities.** The errors of log densities add up over columns, so that Bayes' rule with
    the likeliest densities is too sure of itself. With ``calibrate=True`` :meth:`predict_proba`
    is Bayes' rule with a logarithmic pool of the same densities [2]_,

    .. math::
        P(c \mid x) = (1 - e)\, \frac{\pi_c \prod_k p_k(x \mid c)^{w_k}}
        {\sum_b \pi_b \prod_k p_k(x \mid b)^{w_k}} + e\, \pi_c, \qquad e = \frac{1/2}{n + 1},

    whose weights are not negative, have any sum, and minimise the log loss of held-out rows; few
    rows leave them near equal ones, with sum 1, of the Gaussians (of a density that is passed,
    near 1). It is not the ratio of the densities above.
    ``calibrate=False`` is plain Bayes' rule, :math:`P(c \mid x) = \pi_c p(x \mid c) / p(x)`.

    **None of the classes.** :meth:`novelty_p_values` ranks new rows among held-out ones, with
    scores by the models that did not see fold j,

    .. math:: p(x) = \frac{1 + \sum_j \#\{i \in j : u_j(x_i) \le u_j(x)\}}{1 + n}

    where u is the least of log p(x) and of three more scores (of kernels and of the closeness to
    rows of a class, those of :class:`FlowOutlierDetector`, in both views, and of Gaussians with
    tails), each in units of its spread; log p(x) alone for a density that is passed. For a new row
    of the known classes, as frequent as in the fit, :math:`P(p \le \alpha)` is near
    :math:`\alpha`, with the guarantee, and its limits, of :class:`FlowOutlierDetector` [3]_. It
    holds on average over the classes: rows of a rare and wide one are flagged more often. What a
    new class can be told by is its distance from the known ones: rows among theirs look known.

    Cost: 4 seconds for 300 rows of 10 columns, 8 for 1,000, a minute for 1,300 of 64 in ten
    classes, on one core. Of more than 5,000 rows two folds of a tenth are held out.

    Parameters
    ----------
    density : "auto" or estimator, default="auto"
        "auto" is all of the above. Or any estimator with ``fit`` and ``score_samples``: one that
        takes a context is fitted once, given the class; of any other each class has a clone.
        They get standardised rows with repeated values spread, flows of integers (``levels``) rows
        as they are.
    priors : array-like of shape (n_classes,), default=None
        Probabilities of the classes, in the order of ``classes_``; None takes their shares of the
        rows (or of the weights).
    calibrate : bool, default=True
        Whether :meth:`predict_proba` is by the pool, see above.
    support : dict {column index or name: (low, high)}, default=None
        Declared bounds, see :class:`NSFDensity`.
    resolution : dict {column index or name: step}, default=None
        Declared grids, likewise.
    cv : int, splitter or list of (train, test), default=5
        Folds; an int deals out each class by itself, row by row. The only row of a class is in
        none, nor are rows of a class of which one fold holds all.
    max_seconds : float, default=None
        Time for the whole fit. Only the flow is given up for it, or trained for less long.
    n_jobs : int, default=None
        Folds side by side.
    random_state : int, RandomState instance or None, default=None
        Of the folds, of how repeated values are spread and of the densities, where they have none
        of their own.
    verbose : int, default=0
        From 1 a line for each kind of density that was fitted.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    priors_ : ndarray of shape (n_classes,)
    shares_ : ndarray of shape (n_classes,)
        Of the classes in the rows of the fit.
    mixture_weights_ : dict {str: float}
        The weights v by the name of the density.
    pool_weights_ : dict {str: float} or None
        The weights w, None without ``calibrate``.
    cv_scores_ : ScoreTable
        Mean held-out log density of each kind of density in a row's own class, with its standard
        error, both weights, and the seconds it took. Print it.
    held_out_scores_ : ndarray of shape (n_samples,)
        :meth:`score_samples` of each row by the models that did not see it, NaN for rows in no
        fold. The weights v are the best for these very rows.
    held_out_proba_ : ndarray of shape (n_samples, n_classes)
        :meth:`predict_proba` likewise, with the shares of the classes for priors.
    fold_ : ndarray of shape (n_samples,)
        Fold of each row, -1 for none.
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Only if X had column names.

    See Also
    --------
    FlowOutlierDetector : p-values where rows have no classes.
    FlowRegressor : y is a number.

    References
    ----------
    .. [1] Friedman (1989), Regularized discriminant analysis, Journal of the American Statistical
       Association 84(405), eq. 15.
    .. [2] Genest & Zidek (1986), Combining probability distributions: a critique and an annotated
       bibliography, Statistical Science 1(1), eq. 3.
    .. [3] Vovk (2015), Cross-conformal predictors, Annals of Mathematics and Artificial
       Intelligence 74, 9-28.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.neighbors import KernelDensity
    >>> from skflow import FlowClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> known = y < 2  # the third kind is left out
    >>> model = FlowClassifier(density=KernelDensity(bandwidth=0.3), random_state=0)
    >>> model = model.fit(X[known], y[known])
    >>> model.predict_proba(X[:2]).round(2)
    array([[1., 0.],
           [1., 0.]])
    >>> bool((model.novelty_p_values(X[~known]) <= 0.05).mean() > 0.5)
    True
    """

    density: Any = "auto"
    priors: Any = None
    calibrate: bool = True
    support: Bounds | None = None
    resolution: Steps | None = None
    cv: Any = 5
    max_seconds: float | None = None
    n_jobs: int | None = None
    random_state: RandomState = None
    verbose: int = 0

    _parameter_constraints: ClassVar[dict] = {
        "density": [StrOptions({"auto"}), HasMethods(["fit", "score_samples"])],
        "priors": [None, "array-like"],
        "calibrate": ["boolean"],
        "support": [None, dict],
        "resolution": [None, dict],
        "cv": [Interval(Integral, 2, None, closed="left"), HasMethods("split"), list],
        "max_seconds": [None, Interval(Real, 0, None, closed="neither")],
        "n_jobs": [None, Integral],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    @checks_parameters(prefer_skip_nested_validation=False)
    def fit(self, X: Rows, y: ArrayLike, sample_weight: Weights = None) -> Self:
        """Learn the density of each class, and how much to trust it.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Finite numbers, at least two rows. Files, queries and blocks are read as by
            :meth:`NSFDensity.fit`, if they fit in memory.
        y : array-like of shape (n_samples,)
            Labels, of one class or several; a class may have a single row.
        sample_weight : array-like of shape (n_samples,), optional
            Non-negative; only ratios matter. Weight 0 leaves a row out, and a class of which no
            row is left.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            For bad input; for priors that are no probabilities, one for each class; for a density
            that declares what the classifier prepares; the message says how.
        """
        task = fit_task(self, X, y, sample_weight=sample_weight)
        with task, anew(self) as draft, time_limit(self.max_seconds):
            draft._learn(X, y, sample_weight)
        return self

    def _learn(self, X, y, sample_weight):
        if y is None:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is None."
            )
        rows = check_data(self, whole_table(X, self), reset=True)
        y = _labels(whole_table(y, self, "y"), rows)
        weight = check_sample_weight(sample_weight, rows)
        check_rows(rows, sample_weight=weight)
        used = np.ones(len(rows), dtype=bool) if weight is None else weight > 0
        self.classes_, code = np.unique(y[used], return_inverse=True)
        weight = np.ones(len(code)) if weight is None else weight[used] / weight[used].mean()
        self.shares_ = np.bincount(code, weight) / weight.sum()
        self.priors_ = _priors(self.priors, self.classes_, self.shares_)
        rng = check_random_state(draw_seed(self.random_state))
        learn_classes(self, rows[used], code, weight, used, rng)
        for name in ("fold_", "held_out_scores_", "held_out_proba_"):
            setattr(self, name, _for_all(getattr(self, name), used))


def _labels(y, rows):
    """Labels (n,) of the rows, checked."""
    y = as_table(y, "y")
    y = refuse_masked(y, "y", "A classifier learns from known labels: leave these rows out.")
    y = column_or_1d(y, warn=True)
    assert_all_finite(y, input_name="y")
    check_consistent_length(rows, y)
    check_classification_targets(y)
    return y


def _priors(priors, classes, shares):
    """Probabilities (n_classes,) of the classes before a row is seen."""
    if priors is None:
        return shares
    given = np.asarray(priors, dtype=np.float64)
    if given.shape != classes.shape or not (given >= 0).all() or not np.isclose(given.sum(), 1):
        raise ValueError(
            f"priors must be {len(classes)} probabilities with sum 1, in the order of the sorted "
            f"classes {classes.tolist()}; got {priors!r}."
        )
    return given / given.sum()


def _for_all(values, used):
    """Values of the rows that were used, with -1 or NaN for those of weight 0."""
    if used.all():
        return values
    whole = np.full((len(used), *values.shape[1:]), -1 if values.dtype.kind == "i" else np.nan)
    whole = whole.astype(values.dtype)
    whole[used] = values
    return whole
