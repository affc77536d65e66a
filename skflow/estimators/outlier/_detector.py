"""Outlier detection by a density, with thresholds and p-values from rows that it has not seen."""

from dataclasses import dataclass, field
from numbers import Integral, Real
from typing import Any, ClassVar, Literal, Self

import numpy as np
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from skflow._callbacks import fit_task
from skflow._checked import checks_parameters
from skflow._clock import time_limit
from skflow._model_card import CardMixin
from skflow._persistence import SaveMixin
from skflow._types import Auto, Cells, Floats, RandomState, Rows, Table, Weights
from skflow._validation import check_data, check_rows, check_sample_weight
from skflow.estimators._contract import anew
from skflow.estimators._from_sources import takes_sources
from skflow.estimators.outlier._conformal import cross_conformal_p_values
from skflow.estimators.outlier._explanation import column_surprise, usual_values
from skflow.estimators.outlier._learning import hold_out, offset
from skflow.estimators.outlier._parts import NestedParameters, NotAnAttribute, measure
from skflow.estimators.stack._stack import StackedDensity
from skflow.sources._whole import whole_table

__all__ = ["FlowOutlierDetector"]


@dataclass(kw_only=True, eq=False, repr=False)
class FlowOutlierDetector(CardMixin, SaveMixin, NestedParameters, OutlierMixin, BaseEstimator):
    r"""Outliers as rows of low density, with thresholds and p-values from held-out rows.

    The larger ``score_samples``, the more normal the row; with p the density of the training
    rows, H its entropy and z a flow's latent,

    .. math::
        s(x) = \log p(x), \qquad s(x) = -|\log p(x) + H|, \qquad s(x) = -\tfrac12 |z(x)|^2

    for ``score="density"``, ``"typicality"`` [1]_ and ``"latent"``. A row is an outlier where s is
    below ``offset_``, which comes from rows that the models had not seen, as does H: every
    density is a :class:`StackedDensity`, cross-fitted. From the models without fold k, k = 1, ...,
    K, :meth:`p_values` forms the cross-conformal p-value [2]_

    .. math:: p(x) = \frac{1 + \sum_k \#\{i \in k : s_k(x_i) \le s_k(x)\}}{1 + n}

    over the n held-out rows. For a new row that is exchangeable with the training rows,
    :math:`P(p \le \alpha) \le 2\alpha + 2(1-\alpha)(K-1)/(n+K)` [3]_, and in practice the
    probability is near :math:`\alpha`. This holds for rows one by one and on average over
    training tables; a single table of n rows moves it by some :math:`1/\sqrt n`. Weights of the
    mixture and the stopping of flows have seen the held-out rows, which the theorem does not
    allow for; the tests find no trace of it. That the share of false alarms among the flagged is
    controlled, as in the example, has been proven for p-values from a single split [4]_.

    **Outliers among the training rows.** Those that lie together are the densest place there is,
    and a density that has seen them calls them the most normal rows of all. Where
    ``contamination`` is a number, that share of the rows, those farthest from most others, is
    left out of the fit, and the default counts the distance from most rows for more. A clump of
    5 % of the rows, 3 standard deviations from the mean in each of 4 columns, is then found; of a
    nearer one, or of two groups as large as each other, no one knows which is which. Rows left
    out count in p-values by models without their fold: P(p <= a) is near a for new rows like all
    training rows, and at most a / (1 - contamination) for the normal ones among them; those of
    outliers are up to ``contamination``.

    **When a likelihood misleads.** In many dimensions rows of another kind that are more regular
    can have a *higher* density than any training row [5]_, and the density depends on how the
    columns are expressed [6]_. "density" suits tables, whose columns were chosen since they mean
    something; "typicality" many columns, if anomalies may be too regular, and is wrong in few;
    "latent" a flow with ``base="normal"`` whose latents are trusted.

    Of the default log p is that of a pool, up to a constant, of two kernel densities, the distance
    from most rows and tail probabilities of columns with long tails. A value that a constant
    column never had makes an outlier. Cost: that of the StackedDensity; of the default O(n d)
    beyond 5,000 rows: some 10 s for 100,000 rows of 5 columns. ``p_values`` takes K times that.

    Parameters
    ----------
    estimator : estimator or None, default=None
        With ``fit`` and ``score_samples``: a flow, scikit-learn's KernelDensity or
        GaussianMixture, a pipeline that ends in one, or a StackedDensity. None takes the pool
        above, or ``NSFDensity(base="normal")`` if the score is "latent".
    contamination : "auto" or float in (0, 0.5], default="auto"
        "auto": ``offset_`` is the 1 % quantile of the held-out scores, so that about 1 % of new
        normal rows are flagged. A number: that share of the training rows is, by their scores
        in ``score_samples``, as in scikit-learn's detectors, and as many are left out of the fit.
    score : {"density", "typicality", "latent"}, default="density"
        See above. It is a parameter only, not an attribute, since that name belongs to a method.
    cv : int, splitter or list of (train, test), default=5
        Folds of the StackedDensity, drawn row by row: equal rows may fall into different ones.
        Above 5,000 rows two folds of a tenth are held out. A StackedDensity that is passed keeps
        its own folds, and ``n_jobs``.
    max_seconds : float, default=None
        Time for the whole fit. If it is short, ``offset_`` comes from some of the training rows.
    n_jobs : int, default=None
        Estimators fitted side by side.
    random_state : int, RandomState instance or None, default=None
        Of the folds and of every estimator whose own is None.
    verbose : int, default=0
        From 1 a line for each stage and density, from 2 joblib's progress as well.

    Attributes
    ----------
    density_ : StackedDensity
        The fitted density.
    offset_ : float
        ``decision_function`` is ``score_samples`` minus this.
    entropy_ : float
        Minus the mean held-out log density, in nats.
    held_out_scores_ : ndarray of shape (n_samples,)
        Score of each training row by the models that did not see it, NaN for rows in no fold.
        To look for outliers in the training rows themselves, sort by these. What the models have
        seen of the row all the same: the weights of a mixture and, from 50 rows on, when flows
        stopped.
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Only if X had column names.

    See Also
    --------
    StackedDensity : The density below.
    KernelFlowDensity : What the default mixes.

    References
    ----------
    .. [1] Nalisnick, Matsukawa, Teh & Lakshminarayanan (2019), Detecting out-of-distribution
       inputs to deep generative models using typicality, arXiv:1906.02994. Its test for a
       single row; the resubstitution estimate of H is from held-out rows here.
    .. [2] Vovk (2015), Cross-conformal predictors, Annals of Mathematics and Artificial
       Intelligence 74, 9-28.
    .. [3] Gasparin & Ramdas (2025), Improving the statistical efficiency of cross-conformal
       prediction, arXiv:2503.01495, abstract.
    .. [4] Bates, Candes, Lei, Romano & Sesia (2023), Testing for outliers with conformal
       p-values, Annals of Statistics 51(1), arXiv:2104.08279.
    .. [5] Nalisnick, Matsukawa, Teh, Gorur & Lakshminarayanan (2019), Do deep generative models
       know what they don't know?, ICLR, arXiv:1810.09136.
    .. [6] Le Lan & Dinh (2021), Perfect density models cannot guarantee anomaly detection,
       Entropy 23(12), 1690, arXiv:2012.03808.

    Examples
    --------
    >>> from scipy.stats import false_discovery_control
    >>> from sklearn.datasets import load_wine
    >>> from skflow import FlowOutlierDetector
    >>> X, kind = load_wine(return_X_y=True)
    >>> train, new = X[kind == 0], X[kind != 0]
    >>> detector = FlowOutlierDetector(random_state=0).fit(train)
    >>> float((detector.predict(new) == -1).mean()) > 0.9
    True

    Flag new rows such that about a tenth of the flagged are false alarms (Benjamini-Hochberg):

    >>> flagged = false_discovery_control(detector.p_values(new)) <= 0.1
    """

    estimator: Any = field(default=None, kw_only=False)
    contamination: float | Auto = "auto"
    score: Literal["density", "typicality", "latent"] = NotAnAttribute("density")  # type: ignore[assignment]
    cv: Any = 5
    max_seconds: float | None = None
    n_jobs: int | None = None
    random_state: RandomState = None
    verbose: int = 0

    _parameter_constraints: ClassVar[dict] = {
        "estimator": [None, HasMethods(["fit", "score_samples"])],
        "contamination": [StrOptions({"auto"}), Interval(Real, 0, 0.5, closed="right")],
        "score": [StrOptions({"density", "typicality", "latent"})],
        **{name: StackedDensity._parameter_constraints[name] for name in ("cv", "max_seconds")},
        "n_jobs": [None, Integral],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    @checks_parameters(prefer_skip_nested_validation=False)
    def fit(self, X: Rows, y: Any = None, sample_weight: Weights = None) -> Self:
        """Learn what normal rows look like, and how they score when they are new.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Finite numbers, at least three rows; normal ones, all or nearly all of them. Files,
            queries and blocks are read as by :meth:`NSFDensity.fit`, if they fit in memory.
        y : ignored
        sample_weight : array-like of shape (n_samples,), optional
            Non-negative; only ratios matter. Weight 0 leaves a row out.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            For bad input, if nothing could be fitted, and for "latent" without one ``transform``.
        """
        watching = fit_task(self, X, y, n_tasks=1, sample_weight=sample_weight)
        with watching as task, anew(self) as draft, time_limit(self.max_seconds):
            draft._learn(X, sample_weight, task)
        return self

    @takes_sources()
    def score_samples(self, X: Rows) -> Floats:
        """How normal each row is; the larger, the more.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Or whatever else :meth:`NSFDensity.score_samples` takes, here and below.

        Returns
        -------
        scores : ndarray of shape (n_samples,), float64
            -inf only outside a declared support, or where the estimator's density is zero.
        """
        check_is_fitted(self, "density_")
        return self._measure(self.density_.mixture_, check_data(self, X, reset=False))

    @takes_sources()
    def decision_function(self, X: Rows) -> Floats:
        """Return :meth:`score_samples` of the rows minus ``offset_``: negative for outliers."""
        return self.score_samples(X) - self.offset_

    @takes_sources(dtype=np.int64)
    def predict(self, X: Rows) -> Cells:
        """Return labels (n_samples,) of the rows of X: 1 for normal, -1 for an outlier."""
        return np.where(self.decision_function(X) >= 0, 1, -1)

    @takes_sources()
    def p_values(self, X: Rows) -> Floats:
        """Cross-conformal p-value of each new row: small for outliers.

        See the class for the equation, and for what it promises.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows that ``fit`` has not seen; rows that it has seen get too large ones.

        Returns
        -------
        p_values : ndarray of shape (n_samples,)
            Multiples of 1 / (number of held-out rows + 1), never 0.
        """
        check_is_fitted(self, "density_")
        rows = check_data(self, X, reset=False)
        scores = [self._measure(model, rows) for model in self.density_.fold_mixtures_]
        return cross_conformal_p_values(self._rank_tables, scores)

    def explain(self, X: Table) -> Floats:
        r"""How much each column adds to the strangeness of a row, in nats; larger is odder.

        .. math::
            e_j(x) = -\log p(x_j \mid x_{-j})
            + \int p(v \mid x_{-j}) \log p(v \mid x_{-j})\, dv

        by ``density_``, whatever ``score`` is: how surprising a value is given the rest of its
        row, less what that is on average there. 0 is as usual. Where two columns contradict each
        other both are odd, since either may be the wrong one.

        Cost: 48 d rows to score for each row; a second for 100 rows of 10 columns.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        surprise : ndarray of shape (n_samples, n_features)
            inf for a value outside a declared support.

        Examples
        --------
        >>> from sklearn.datasets import load_wine
        >>> wine = load_wine(as_frame=True).data
        >>> detector = FlowOutlierDetector(random_state=0).fit(wine)
        >>> odd = wine[:1].assign(alcohol=25.0)
        >>> str(wine.columns[detector.explain(odd)[0].argmax()])
        'alcohol'
        """
        check_is_fitted(self, "density_")
        if not hasattr(self, "_values"):
            raise ValueError("explain needs values of the fit, which old files lack: fit again.")
        rows = check_data(self, X, reset=False)
        return column_surprise(self.density_.mixture_.score_samples, rows, self._values)

    def _learn(self, X, sample_weight, task):
        rows = check_data(self, whole_table(X, self), reset=True)
        weight = check_sample_weight(sample_weight, rows)
        check_rows(rows, minimum=3, sample_weight=weight)
        self._kind = vars(self)["score"]
        held_out = hold_out(self, rows, weight, task)
        self.density_ = held_out.density
        self.entropy_ = held_out.entropy
        self.held_out_scores_, self._rank_tables = held_out.judge(self._measure, rows, weight)
        self.offset_ = offset(self, rows, weight)
        self._values = usual_values(rows if weight is None else rows[weight > 0])

    def _measure(self, model, rows, log_density=None):
        return measure(self._kind, model, rows, self.entropy_, log_density)
