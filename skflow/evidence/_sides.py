"""A half of the draws, the densities of the other half, and what is asked at their draws."""

import numpy as np
from sklearn.base import clone
from sklearn.utils.validation import has_fit_parameter

from skflow.estimators import MixtureFlowDensity, NSFDensity
from skflow.estimators._drawing import draw_from
from skflow.estimators.stack._candidates import seeded_clones
from skflow.evidence._halves import evidence_of_half

WIDER = 1.5  # than the draws, in standard deviations, are the points at which a side looks around

__all__ = ["Side", "quick_density", "sides_of", "thorough_density"]


def quick_density(low, high):
    """Return the density that is tried first."""
    return MixtureFlowDensity(**_declared(low, high))


def thorough_density(low, high):
    """Return the density that joins the first one where that leaves too large an error."""
    return NSFDensity(**_declared(low, high))


def _declared(low, high):
    bounded = np.flatnonzero(np.isfinite(low) | np.isfinite(high))
    return {
        "support": {int(j): (low[j], high[j]) for j in bounded} or None,
        # a chain that moves one column at a time repeats values of continuous ones
        "resolution": {j: 0 for j in range(len(low))},
    }


def sides_of(drawn, values, asked, rng):
    """Return both halves of draws, whose log densities are values (n,), as sides."""
    first, second = drawn.halves()
    return [
        Side(drawn, values, asked, rng, own=own, other=other)
        for own, other in ((first, second), (second, first))
    ]


class Side:
    """One half of the draws, beside an equal mixture of densities of the other half.

    Attributes
    ----------
    densities : list of estimators
        Fitted; the same number of proposals is drawn from each.
    """

    def __init__(self, drawn, values, asked, rng, *, own, other):
        self.own, self.other = own, other
        self.drawn, self.values = drawn, values
        self.asked, self.rng = asked, rng
        self.densities = []
        self.proposals = np.empty((0, drawn.rows.shape[1]))
        self.at_proposals = np.empty(0)
        self.points, self.at_points, self.log_weights = self.proposals, np.empty(0), np.empty(0)

    def learn(self, density):
        """Fit a clone of a density to the other half, each distinct row once, with its weight.

        Chains repeat a row where a move was refused, which makes it no atom.
        """
        rows, weight = self.drawn.rows[self.other.ravel()], self._weight(self.other)
        distinct, which = np.unique(rows, axis=0, return_inverse=True)
        total = np.bincount(which.ravel(), weights=weight)
        ((_, fitted),) = seeded_clones([("density", clone(density))], self.rng)
        if np.ptp(total) == 0:
            fitted.fit(distinct)
        elif has_fit_parameter(fitted, "sample_weight"):
            fitted.fit(distinct, sample_weight=total / total.mean())
        elif weight is None:
            fitted.fit(rows)
        else:
            raise TypeError(
                f"the draws have weights, and {type(density).__name__}.fit takes no "
                "sample_weight: pass a density that does, such as skflow.NSFDensity()."
            )
        self.densities.append(fitted)

    def propose(self, n):
        """Draw n proposals from the density that was learnt last, and ask for log densities."""
        rows = draw_from(self.densities[-1], n, self.rng.randint(np.iinfo(np.int32).max))
        rows = np.asarray(rows, dtype=np.float64).reshape(n, -1)
        self.proposals = np.concatenate([self.proposals, rows])
        self.at_proposals = np.concatenate([self.at_proposals, self.asked(rows)])

    def look_around(self, n):
        """Ask for log densities at n points scattered widely about all draws.

        They are from a normal distribution of columns by themselves, so that a part of the
        density that no draw has been in may come to light where parameters are few.
        """
        rows = self.drawn.rows
        scale = WIDER * rows.std(axis=0)
        noise = self.rng.normal(size=(n, rows.shape[1]))
        self.points = rows.mean(axis=0) + scale * noise
        self.at_points = self.asked(self.points)
        log_wide = -0.5 * (noise**2 + np.log(2 * np.pi)).sum(axis=1) - np.log(scale).sum()
        self.log_weights = self.at_points - log_wide

    def found(self):
        """Return what this half says."""
        if not np.isfinite(self.at_proposals).any():
            raise ValueError(
                f"log_density is finite at none of {len(self.at_proposals)} draws of the density "
                "fitted to the chains. Declare bounds with support={index: (low, high)}."
            )
        return evidence_of_half(
            self._ratios(self.values[self.own], self.drawn.rows[self.own]),
            self._ratios(self.at_proposals, self.proposals),
            self._weight(self.own),
            self._ratios(self.at_points, self.points),
            self.log_weights,
        )

    def _ratios(self, values, rows):
        """Return values (...) of log p less log q of rows (..., d), all densities together."""
        flat = rows.reshape(-1, rows.shape[-1])
        scores = [np.asarray(part.score_samples(flat), np.float64) for part in self.densities]
        log_q = np.logaddexp.reduce(scores).reshape(values.shape) - np.log(len(scores))
        # beyond bounds both are 0, which is nothing to be compared
        return np.where(values > -np.inf, values - np.where(values > -np.inf, log_q, 0), -np.inf)

    def _weight(self, places):
        return None if self.drawn.weight is None else self.drawn.weight[places.ravel()]
