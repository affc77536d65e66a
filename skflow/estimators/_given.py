"""What rows are given: the context of a fit, and of every question after it."""

from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from skflow.sources._find import source_of
from skflow.sources._whole import refuse_context_beside, whole_table

__all__ = ["MaybeGiven", "as_keyword", "check_has_flow"]

ROADS = (
    "pass context=, with a row for each {what}. A pipeline or a search hands it on where "
    "sklearn.set_config(enable_metadata_routing=True) is set; or name columns of X at "
    "construction, context_columns=[...], and pass X alone"
)


class MaybeGiven:
    """Keeps how the context of a fit was read (``context_``), and reads later ones alike."""

    # asked for wherever scikit-learn routes metadata, without a call of set_fit_request and so on
    __metadata_request__fit = {"context": True}
    __metadata_request__score = {"context": True}
    __metadata_request__transform = {"context": True}
    __metadata_request__inverse_transform = {"context": True}

    def _read_context(self, context, n_rows, takes_context=True):
        """Learn how to read the context of a fit; return its numbers, None without one."""
        from skflow.tables._context import ContextColumns

        known = vars(self).get("context_")
        goes_on = "flow_" in vars(self)
        if context is None:
            if known is not None:
                raise ValueError(f"{_said(known)}: {ROADS.format(what='row of X')}.")
            self.context_ = None
            return None
        if not takes_context:
            raise ValueError(
                f"{type(self).__name__} takes no context with these parameters: its flow has no "
                "nets of rows that a context could steer. NSFDensity, RealNVPDensity and the "
                "other flows with hidden_features do, MixtureFlowDensity and KernelFlowDensity."
            )
        if goes_on and known is None:
            raise ValueError(
                "warm_start=True goes on with a flow that was fitted without a context: fit anew "
                "with warm_start=False."
            )
        self.context_ = known or ContextColumns.read(context, n_rows)
        return self.context_.encode(context, n_rows)

    def _whole_table(self, X, context):
        """Return the table of X for a fit that needs all rows at once, with its context."""
        source = source_of(X)
        if source is None:
            return X
        refuse_context_beside(source, context)
        return whole_table(source, self)

    def _split(self, X, context):
        """Rows of the density, and their context: columns of X if the parameter names some."""
        columns = getattr(self, "context_columns", None)
        if columns is None:
            return X, context
        if context is not None:
            raise ValueError(
                f"context_columns={columns!r} takes the context out of X: pass X alone, or leave "
                "context_columns=None."
            )
        from skflow.tables._context import split_context

        return split_context(X, columns)

    def _given(self, context, n_rows=None, what="row of X"):
        """Numbers of a context, if there is one just where the fit, which there was, had one.

        It must have ``n_rows`` rows; None takes any number of at least 1.
        """
        known = vars(self).get("context_")
        if known is None:
            if context is not None:
                raise ValueError("the fit had no context, so that none can be passed now.")
            return None
        if context is None:
            raise ValueError(f"{_said(known)}: {ROADS.format(what=what)}.")
        return known.encode(context, n_rows)


def check_has_flow(estimator):
    """Raise a NotFittedError before a fit, which says how far a stream is from its start."""
    seen = vars(estimator).get("n_rows_seen_")
    if seen is not None and "flow_" not in vars(estimator):
        from skflow.estimators.online._progress import FIRST

        raise NotFittedError(
            f"This {type(estimator).__name__} instance is not fitted yet: partial_fit has got "
            f"{seen:,} of the {FIRST:,} rows that it starts with. Pass it more, or call fit."
        )
    check_is_fitted(estimator, "flow_")


def as_keyword(context, rows=slice(None)):
    """Keyword arguments that hand rows of a context on to an estimator: none without one."""
    return {} if context is None else {"context": context[rows]}


def _said(known):
    names = "" if known.names is None else f" {list(known.names)}"
    plural = "column" if len(known) == 1 else "columns"
    return f"the fit had a context of {len(known)} {plural}{names}"
