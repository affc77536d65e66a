"""A flow that learns from the rows of a table, trained or classical: the method ``fit``."""

from abc import abstractmethod
from typing import Any, Self

from sklearn.utils.validation import check_is_fitted

from skflow._callbacks import fit_task
from skflow._checked import checks_parameters
from skflow._types import Context, Floats, Rows, Weights
from skflow.estimators._contract import FittedFlow, anew
from skflow.estimators._export import ExportMixin

__all__ = ["TableFlow"]


class TableFlow(ExportMixin, FittedFlow):
    """A flow that learns from the rows of a table, by its ``_fit``."""

    @property
    def n_context_(self) -> int:
        """Columns of the context of the fit, 0 without one."""
        check_is_fitted(self, "flow_")
        known = vars(self).get("context_")
        return 0 if known is None else len(known)

    @abstractmethod
    def _fit(self, X, sample_weight=None, context=None):
        """Check and fit a draft; parameters are valid."""

    def _observe(self, X, weight, family, like=None):
        """Return the Observation of checked rows X (n_samples, n_features)."""
        from skflow.tables._observation import ContinuousRows

        last = vars(self).get("observation_")  # of a fit that goes on, whose bounds stay
        same = last is not None and last.n_features == X.shape[1]
        return ContinuousRows.read(
            X,
            weight,
            support=self.support,
            resolution=self.resolution,
            periodic=self.periodic,
            circles=last.circles if same else None,
            names=getattr(self, "feature_names_in_", None),
            spreads=family.spreads_ties,
            like=like,
        )

    def fit_transform(
        self, X: Rows, y: Any = None, *, context: Context = None, **fit_params: Any
    ) -> Floats:
        """Fit, and return the latents of the rows: :meth:`fit`, then :meth:`transform`.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : ignored
        context : array-like of shape (n_samples, n_context), optional
        **fit_params
            Of :meth:`fit`.

        Returns
        -------
        Z : ndarray of shape (n_samples, n_features)
        """
        return self.fit(X, y, context=context, **fit_params).transform(X, context)

    @checks_parameters(prefer_skip_nested_validation=True)
    def fit(
        self,
        X: Rows,
        y: Any = None,
        sample_weight: Weights = None,
        *,
        context: Context = None,
    ) -> Self:
        """Learn the density of the rows of X, or of X given a context.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Finite numbers, at least two rows. Or what holds them: a numpy.memmap, the path of a
            parquet file or of a folder of them, a pyarrow Dataset, a polars LazyFrame, a Dask
            array or DataFrame, or blocks, any object whose ``__iter__`` begins anew each time
            and yields arrays or data frames. Of at most a 32nd of scikit-learn's
            ``working_memory`` at 8 bytes an entry (2**22 entries by default) they are read into
            one table, and the fit is that of the table. Of more, flows that are trained read
            blocks, and keep no more than a sample of 100,000 rows in memory.
        y : ignored
        sample_weight : array-like of shape (n_samples,) or str, optional
            Non-negative; only ratios matter. Weight 0 leaves a row out. Flows that are trained
            take the name of a column of X for it.
        context : array-like or data frame of shape (n_samples, n_context), optional
            What each row is given: the density is then that of X given the context. Numbers,
            booleans, categories (text, pandas' categories), dates, with holes (NaN, None) in any
            column. Every method then takes a context with the same columns. With
            ``context_columns`` it is a part of X, and none is passed; files, queries and blocks
            have theirs so.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            For a context given to a flow without nets of rows to steer, or with other rows than X.
            For NaN, infinities, text, fewer than two rows, bad weights, and values outside a
            declared support; the message names column, value and remedy. For a parameter that
            changed since the last fit where ``warm_start`` goes on with that fit's flow.
        TrainingDivergedError
            If it is trained, no training step was finite at any rate, and the start has no finite
            density either.
        """
        going_on = getattr(self, "warm_start", False)
        told = {"sample_weight": sample_weight, "context": context}
        with fit_task(self, X, y, **told), anew(self, going_on=going_on) as draft:
            draft._fit(X, sample_weight, context=context)
        return self
