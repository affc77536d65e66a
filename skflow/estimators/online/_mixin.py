"""Flows that learn a stream block by block: the method ``partial_fit``."""

from typing import Any, Self

from skflow._checked import checks_parameters
from skflow._clock import time_limit
from skflow._types import Context, Table, Weights
from skflow._validation import check_data, check_sample_weight
from skflow.estimators._contract import anew
from skflow.scale._ranks import refuse_ranks

__all__ = ["OnlineMixin"]


class OnlineMixin:
    """Learn rows that come in blocks, by ``partial_fit``."""

    __metadata_request__partial_fit = {"context": True}

    @checks_parameters(prefer_skip_nested_validation=True)
    def partial_fit(
        self,
        X: Table,
        y: Any = None,
        sample_weight: Weights = None,
        *,
        context: Context = None,
    ) -> Self:
        """Learn the rows of a block, and keep what was learnt from those before.

        The density is that of all rows seen so far. Rows are kept until 1,000 have come; then
        all is settled as for a long table, and an ordinary fit to them is where the stream
        starts. From there on every 512 rows or more, of one call or of several, are one pass of
        training at a constant rate, together with as many of the rows before them, or so many
        that the pass has 8,192; of these up to 100,000 are kept, drawn uniformly. Weights are
        averaged over the passes. A twentieth of all rows is held out, of which up to 10,000 are
        kept, and weights by which these are less likely than chance explains are not taken.

        A block is scored before it is learnt. A ``DriftWarning`` says where it is less likely, or
        has columns that are distributed otherwise, than held-out rows of before; such a block is
        learnt at its share in all rows, and no more. See ``stream_history_``.

        A pickle keeps all of that, and goes on to the bit. A file of :meth:`save` keeps the flow
        and not the rows: what is loaded goes on as after a fit.

        After :meth:`fit` it goes on from that fit, whose settings and bounds stay and whose rows
        are not kept. A later :meth:`fit` starts anew.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Finite numbers, one row or more, the columns of the first block.
        y : ignored
        sample_weight : array-like of shape (n_samples,), optional
            Non-negative, on one scale in all blocks.
        context : array-like or data frame of shape (n_samples, n_context), optional
            What each row is given, see :meth:`fit`; in all blocks or in none.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            As :meth:`fit`; the block is then not taken, and all is as it was.

        Warns
        -----
        DriftWarning
            Where a block is not like the rows before it. Also where the flow was settled and
            fitted anew, to the rows that were kept: at once if a column is no longer constant, and
            whenever twice as many rows have come, if a column turns out to hold repeated values,
            or other ones, or if blocks were reported and held-out rows are likelier by a new fit.
        """
        from skflow.estimators.online._progress import LearntStream, take

        refuse_ranks(self, "partial_fit")
        with anew(self, going_on=True) as draft:
            split, given = draft._split(X, context)
            first = "n_features_in_" not in vars(draft)
            rows = check_data(draft, split, reset=first)
            weight = check_sample_weight(sample_weight, rows)
            stream = vars(draft).get("_stream") or LearntStream.beginning(draft)
            with time_limit(draft.max_seconds):
                draft._stream = take(draft, stream, rows, weight, given, split)
        return self

    def _saved_attributes(self):
        """Leave out the rows of a stream that are kept, which files of models are not for."""
        begun = "flow_" in vars(self)
        gone = {"_stream"} if begun else {"_stream", "n_rows_seen_", "stream_history_"}
        return {k: v for k, v in super()._saved_attributes().items() if k not in gone}
