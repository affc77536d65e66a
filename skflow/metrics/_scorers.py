"""Scorers for searches: the larger, the better, as scikit-learn has them."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, fields
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils.metadata_routing import MetadataRequest
from sklearn.utils.validation import _num_samples

from skflow._containers import rows_at
from skflow._random import draw_seed
from skflow._types import Function
from skflow._validation import check_sample_weight
from skflow.metrics._asking import ask
from skflow.metrics._losses import (
    check_share,
    check_targets,
    crps_of_draws,
    interval_coverage,
    interval_score,
    pinball_loss,
)
from skflow.metrics._mean import weighted_mean

__all__ = ["get_scorer", "get_scorer_names"]

BLOCK = 10_000  # rows whose draws are held at once


def get_scorer(scoring: str, **settings: Any) -> Function:
    """Make a scorer of predicted distributions for ``scoring=`` of searches and cross-validation.

    It is called as ``scorer(estimator, X, y, sample_weight=None)`` and returns a number, better
    if larger, for a regressor that predicts a density, for a pipeline that ends in one, a fitted
    search, or a ``TransformedTargetRegressor`` around one. Whatever the steps do to y, the score
    is in the units of the y that is passed. With metadata routing ask for weights by
    ``scorer.set_score_request(sample_weight=True)``.

    Parameters
    ----------
    scoring : str
        - "log_density": mean log density of y given X in nats, of all columns of y together.
          Proper, and sensitive to tails: one row of density zero makes it -inf.
        - "neg_crps": minus :func:`crps_of_draws`, of ``n_samples=200`` draws a row from
          ``random_state=0``, which makes the draws of settings that are compared alike. Robust.
        - "neg_pinball_loss": minus :func:`pinball_loss` at
          ``quantiles=(0.05, 0.25, 0.5, 0.75, 0.95)``.
        - "neg_interval_score": minus :func:`interval_score` of central intervals of
          ``coverage=0.9``.
        - "neg_coverage_error": minus the distance of :func:`interval_coverage` to
          ``coverage=0.9``, column by column of y. It tells of calibration alone: intervals that
          know nothing of X may be perfect, so that it is to be looked at, not searched by.
    **settings : dict
        Other values for the settings shown.

    Returns
    -------
    scorer : callable

    Raises
    ------
    ValueError
        For an unknown name or a setting out of range; when it is called, if a transformer of y
        cannot be undone.
    TypeError
        For an unknown setting; when it is called, if the estimator predicts no distribution.

    See Also
    --------
    skflow.FlowRegressor : A regressor that predicts a density.
    skflow.compare_regressors : These scores beside those of the usual regressors.

    Notes
    -----
    Through a ``TransformedTargetRegressor`` the log density of y is that of t = T(y) plus
    ``log |dt/dy|``, from finite differences of the transformer's inverse whose steps shrink until
    they agree, to 1e-4 nats at least. Where y does not come back from t, as beyond the rows that a
    QuantileTransformer has seen, it is refused. Quantiles and intervals go through the inverse,
    turned round where it falls; it must take each column of y by itself. Draws go through any.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.model_selection import cross_val_score
    >>> from skflow import FlowRegressor, NSFDensity
    >>> from skflow.metrics import get_scorer
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 1))
    >>> y = X[:, 0] + rng.normal(size=200)
    >>> density = NSFDensity(n_layers=1, n_members=1, max_epochs=5)  # little of it, to be quick
    >>> model = FlowRegressor(features=[], density=density, random_state=0)
    >>> scores = cross_val_score(model, X, y, cv=2, scoring=get_scorer("log_density"))
    >>> bool(abs(scores.mean() + 1.42) < 0.15)  # minus the entropy of a standard normal
    True
    """
    if scoring not in SCORERS:
        raise ValueError(f"scoring must be one of {get_scorer_names()}, got {scoring!r}.")
    known = [f.name for f in fields(SCORERS[scoring]) if f.init]
    for name in settings:
        if name not in known:
            takes = ", ".join(known) if known else "no settings"
            raise TypeError(f"the scorer {scoring!r} takes {takes}, got {name!r}.")
    return SCORERS[scoring](**settings)


def get_scorer_names() -> list[str]:
    """Return the names that :func:`get_scorer` knows, sorted.

    Examples
    --------
    >>> from skflow.metrics import get_scorer, get_scorer_names
    >>> scoring = {name: get_scorer(name) for name in get_scorer_names()}  # for cross_validate
    >>> list(scoring)[:2]
    ['log_density', 'neg_coverage_error']
    """
    return sorted(SCORERS)


@dataclass
class DistributionScorer(ABC):
    """A callable for ``scoring=`` that takes weights, with metadata routing if asked."""

    _weight_request: bool | str | None = field(default=None, init=False, repr=False)

    def __call__(self, estimator, X, y, sample_weight=None):
        """Return the score of a fitted estimator on rows X with values y."""
        return float(self._score(estimator, X, y, sample_weight))

    @abstractmethod
    def _score(self, estimator, X, y, weight):
        """Return the score."""

    def set_score_request(self, *, sample_weight):
        """Ask for weights of rows by metadata routing, as scorers of scikit-learn do."""
        self._weight_request = sample_weight
        return self

    def get_metadata_routing(self):
        """Say what is asked for."""
        request = MetadataRequest(owner=type(self).__name__)
        request.score.add_request(param="sample_weight", alias=self._weight_request)
        return request


@dataclass
class LogDensityScorer(DistributionScorer):
    """Mean log density."""

    def _score(self, estimator, X, y, weight):
        return weighted_mean(np.asarray(ask(estimator, "log_density", X, y=y)), weight)


@dataclass
class CRPSScorer(DistributionScorer):
    """Minus the CRPS of draws, of a block of rows after another."""

    n_samples: int = 200
    random_state: int | np.random.RandomState | None = 0

    def __post_init__(self):
        if not isinstance(self.n_samples, Integral) or self.n_samples < 2:
            raise ValueError(
                f"n_samples must be an integer of at least 2, got {self.n_samples!r}: a CRPS is "
                "of pairs of draws."
            )

    def _score(self, estimator, X, y, weight):
        n, rng = _num_samples(X), check_random_state(self.random_state)
        y = check_targets(y, "y")
        weight = check_sample_weight(weight, y)
        losses, shares = [], []
        for start in range(0, n, BLOCK):
            rows = np.arange(start, min(start + BLOCK, n))
            given = {"n_samples": self.n_samples, "random_state": draw_seed(rng)}
            draws = ask(estimator, "sample", rows_at(X, rows), **given)
            part = None if weight is None else weight[rows]
            share = len(rows) if weight is None else part.sum()
            if share > 0:
                losses.append(crps_of_draws(y[rows], draws, sample_weight=part))
                shares.append(share)
        return -np.average(losses, weights=shares)


@dataclass
class PinballScorer(DistributionScorer):
    """Minus the pinball loss."""

    quantiles: tuple = (0.05, 0.25, 0.5, 0.75, 0.95)

    def __post_init__(self):
        for level in np.ravel(self.quantiles):
            check_share(level, "quantiles")

    def _score(self, estimator, X, y, weight):
        found = ask(estimator, "predict_quantiles", X, quantiles=self.quantiles)
        return -pinball_loss(y, found, self.quantiles, sample_weight=weight)


@dataclass
class IntervalScorer(DistributionScorer):
    """Minus the interval score."""

    coverage: float = 0.9

    def __post_init__(self):
        check_share(self.coverage, "coverage")

    def _score(self, estimator, X, y, weight):
        ends = np.moveaxis(ask(estimator, "predict_interval", X, coverage=self.coverage), -1, 0)
        return -interval_score(y, *ends, self.coverage, sample_weight=weight)


@dataclass
class CoverageScorer(IntervalScorer):
    """Minus the distance of coverage to what is claimed."""

    def _score(self, estimator, X, y, weight):
        ends = np.moveaxis(ask(estimator, "predict_interval", X, coverage=self.coverage), -1, 0)
        settings = {"sample_weight": weight, "multioutput": "raw_values"}
        return -np.abs(interval_coverage(y, *ends, **settings) - self.coverage).mean()


SCORERS: dict[str, Any] = {
    "log_density": LogDensityScorer,
    "neg_crps": CRPSScorer,
    "neg_pinball_loss": PinballScorer,
    "neg_interval_score": IntervalScorer,
    "neg_coverage_error": CoverageScorer,
}
