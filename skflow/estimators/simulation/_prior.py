"""What is believed of parameters before anything is observed, however a user says it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from skflow._persistence import stored
from skflow._validation import column_label, is_real
from skflow.tables._declared import by_column

__all__ = ["IndependentPrior", "JointPrior", "read_prior"]

FORMS = (
    "expected None, {column: (low, high) or a frozen distribution of scipy.stats}, a sequence of "
    "such, an array (n_parameters, 2) of bounds, one frozen multivariate distribution, or a "
    "fitted density with score_samples and sample"
)


@stored
@dataclass(frozen=True)
class IndependentPrior:
    """Independent parameters, each with a frozen distribution of scipy's.

    Attributes
    ----------
    laws : tuple of frozen distribution
    """

    laws: tuple

    @property
    def bounds(self):
        """Pairs (low, high) by column."""
        return [tuple(map(float, law.support())) for law in self.laws]

    def log_density(self, theta):
        """Log density (n,) of rows (n, d), -inf outside the support."""
        columns = zip(self.laws, theta.T, strict=True)
        return np.sum([law.logpdf(column) for law, column in columns], axis=0)

    def draw(self, n, rng):
        """Draw rows (n, d) with a numpy RandomState."""
        return np.column_stack([law.rvs(n, random_state=rng) for law in self.laws])


@stored
@dataclass(frozen=True)
class JointPrior:
    """Parameters that depend on each other: a multivariate frozen distribution, or a density.

    Attributes
    ----------
    law : object
        With ``logpdf`` and ``rvs``, or ``score_samples`` and ``sample``.
    n_parameters : int
    """

    law: Any
    n_parameters: int

    @property
    def bounds(self):
        """Pairs (low, high) by column: those that a density of skflow declares."""
        known = getattr(self.law, "support_bounds_", None)
        if known is None:
            return [(-np.inf, np.inf)] * self.n_parameters
        return [tuple(map(float, pair)) for pair in zip(*known[:2], strict=True)]

    def log_density(self, theta):
        """Log density (n,) of rows (n, d), -inf outside the support."""
        score = self.law.logpdf if hasattr(self.law, "logpdf") else self.law.score_samples
        return np.asarray(score(theta), dtype=float).reshape(len(theta))

    def draw(self, n, rng):
        """Draw rows (n, d) with a numpy RandomState."""
        if hasattr(self.law, "rvs"):
            rows = self.law.rvs(n, random_state=rng)
        else:
            from skflow.estimators._drawing import draw_from

            rows = draw_from(self.law, n, rng.randint(np.iinfo(np.int32).max))
        return np.asarray(rows, dtype=float).reshape(n, self.n_parameters)


def read_prior(prior, d, names=None):
    """Return the prior of d parameters, None for None; a ValueError or TypeError if it is none."""
    if prior is None:
        return None
    if hasattr(prior, "score_samples") or hasattr(prior, "logpdf"):
        return _joint(prior, d)
    if isinstance(prior, dict):
        given = by_column("prior", prior, "bounds or a distribution", d, names)
    else:
        given = dict(enumerate(_sequence(prior)))
    missing = [column_label(j, names) for j in range(d) if j not in given]
    if missing or len(given) > d:
        raise ValueError(
            f"prior must say something of each of the {d} columns of theta; it names {len(given)}"
            + (f", and not {', '.join(missing[:5])}." if missing else ".")
        )
    return IndependentPrior(tuple(_law(given[j], column_label(j, names)) for j in range(d)))


def _sequence(prior):
    if isinstance(prior, str | bytes) or not hasattr(prior, "__len__"):
        raise TypeError(f"prior is a {type(prior).__name__}; {FORMS}.")
    return list(prior)


def _joint(prior, d):
    if hasattr(prior, "dist") and hasattr(prior, "support") and not hasattr(prior, "mean_"):
        if d > 1:
            raise ValueError(
                f"prior is a distribution of one number, and theta has {d} columns: pass one for "
                "each, {0: ..., 1: ...}, or a multivariate distribution."
            )
        return IndependentPrior((_law(prior, "column 0"),))
    own = JointPrior(prior, d)
    try:
        # a RandomState of its own: no draw of the user's is touched
        rows = own.draw(2, np.random.RandomState(0))  # noqa: NPY002
        density = own.log_density(rows)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"prior does not give densities and draws of {d} parameters: {error}"
        ) from None
    if np.isnan(density).any():
        raise ValueError("prior gives NaN as the log density of its own draws.")
    return own


def _law(given, place):
    """Return the frozen distribution that bounds or a distribution of one column stand for."""
    if hasattr(given, "logpdf") and hasattr(given, "support"):
        return given
    if hasattr(given, "logpmf"):
        raise ValueError(
            f"prior of {place} is discrete; parameters must be continuous, so that they have a "
            "density. Simulate with several fixed values apart, or spread them."
        )
    if np.shape(given) != (2,) or not all(map(is_real, given)):
        raise ValueError(f"prior of {place} is {given!r}; {FORMS}.")
    low, high = map(float, given)
    if not (np.isfinite(low) and np.isfinite(high) and low < high):
        raise ValueError(
            f"prior of {place} has the bounds {given!r}; a uniform prior needs finite ones, the "
            "lower first. For an open end pass a distribution, such as scipy.stats.expon()."
        )
    return stats.uniform(low, high - low)
