"""The template of the trained density estimators: from X to a fitted flow."""

import copy
import os
from abc import abstractmethod
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, ClassVar, Literal

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from skflow._callbacks import fit_task, with_callbacks
from skflow._clock import left_out, seconds_left, time_limit
from skflow._notices import warn
from skflow._random import draw_seed
from skflow._types import Auto, Bounds, Columns, FilePath, RandomState, Sizes, Steps
from skflow.estimators._learning import fit_source, fit_table, rows_of_rank
from skflow.estimators._tabular import TableFlow
from skflow.estimators.online._mixin import OnlineMixin
from skflow.exceptions import ConvergenceWarning
from skflow.fitting._family import Family
from skflow.fitting._plan import going_on
from skflow.fitting._resumable import Resumable
from skflow.fitting._settings import (
    BASES,
    ORDERS,
    PREPROCESSING,
    settle,
    settle_preprocessing,
)
from skflow.scale._ranks import ranks_in_use
from skflow.sources._find import source_of
from skflow.sources._memory import whole_or_blocks
from skflow.sources._parts import without
from skflow.sources._whole import refuse_context_beside

__all__ = [
    "HIDDEN_FEATURES",
    "MIXING",
    "STRUCTURE",
    "BaseFlowDensity",
    "NetworkFlowDensity",
    "OrderedFlowDensity",
]

# seconds beyond a limit that scores of held-out rows may take, which end a fit
OVERTIME = 1.0
# rows whose scores stand for all, where none are held out
MOST_SCORED = 1_000
# spreads beyond which nets see the logarithm of columns with heavy tails
NET_REACH = 3.0
# constraints of parameters that several families have
HIDDEN_FEATURES = [StrOptions({"auto"}), "array-like"]
MIXING = [StrOptions({"plu", "qr", "orthogonal", "pca", "permutation", "reverse", "none"})]
STRUCTURE = [StrOptions({"autoregressive", "coupling"})]


