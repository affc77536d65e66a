"""The template of densities that are fitted in one go: from X to a fitted flow."""

from abc import abstractmethod
from dataclasses import dataclass
from numbers import Integral, Real
from typing import ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from skflow._clock import time_limit
from skflow._random import draw_seed
from skflow._threads import threads
from skflow._types import Bounds, Columns, RandomState, Steps
from skflow.estimators._tabular import TableFlow
from skflow.fitting._family import Family
from skflow.fitting._settings import PREPROCESSING, units_hold
from skflow.scale._ranks import refuse_ranks
from skflow.tables._read import read_table

__all__ = ["BaseClassicalDensity"]

# Ratio of the columns' units up to which one covariance holds them.
WIDEST = 1e7


@dataclass(kw_only=True, eq=False, repr=False)
class BaseClassicalDensity(TableFlow):
    """A flow that is fitted and not trained: preprocessing, perhaps a bijection, then a base."""

    preprocessing: str = "auto"
    support: Bounds | None = None
    resolution: Steps | None = None
    periodic: Steps | None = None
    context_columns: Columns | None = None
    max_seconds: float | None = None
    n_jobs: int | None = None
    random_state: RandomState = None

    _parameter_constraints: ClassVar[dict] = {
        "preprocessing": [StrOptions(set(PREPROCESSING))],
        "support": [None, dict],
        "resolution": [None, dict],
        "periodic": [None, dict],
        "context_columns": [None, "array-like"],
        "max_seconds": [None, Interval(Real, 0, None, closed="neither")],
        "n_jobs": [None, Integral],
        "random_state": ["random_state"],
    }

    @abstractmethod
    def _fit_core(self, rows):
        """Return bijection and base, fitted to a Batch of preprocessed rows x (n, d)."""

    def _family(self):
        """Return what this family of flows settles for itself."""
        return Family()

    def _fit(self, X, sample_weight=None, context=None):
        refuse_ranks(self)
        X = self._whole_table(X, context)
        rng = np.random.default_rng(draw_seed(self.random_state))
        family = self._family()
        with time_limit(self.max_seconds), threads(family.n_threads):
            *_, table = read_table(self, family, X, sample_weight, rng, context=context)
            self.preprocessing_ = self._resolved_preprocessing(table)
            self.flow_ = self._fit_flow(table, family)
        self._show(table.observation)

    def _auto_preprocessing(self, table):
        """Return what ``preprocessing="auto"`` comes to for the rows of a table."""
        return "standardize"

    def _resolved_preprocessing(self, table):
        if self.preprocessing == "auto":
            return self._auto_preprocessing(table)
        if self.preprocessing == "none" and not units_hold(table.values, "float64", WIDEST):
            return "standardize"
        return self.preprocessing

    def _fit_flow(self, table, family):
        import torch

        from skflow.fitting._constants import Constants
        from skflow.fitting._preprocessing import fit_preprocessing
        from skflow.fitting._start import preprocess
        from skflow.flow import Flow

        start, constants = table.start(), Constants(table)
        rows = constants.fill(start.rows(), self.preprocessing_)
        weight = None if start.weight is None else torch.from_numpy(start.weight)
        preprocessing = fit_preprocessing(
            self.preprocessing_,
            table.bounds,
            torch.from_numpy(rows),
            weight,
            bends_tails=family.bends_tails,
            constant=torch.from_numpy(table.observation.ties.constant),
        )
        preprocessing = constants.behind(preprocessing)
        learnt_from = table if family.learns_from_all else start
        rows, _ = preprocess(learnt_from, preprocessing, 1, "cpu", torch.float64)
        rows.x[:, constants.which] = 0.0
        bijection, base = self._fit_core(rows)
        bijection, base = (part.double().requires_grad_(False) for part in (bijection, base))
        return Flow(bijection, base, preprocessing).eval()
