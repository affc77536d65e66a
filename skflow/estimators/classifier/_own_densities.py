"""Density estimators of any make as class densities: a clone a class, or one given the class."""

import numpy as np
from sklearn.base import clone
from sklearn.utils.validation import has_fit_parameter

from skflow._persistence import stored
from skflow.estimators._trained import BaseFlowDensity
from skflow.estimators.stack._candidates import takes_context

__all__ = ["ClonedDensities", "GivenClass", "of_classes"]


def of_classes(estimator):
    """Class densities by an estimator: given the class if it takes a context, else by clones."""
    return (GivenClass if takes_context(estimator) else ClonedDensities)(estimator)


@stored
class ClonedDensities:
    """A clone of an estimator for each class, fitted to its rows.

    Parameters
    ----------
    estimator : estimator
    """

    members = False  # whether a fit holds out a fold in each member of an ensemble

    def __init__(self, estimator):
        self.estimator = estimator

    def fit(self, rows, rng=None):
        """Fit to LabelledRows."""
        self.parts = []
        for c in range(rows.n_classes):
            z, weight = rows.of_class(c)
            given = _weights_for(self.estimator, weight)
            self.parts.append(clone(self.estimator).fit(z, **given))
        return self

    def log_density(self, z):
        """Log density (n, n_classes) of rows z (n, d) in each class."""
        return np.column_stack([part.score_samples(z) for part in self.parts])


@stored
class GivenClass:
    """One density given the class, a context with a column for each.

    Parameters
    ----------
    estimator : estimator
        That takes a context.
    """

    def __init__(self, estimator):
        self.estimator = estimator

    @property
    def members(self):
        """Whether a fit holds out a fold in each member of an ensemble."""
        return isinstance(self.estimator, BaseFlowDensity) and self.estimator.n_members != 1

    def fit(self, rows, rng=None):
        """Fit to LabelledRows."""
        self.n_classes = rows.n_classes
        given = _weights_for(self.estimator, rows.weight)
        self.part = clone(self.estimator).fit(rows.z, **given, **self._context(rows.code))
        return self

    def fit_members(self, rows, fold):
        """Fit an ensemble whose members hold out a fold each; return their densities, too."""
        self.n_classes = rows.n_classes
        flow = clone(self.estimator)
        weight = _weights_for(flow, rows.weight).get("sample_weight")
        flow._fit_to_folds(rows.z, weight, fold, self._context(rows.code).get("context"))
        self.part = flow
        return [self._with(member) for member in flow._members()]

    def log_density(self, z):
        """Log density (n, n_classes) of rows z (n, d) in each class."""
        columns = [
            self.part.score_samples(z, **self._context(np.full(len(z), c)))
            for c in range(self.n_classes)
        ]
        return np.column_stack(columns)

    def _context(self, code):
        """Return the keyword of a context; none of a single class, which says nothing."""
        return {} if self.n_classes == 1 else {"context": np.eye(self.n_classes)[code]}

    def _with(self, part):
        other = GivenClass(self.estimator)
        other.n_classes, other.part = self.n_classes, part
        return other


def _weights_for(estimator, weight):
    """Return the keyword that hands weights to a fit; none if all are equal.

    Raises
    ------
    ValueError
        If they are not, and the fit takes none.
    """
    if (weight == weight[0]).all():
        return {}
    if not has_fit_parameter(estimator, "sample_weight"):
        raise ValueError(
            f"sample_weight was passed, and the density {type(estimator).__name__} takes none: "
            "leave it out, or pass a density whose fit takes sample_weight."
        )
    return {"sample_weight": weight}
