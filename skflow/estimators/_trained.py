"""The template of the trained density estimators: from X to a fitted flow."""

import copy
from abc import abstractmethod
from dataclasses import dataclass, replace
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from skflow._random import draw_seed
from skflow.estimators._contract import TableFlow
from skflow.fitting._settings import BASES, ORDERS, PREPROCESSING, resolve_base, resolve_settings
from skflow.tables._prepare import prepare

__all__ = [
    "HIDDEN_FEATURES",
    "MIXING",
    "STRUCTURE",
    "BaseFlowDensity",
    "NetworkFlowDensity",
    "OrderedFlowDensity",
]

# spreads beyond which nets see the logarithm of columns with heavy tails
NET_REACH = 3.0
# constraints of parameters that several families have
HIDDEN_FEATURES = [StrOptions({"auto"}), "array-like"]
MIXING = [StrOptions({"plu", "qr", "orthogonal", "pca", "permutation", "reverse", "none"})]
STRUCTURE = [StrOptions({"autoregressive", "coupling"})]


@dataclass(kw_only=True, eq=False, repr=False)
class BaseFlowDensity(TableFlow):
    """Base of all flow density estimators; a subclass says which bijection to build.

    See :class:`skflow.NSFDensity` for the meaning of the shared parameters.
    """

    n_layers: int | str = "auto"
    preprocessing: str = "auto"
    base: Any = "auto"
    support: Any = None
    n_members: int | str = "auto"
    max_epochs: int | str = "auto"
    batch_size: int | str = "auto"
    learning_rate: float | str = "auto"
    weight_decay: float = 0.01
    input_noise: float | str = "auto"
    validation_fraction: float | str = "auto"
    n_iter_no_change: int | str | None = "auto"
    max_seconds: float | None = None
    device: str = "cpu"
    dtype: str = "float32"
    random_state: Any = None
    verbose: int = 0
    warm_start: bool = False

    _parameter_constraints: ClassVar[dict] = {
        "n_layers": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "preprocessing": [StrOptions(set(PREPROCESSING))],
        "base": [StrOptions({"auto", *BASES}), "array-like"],
        "support": [None, dict],
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
        "device": [str],
        "dtype": [StrOptions({"float32", "float64"})],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
        "warm_start": ["boolean"],
    }

    _n_threads: ClassVar[int | None] = 1  # of torch in a fit; None leaves it as it is
    _spreads_ties: ClassVar[bool] = True

    @abstractmethod
    def _build_bijection(self, n_features, n_context, settings):
        """Return the bijection between preprocessing and base, built from resolved settings."""

    def _auto(self, n, d):
        """Return what "auto" means for this flow where no common rule says it, by name."""
        return {"n_layers": self._auto_layers}

    def _observe(self, flow):
        """Make of a flow of continuous rows one of rows as they are in X."""
        return flow

    def _fit(self, X, sample_weight=None, fold=None):
        """Fit; ``fold`` (n_samples,) says which member holds out a row, -1 for none."""
        from skflow.fitting._blocks import held_out_log_density
        from skflow.fitting._fit import fit_flow

        seed = draw_seed(self.random_state)
        previous = self.__dict__.get("flow_") if self.warm_start else None
        rng, spread = np.random.default_rng(seed), self._spreads_ties
        table = prepare(self, X, sample_weight, rng, fold, spread, self._check_values)
        preprocessing = self._choose_preprocessing(table, previous)
        settings = resolve_settings(self, *table.rows.shape, preprocessing, table.holder, seed)
        if previous is not None and settings.order is not None:  # it may have been drawn
            settings = replace(settings, order=self.order_)
        self.support_bounds_ = table.bounds
        self.dequantized_features_, self._ties = table.dequantized, table.ties
        self._n_features_out = self.n_features_in_
        flow, history, score, holder = fit_flow(self, table, settings, seed, previous)
        self.flow_ = flow
        if previous is not None:  # it may have trained on what was held out now
            holder[:] = -1
        rows, _ = self._rows(X)
        holder = np.append(holder, -1)[table.source]  # source is -1 where the weight is 0
        self.held_out_scores_ = held_out_log_density(flow, rows, holder)
        self._note(settings, history)
        self.validation_score_ = score
        return self

    def _note(self, settings, history):
        """Show what "auto" came to and how training went."""
        tail_index = self.flow_.base.tail_index.numpy()
        self.tail_index_ = tail_index.reshape(-1, tail_index.shape[-1]).mean(axis=0)
        for name, value in settings.visible().items():
            setattr(self, f"{name}_", value)
        self.history_ = history.records
        self.n_iter_ = max(1, len(history.records))
        self.stopped_by_ = history.stopped_by

    def _choose_preprocessing(self, table, previous):
        from skflow.fitting._latents import heavy_columns
        from skflow.fitting._preprocessing import choose_preprocessing

        d = table.rows.shape[1]
        if previous is not None:
            return self.preprocessing_
        if self.preprocessing != "auto":
            return self.preprocessing
        if heavy_columns(resolve_base(self.base, d), d).any():
            return "standardize"  # normal scores have no heavy tails
        return choose_preprocessing(table.bounds, table.rows, table.weight)

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

    hidden_features: tuple | str = "auto"
    mixing: str = "plu"
    dropout: float | str = "auto"

    _parameter_constraints: ClassVar[dict] = {
        **BaseFlowDensity._parameter_constraints,
        "hidden_features": HIDDEN_FEATURES,
        "mixing": MIXING,
        "dropout": [StrOptions({"auto"}), Interval(Real, 0, 1, closed="left")],
    }

    def _layer_settings(self, n_context, settings):
        """Return what every recipe of :mod:`skflow.architectures` for such layers takes."""
        from skflow.fitting._latents import heavy_columns

        heavy = heavy_columns(settings.base, 1).any()
        return {
            "n_layers": settings.n_layers,
            "hidden_features": settings.hidden_features,
            "n_context": n_context,
            "mixing": self.mixing,
            "dropout": settings.dropout,
            "reach": NET_REACH if heavy else None,
        }


@dataclass(kw_only=True, eq=False, repr=False)
class OrderedFlowDensity(NetworkFlowDensity):
    """Base of flows whose layers take the columns in an order."""

    order: Any = "natural"

    _parameter_constraints: ClassVar[dict] = {
        **NetworkFlowDensity._parameter_constraints,
        "order": [StrOptions(set(ORDERS)), "array-like"],
    }

    def _layer_settings(self, n_context, settings):
        return {**super()._layer_settings(n_context, settings), "order": settings.order}