@dataclass(kw_only=True, eq=False, repr=False)
class BaseFlowDensity(OnlineMixin, TableFlow):
    """Base of all flow density estimators; a subclass says which bijection to build.

    See :class:`skflow.NSFDensity` for the meaning of the shared parameters.
    """

    n_layers: int | Auto = "auto"
    preprocessing: str = "auto"
    base: Any = "auto"
    support: Bounds | None = None
    resolution: Steps | None = None
    periodic: Steps | None = None
    context_columns: Columns | None = None
    n_members: int | Auto = "auto"
    max_epochs: int | Auto = "auto"
    batch_size: int | Auto = "auto"
    learning_rate: float | Auto = "auto"
    weight_decay: float = 0.01
    input_noise: float | Auto = "auto"
    validation_fraction: float | Auto = "auto"
    n_iter_no_change: int | Auto | None = "auto"
    max_seconds: float | None = None
    checkpoint: FilePath | None = None
    n_jobs: int | None = None
    device: str = "cpu"
    dtype: Literal["float32", "float64"] = "float32"
    random_state: RandomState = None
    verbose: int = 0
    warm_start: bool = False

    _parameter_constraints: ClassVar[dict] = {
        "n_layers": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "preprocessing": [StrOptions(set(PREPROCESSING))],
        "base": [StrOptions({"auto", *BASES}), "array-like"],
        "support": [None, dict],
        "resolution": [None, dict],
        "periodic": [None, dict],
        "context_columns": [None, "array-like"],
        "n_members": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "max_epochs": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "learning_rate": [StrOptions({"auto"}), Interval(Real, 0, None, closed="neither")],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "input_noise": [StrOptions({"auto"}), Interval(Real, 0, None, closed="left")],
        "validation_fraction": [StrOptions({"auto"}), Interval(Real, 0, 1, closed="left")],
        "n_iter_no_change": [
            StrOptions({"auto"}),
            None,
            Interval(Integral, 1, None, closed="left"),
        ],
        "max_seconds": [None, Interval(Real, 0, None, closed="neither")],
        "checkpoint": [None, str, os.PathLike],
        "n_jobs": [None, Integral],
        "device": [str],
        "dtype": [StrOptions({"float32", "float64"})],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
        "warm_start": ["boolean"],
    }

    _auto_layers: ClassVar[int]

    @abstractmethod
    def _build_bijection(self, plan):
        """Return the bijection between preprocessing and base that a Plan asks for."""

    def _family(self):
        """Return what this family of flows settles for itself."""
        steered = "hidden_features" in self.__dataclass_fields__
        return Family({"n_layers": self._auto_layers}, takes_context=steered)

    def _fit(self, X, sample_weight=None, fold=None, context=None):
        """Fit; ``fold`` (n_samples,) says which member holds out a row, -1 for none."""
        for name in ("_stream", "stream_history_"):
            vars(self).pop(name, None)
        alone = ranks_in_use() is None
        source = source_of(X) if alone else rows_of_rank(X, fold)
        table = X if source is None else None
        if source is not None:
            refuse_context_beside(source, context)
        if source is not None and alone:
            table, _ = whole_or_blocks(source)
        if table is not None and isinstance(sample_weight, str):
            table, sample_weight = without(table, sample_weight, "sample_weight")
        seed, goes_on = draw_seed(self.random_state), self.warm_start and "flow_" in vars(self)
        last = dict(vars(self)) if goes_on else {}
        resumable = Resumable(self, seed, fold, last.get("flow_"))
        with time_limit(self.max_seconds), resumable:
            if table is None:
                fit_source(self, source, sample_weight, last, resumable)
            else:
                fit_table(self, table, sample_weight, context, last, resumable)
            resumable.done(self.stopped_by_)
        return self

    @with_callbacks
    def _fit_to_folds(self, X, sample_weight, fold, context):
        """Fit in place, each member without the fold that it holds out: a part of another fit."""
        with fit_task(self, X, sample_weight=sample_weight, context=context):
            return self._fit(X, sample_weight, fold, context)

    def _settle(self, family, table, seed, last=None, *, kept=None, n=None):
        kept = going_on(self, last, table.observation) if last else kept or {}
        preprocessing = settle_preprocessing(self, table, family, kept)
        plan = settle(
            self,
            family,
            len(table) if n is None else n,
            table.n_features,
            preprocessing,
            n_context=table.n_context,
            holder=table.holder,
            seed=seed,
            kept=kept,
        )
        if plan.n_members != kept.get("n_members", plan.n_members):
            raise ValueError(
                f"warm_start=True goes on with an ensemble of n_members={kept['n_members']}, and "
                f"{len(table)} rows with validation_fraction={self.validation_fraction!r} leave "
                f"{plan.n_members} of them a fold to hold out: pass more rows, or fit anew with "
                "warm_start=False."
            )
        return plan

    def _show_fit(self, fit, plan, n_rows):
        """Show what "auto" came to and how training went."""
        self.flow_, self.plan_ = fit.flow, plan
        vars(self).update(plan.shown())
        tail_index = fit.flow.base.tail_index.numpy()
        self.tail_index_ = tail_index.reshape(-1, tail_index.shape[-1]).mean(axis=0)
        self.history_ = fit.history.records
        self.n_iter_ = max(1, len(fit.history.records))
        self.stopped_by_ = fit.history.stopped_by
        self.validation_score_ = fit.validation_score
        self.n_rows_seen_ = n_rows

    def _show_held_out(self, rows, context, holder, fit, positions=None):
        """Show the scores of rows by the members that did not train on them.

        Rows of a table that is not in memory are those that were held out only, at positions.
        """
        expected = fit.history.validation_seconds
        self.held_out_by_ = holder
        if positions is not None:
            self.held_out_at_ = positions
        self.held_out_scores_ = self._held_out_scores(rows, context, holder, expected)
        if np.isnan(self.validation_score_):  # what was minimised is no log density
            self.validation_score_ = self._mean_of_scores(rows, context)

    def _held_out_scores(self, rows, context, holder, expected_seconds):
        """Log density of each row by the member that held it out; NaN where time was up."""
        from skflow.fitting._blocks import held_out_log_density

        if expected_seconds > seconds_left() + OVERTIME:
            left_out("held_out_scores_")
            return np.full(len(rows), np.nan)
        try:
            return held_out_log_density(
                self.flow_, self.observation_, rows, holder, context, **self._workers
            )
        except KeyboardInterrupt:
            if self.stopped_by_ == "interrupt":  # a second one
                raise
            self.stopped_by_ = "interrupt"
            warn(
                "The fit was interrupted when all was done but held_out_scores_, which are NaN.",
                ConvergenceWarning,
            )
            return np.full(len(rows), np.nan)

    def _mean_of_scores(self, rows, context):
        """Mean log density of held-out rows by those that held them out, or of all if none are."""
        from skflow.fitting._blocks import log_density

        scores = self.held_out_scores_
        if (self.held_out_by_ < 0).all():
            rows = np.asarray(rows[:MOST_SCORED], dtype=np.float64)
            scores = log_density(
                self.flow_, rows, context, observation=self.observation_, **self._workers
            )
        known = scores[np.isfinite(scores)]
        return float(known.mean()) if len(known) else np.nan

    def _members(self):
        """Each member of the fitted ensemble as a fitted estimator of its own."""
        from skflow.fitting._blocks import single_flows

        members = []
        for flow in single_flows(self.flow_):
            member = copy.copy(self)
            member.flow_ = flow
            members.append(member)
        return members


@dataclass(kw_only=True, eq=False, repr=False)
class NetworkFlowDensity(BaseFlowDensity):
    """Base of flows made of layers that nets steer, with a linear map between two of them."""

    hidden_features: Sizes | Auto = "auto"
    mixing: str = "plu"
    dropout: float | Auto = "auto"

    _parameter_constraints: ClassVar[dict] = {
        **BaseFlowDensity._parameter_constraints,
        "hidden_features": HIDDEN_FEATURES,
        "mixing": MIXING,
        "dropout": [StrOptions({"auto"}), Interval(Real, 0, 1, closed="left")],
    }

    def _layer_settings(self, plan):
        """Return what every recipe of :mod:`skflow.architectures` for such layers takes."""
        from skflow.fitting._base_kinds import heavy_columns

        heavy = heavy_columns(plan.base, 1).any()
        settings = {
            "n_layers": plan.n_layers,
            "hidden_features": plan.hidden_features,
            "n_context": plan.n_context,
            "mixing": self.mixing,
            "dropout": plan.dropout,
            "reach": NET_REACH if heavy else None,
        }
        return settings if plan.order is None else {**settings, "order": plan.order}


@dataclass(kw_only=True, eq=False, repr=False)
class OrderedFlowDensity(NetworkFlowDensity):
    """Base of flows whose layers take the columns in an order."""

    order: Any = "natural"

    _parameter_constraints: ClassVar[dict] = {
        **NetworkFlowDensity._parameter_constraints,
        "order": [StrOptions(set(ORDERS)), "array-like"],
    }
