"""Holes filled inside a pipeline."""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

import numpy as np
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin, clone
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.validation import check_is_fitted

from skflow._callbacks import CallbackSupportMixin, fit_task
from skflow._checked import checks_parameters
from skflow._containers import as_table
from skflow._input import unmasked
from skflow._persistence import SaveMixin
from skflow._random import draw_seed
from skflow._types import RandomState, Rows, Table, Weights
from skflow._validation import validated
from skflow.estimators._contract import anew
from skflow.estimators.frames._density import TableDensity
from skflow.sources._whole import whole_table

__all__ = ["FlowImputer"]


@dataclass(kw_only=True, eq=False, repr=False)
class FlowImputer(
    CallbackSupportMixin, SaveMixin, OneToOneFeatureMixin, TransformerMixin, BaseEstimator
):
    """Fills holes by what a :class:`TableDensity` expects there, given the rest of the row.

    For pipelines, in the place of scikit-learn's SimpleImputer, KNNImputer or IterativeImputer.
    A table without holes comes back as it is.

    Cost: see :class:`TableDensity`, whose fit this is.

    Parameters
    ----------
    strategy : {"median", "draw"}, default="median"
        "median" takes the median of what a number may be, and the most probable level. "draw"
        draws from the conditional distribution of all holes of a row together, so that filled
        columns keep their spread and their relations.
    density : TableDensity, default=None
        Settings of the density; None takes the default.
    random_state : int, RandomState instance or None, default=None
        Of the fit, unless the density has its own; and of the draws, which are the same in every
        call of transform.

    Attributes
    ----------
    density_ : TableDensity
        Fitted.
    n_features_in_ : int
    feature_names_in_ : ndarray
        Only of a data frame.

    See Also
    --------
    TableDensity : ``impute(X, n_draws)`` fills a table several times.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from skflow import FlowImputer, TableDensity
    >>> X = load_iris().data.copy()
    >>> X[::5, 2] = np.nan
    >>> small = TableDensity(n_members=1, hidden_features=(64, 64), max_steps=200)
    >>> filled = FlowImputer(density=small, random_state=0).fit_transform(X)
    >>> bool(np.abs(filled - load_iris().data).max() < 2)
    True
    """

    strategy: Literal["median", "draw"] = "median"
    density: Any = None
    random_state: RandomState = None

    _parameter_constraints: ClassVar[dict] = {
        "strategy": [StrOptions({"median", "draw"})],
        "density": [None, TableDensity],
        "random_state": ["random_state"],
    }

    @checks_parameters(prefer_skip_nested_validation=True)
    def fit(self, X: Rows, y: Any = None, sample_weight: Weights = None) -> Self:
        """Learn from the rows of a table.

        Parameters
        ----------
        X : data frame or array of shape (n_samples, n_features)
            At least five rows.
        y : ignored
        sample_weight : array-like of shape (n_samples,), optional

        Returns
        -------
        self
        """
        with fit_task(self, X, y, sample_weight=sample_weight), anew(self) as draft:
            X = draft._checked(whole_table(X, self), reset=True)
            draft.seed_ = draw_seed(self.random_state)
            density = TableDensity() if self.density is None else clone(self.density)
            if density.random_state is None:
                density.set_params(random_state=draft.seed_)
            draft.density_ = density.fit(X, sample_weight=sample_weight)
        return self

    def transform(self, X: Table) -> Any:
        """Fill the holes of a table.

        Parameters
        ----------
        X : data frame or array of shape (n_samples, n_features)

        Returns
        -------
        X : table
            As that of the fit.
        """
        check_is_fitted(self)
        X = self._checked(X, reset=False)
        if self.strategy == "median":
            return self.density_.impute(X)
        return self.density_.impute(X, n_draws=1, random_state=self.seed_)[0]

    def _checked(self, X, *, reset):
        """Arrays as scikit-learn has them, floats; data frames as they are."""
        X = as_table(X)
        if hasattr(X, "columns"):
            validated(self, X, reset=reset, skip_check_array=True)
            return X
        X, _ = unmasked(X, numbers=True)
        rows = X if hasattr(X, "dtype") else np.asarray(X)
        dtype = object if getattr(rows, "dtype", np.dtype(float)).kind in "OUS" else np.float64
        return validated(self, rows, reset=reset, dtype=dtype, ensure_all_finite="allow-nan")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        return tags
