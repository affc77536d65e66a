"""The fit of a regressor: cross-fitted features, then the density that makes most of them."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from sklearn.base import clone

from skflow._clock import left_out, time_is_up
from skflow._persistence import stored
from skflow._watch import tell
from skflow.estimators._tabular import TableFlow
from skflow.estimators.flows._autoregressive import NSFDensity
from skflow.estimators.regressor._arrays import in_arrays
from skflow.estimators.regressor._calibration import Calibration
from skflow.estimators.regressor._choice import choose_blocks, likelier
from skflow.estimators.regressor._features import cross_fitted, default_regressors
from skflow.estimators.regressor._inputs import Scale
from skflow.estimators.stack._candidates import seeded_clones
from skflow.tables._context import ContextColumns
from skflow.tables._rows import group_rows

__all__ = ["Learner", "RegressorContext"]

# folds of n rows are dealt as often as makes so many, within bounds
FITTED_ROWS, MOST_DEALS = 2_000, 4
ENOUGH = 50  # held-out rows, to calibrate by
PILOT_ROWS = 4_000  # that choose what the context holds
TREES = 2  # of the default regressors, which are no matter of choice
SHARE = 0.5  # of a limited time, for features


@stored
@dataclass(frozen=True)
class RegressorContext:
    """From rows of X to what the density is given: numbers of X, and predictions.

    Attributes
    ----------
    reader : ContextColumns
        Of X.
    encoded : bool
        Whether regressors are given the reader's numbers, and not X as it is.
    parts : list of RegressorFeature or None
        What the columns are, from left to right; None stands for the numbers of X.
    """

    reader: ContextColumns
    encoded: bool
    parts: list

    def columns(self, X):
        """Numbers (n, c) for rows that the fit has not seen."""
        numbers = self.reader.encode(X)
        given = numbers if self.encoded else X
        parts = [numbers if part is None else part.predict(given) for part in self.parts]
        return np.concatenate(parts, axis=1)


@dataclass(frozen=True)
class Learned:
    """What a fit leaves."""

    density: Any
    context: RegressorContext
    names: list
    calibration: Calibration | None
    held_out_scores: np.ndarray


class Learner:
    """One fit of a FlowRegressor."""

    def __init__(self, estimator, rng):
        self.estimator, self.rng = estimator, rng

    def fit(self, X, y, weight):
        """Fit to rows, y (n, k) and weights (n,) or None."""
        reader = ContextColumns.read(X, len(y))
        numbers = reader.encode(X)
        parts = self._features(numbers if self._is_default else X, numbers, y, weight)
        # X comes first, but where one regressor is to be made a density of
        parts.insert(0 if self.estimator.regressor is None else len(parts), None)
        blocks = [numbers if part is None else part.out_of_fold for part in parts]
        names = ["X" if part is None else part.name for part in parts]
        n_sure = min(1 + TREES if self._is_default else 1, len(parts))
        chosen, density = self._choose(blocks, names, n_sure, y, weight)
        given = np.concatenate([blocks[k] for k in chosen], axis=1)
        return Learned(
            density,
            RegressorContext(reader, self._is_default, [parts[k] for k in chosen]),
            [names[k] for k in chosen],
            self._calibration(density, given, y, weight),
            getattr(density, "held_out_scores_", np.full(len(y), np.nan)),
        )

    @property
    def _is_default(self):
        return self.estimator.regressor is None and isinstance(self.estimator.features, str)

    def _regressors(self, numbers):
        if self.estimator.regressor is not None:
            named = [("regressor", self.estimator.regressor)]
        elif self._is_default:
            named = default_regressors(len(numbers), numbers.shape[1])
        else:
            named = _named(self.estimator.features)
        return seeded_clones(named, self.rng)

    def _features(self, X, numbers, y, weight):
        """Cross-fit the regressors, which read X, for as long as there is time."""
        deals = self._deals(numbers)
        scaled = Scale(y).apply(y)
        given = {"n_jobs": self.estimator.n_jobs, "kept": in_arrays if self._is_default else None}
        features = []
        for name, regressor in self._regressors(numbers):
            if features and time_is_up(SHARE):
                left_out(f"the feature {name}")
                continue
            tell(f"cross-fitting the feature {name}")
            features.append(cross_fitted(name, regressor, X, scaled, weight, deals, **given))
        return features

    def _deals(self, numbers):
        """Fold (n,) of each row, one for rows that are equal; dealt up to four times."""
        first, group = group_rows(numbers)
        if len(first) < 2:  # then rows differ in y alone
            first = group = np.arange(len(numbers))
        n_folds = min(self.estimator.n_folds, len(first))
        n_deals = int(np.clip(round(FITTED_ROWS / len(numbers)), 1, MOST_DEALS))
        return [(self.rng.permutation(len(first)) % n_folds)[group] for _ in range(n_deals)]

    def _choose(self, blocks, names, n_sure, y, weight):
        """Return indices of the blocks that help, and the density given them."""
        density = seeded_clones([("density", self._density())], self.rng)[0][1]
        other = self._behind_normal_scores(density, y)
        if not hasattr(density, "validation_fraction"):  # then it holds no rows out that tell
            n_sure = len(blocks)
        settled = n_sure == len(blocks) and other is None
        short = settled or len(y) <= PILOT_ROWS
        pilot = slice(None) if short else self.rng.permutation(len(y))[:PILOT_ROWS]

        def fit(chosen, form=density, rows=pilot):
            behind = "normal scores of y" if form is other else "y"
            tell(f"the density of {behind} given {', '.join(names[k] for k in chosen)}")
            context = np.concatenate([blocks[k][rows] for k in chosen], axis=1)
            given = None if weight is None else weight[rows]
            return clone(form).fit(y[rows], sample_weight=given, context=context)

        chosen, fitted = choose_blocks(fit, names, n_sure)
        best = fitted
        if other is not None:
            best = likelier("normal scores of y", partial(fit, chosen, other), fitted)
        if short:
            return chosen, best
        return chosen, fit(chosen, density if best is fitted else other, slice(None))

    def _behind_normal_scores(self, density, y):
        """Return the default density with the other shape of y it may be better behind, or None.

        Where y is skewed, in heaps or between ends, rather its normal scores than y itself are
        linear in the context and of a spread that changes little. Of several columns the density
        has chosen for itself.
        """
        if not isinstance(self.estimator.density, str) or y.shape[1] > 1:
            return None
        return clone(density).set_params(preprocessing="gaussianize")

    def _density(self):
        verbose = max(0, self.estimator.verbose - 1)
        given = {"n_jobs": self.estimator.n_jobs, "verbose": verbose}
        auto = isinstance(self.estimator.density, str)
        density = NSFDensity(**given) if auto else clone(self.estimator.density)
        _check_density(density)
        known = density.get_params()
        for name in ("support", "resolution"):
            value = getattr(self.estimator, name)
            if value is not None:
                if known.get(name) is not None:
                    raise ValueError(f"{name} is set twice, here and for the density: set one.")
                density.set_params(**{name: value})
        return density

    def _calibration(self, density, given, y, weight):
        """Return the map of shares below held-out rows, None where none is asked for."""
        held = np.flatnonzero(getattr(density, "held_out_by_", np.full(len(y), -1)) >= 0)
        asked, possible = self.estimator.calibrate, y.shape[1] == 1 and len(held) > 0
        if asked is True and not possible:
            raise ValueError(
                "calibrate=True is for one column of y and a density that holds rows out, which "
                "flows that are trained do with validation_fraction above 0."
            )
        if not (asked and possible) or (asked == "auto" and len(held) < ENOUGH):
            return None
        from skflow.fitting._column import ConditionalColumn

        column = ConditionalColumn(density.flow_)
        shares = column.member_shares_below(y[held, 0], given[held])
        own = shares[np.arange(len(held)), density.held_out_by_[held]]
        return Calibration(own, None if weight is None else weight[held])


def _check_density(density):
    if not isinstance(density, TableFlow):
        raise ValueError(
            "density must be a single flow of skflow that takes a context, such as NSFDensity() "
            f"or MixtureFlowDensity(); got {type(density).__name__}."
        )
    if density.periodic:
        raise ValueError(
            "a periodic y has no mean, quantiles or intervals; ask the density itself, given a "
            f"context: {type(density).__name__}(periodic=...).fit(y, context=X)."
        )


def _named(regressors):
    """Pairs (name, regressor) with names that differ."""
    names = [type(regressor).__name__ for regressor in regressors]
    numbered = [f"{name} {k}" if names.count(name) > 1 else name for k, name in enumerate(names)]
    return list(zip(numbered, regressors, strict=True))
