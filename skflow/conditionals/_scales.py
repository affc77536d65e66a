"""From codes of a column to what a net of conditionals takes, and back."""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch

from skflow._persistence import stored
from skflow.conditionals._atoms import FEWEST, AtomScores, find_atoms
from skflow.conditionals._encoding import LABELS, NUMBER, ORDERED
from skflow.fitting._preprocessing import fit_preprocessing
from skflow.numerics import truncated_normal
from skflow.tables._cells import UNSEEN
from skflow.tables._observation import ContinuousRows
from skflow.tables._periodic import read_circles
from skflow.tables._table import START_ROWS

__all__ = ["LevelScale", "NumberScale", "read_scale"]

BLOCK = 4_096
HALF = 0.5  # of the width of a whole number
LARGEST_WHOLE = 2**48
CLOSE = 1e-9  # to a bound


@stored
@dataclass(frozen=True, eq=False)
class NumberScale:
    """A column of numbers: repeated values spread, then to normal scores.

    Attributes
    ----------
    observation : ContinuousRows
        Bounds and ties.
    to_scores : Chain or AtomScores
    whole : bool
        Whether codes are whole numbers, whose probabilities are asked for.
    """

    observation: ContinuousRows
    to_scores: Any
    whole: bool
    kind: str = field(default=NUMBER, init=False)

    @classmethod
    def read(cls, codes, weight, rng, whole, bounds=None, periodic=False):
        """Learn from the known codes (n,) of a fit and their weights (n,) or None.

        If they are periodic the bounds are those of the one period in which they come back.
        """
        x, circles = codes[:, None], None
        if periodic:
            circles, bounds = _circle(x, weight, whole, *bounds), None
        if whole and bounds is not None:
            # all of a whole number lies within the bounds if it does
            low, high = bounds
            bounds = None if low is None else low - HALF, None if high is None else high + HALF
        observation = ContinuousRows.read(
            x,
            weight,
            support=None if bounds is None else {0: bounds},
            resolution={0: 1.0} if whole else None,
            circles=circles,
        )
        x = observation.turn(x)
        if len(x) > START_ROWS:
            rows = rng.permutation(len(x))[:START_ROWS]
            x, weight = x[rows], None if weight is None else weight[rows]
        return cls(observation, _normal_scores(x[:, 0], weight, observation, rng), whole)

    def spread(self, codes, rng):
        """Codes with repeated values spread, for a fit."""
        known = ~np.isnan(codes)
        out = codes.copy()
        out[known] = self.observation.made_continuous(codes[known, None], rng)[:, 0]
        return out

    def score(self, codes):
        """Scores (n,) of codes, NaN in holes, and what a log density adds to that of the score.

        For numbers the log slope, for whole ones, whose log mass is asked for, nothing; 0 in
        holes, -inf out of bounds.
        """
        scores, slopes = self._to_scores(codes)
        return scores, np.where(np.isinf(slopes), slopes, 0.0) if self.whole else slopes

    def ends(self, codes):
        """Scores (n, 2) between which whole numbers lie, NaN for any others and in holes."""
        if not self.whole:
            return np.full((len(codes), 2), np.nan)
        codes = self.observation.turn(codes[:, None])[:, 0]
        return self.edges(np.concatenate([codes - HALF, codes + HALF])).reshape(2, -1).T

    def edges(self, points):
        """Scores (n,) of points between whole numbers, which lie on no circle."""
        return self._to_scores(_just_inside(points, self.observation))[0]

    def _to_scores(self, codes):
        known = ~np.isnan(codes)
        scores, slopes = codes.copy(), np.zeros(len(codes))
        rows, outside = self.observation.place(codes[known, None])
        with torch.no_grad():
            parts = [self.to_scores(block) for block in torch.from_numpy(rows).split(BLOCK)]
        scores[known] = np.concatenate([z[:, 0].numpy() for z, _ in parts]) if parts else 0.0
        slope = np.concatenate([slope.numpy() for _, slope in parts]) if parts else 0.0
        slopes[known] = np.where(outside, -np.inf, slope)
        return scores, slopes

    def range(self, low, high):
        """Scores between which codes from low to high lie; NaN leaves an end open."""
        half = HALF if self.whole else 0.0
        ends = self._to_scores(np.array([low - half, high + half]))[0]
        return tuple(np.where(np.isnan(ends), [-np.inf, np.inf], ends).tolist())

    def covered(self, codes):
        """Means and deviations (n, 2) of the scores that repeated values are spread over.

        Of other values it is their own score, and 0; of holes NaN, and 0.
        """
        scores, known = self._to_scores(codes)[0], ~np.isnan(codes)
        out = np.stack([scores, np.zeros(len(codes))], axis=1)
        own = self.observation.turn(codes[known, None])[:, 0]
        widths = self.observation.ties.widths_in(0, own)
        if widths is not None:
            spread = np.flatnonzero(known)[widths > 0]
            own, half = own[widths > 0], HALF * widths[widths > 0]
            low, high = self.edges(np.concatenate([own - half, own + half])).reshape(2, -1)
            whole = low < high  # not cut in two where a circle is
            out[spread[whole]] = truncated_normal(low[whole], high[whole])
        return out

    def settled(self, scores):
        """Scores (n,) of the values that scores (n,) of spread ones stand for; tensors."""
        if not self.whole and self.observation.ties.columns[0] is None:
            return scores
        codes = self.codes(scores.double().numpy(), True)
        return torch.from_numpy(self._to_scores(codes)[0]).to(scores)

    def codes(self, scores, on_grid):
        """Codes (n,) of scores."""
        with torch.no_grad():
            x = self.to_scores.inverse(torch.from_numpy(scores[:, None]).double())[0].numpy()
        x = self.observation.draws(x, on_grid or self.whole)
        return self.observation.turn_back(np.round(x))[:, 0] if self.whole else x[:, 0]


def _circle(x, weight, whole, low, high):
    """Cut the circle on which values x (n, 1) lie open; one period of it is from low to high."""
    circles = read_circles(x, {0: high - low}, weight)
    cuts = np.floor(circles.cuts) + HALF if whole else circles.cuts  # between two whole numbers
    return replace(circles, cuts=cuts, starts=np.array([low], dtype=float))


def _just_inside(ends, observation):
    """Move ends of cells that lie on a bound, or where a circle is cut, next to it."""
    for sign, bound in ((1, observation.low[0]), (-1, observation.high[0])):
        if np.isfinite(bound):
            end = bound + sign * CLOSE * max(1.0, abs(bound))
            ends = sign * np.maximum(sign * ends, sign * end)
    return ends


def _normal_scores(values, weight, observation, rng):
    """Fit the map to normal scores of values (n,), of which some may hold many rows each."""
    x = observation.made_continuous(values[:, None], rng)
    widths = observation.ties.widths_in(0, values)
    widths = np.zeros(len(values)) if widths is None else widths
    atoms, widths, shares = find_atoms(values, widths, weight)
    if not len(atoms):
        return _smooth(x, weight, observation)
    others = ~np.isin(values, atoms)
    if others.sum() >= FEWEST:
        rest = _smooth(x[others], None if weight is None else weight[others], observation)
    else:  # of so few their range is all that is known
        rest = _smooth(np.linspace(x.min(), x.max(), FEWEST)[:, None], None, observation)
    cells = np.stack([atoms - 0.5 * widths, atoms + 0.5 * widths], axis=1)
    ends, _ = observation.place(_just_inside(cells, observation).reshape(-1, 1))
    shares *= min(1.0, (1 - 1 / (len(values) + 1)) / shares.sum())
    return AtomScores(torch.from_numpy(ends.reshape(-1, 2)), torch.from_numpy(shares), rest)


def _smooth(x, weight, observation):
    weight = None if weight is None else torch.from_numpy(weight)
    x, _ = observation.place(x)
    return fit_preprocessing("gaussianize", observation.bounds, torch.from_numpy(x), weight)


@stored
@dataclass(frozen=True, eq=False)
class LevelScale:
    """A column of levels.

    Attributes
    ----------
    shares : ndarray of shape (n_levels,)
        How often each occurred, with half a time more, sum 1.
    unseen : float
        The probability that is kept for levels that the fit had not: 1 / (n + 1).
    kind : {"ordered", "labels"}
    """

    shares: np.ndarray
    unseen: float
    kind: str

    @classmethod
    def read(cls, codes, weight, n_levels, ordered):
        """Learn from the known codes (n,) of a fit and their weights (n,) or None."""
        counts = np.bincount(codes.astype(int), weights=weight, minlength=n_levels) + 0.5
        return cls(counts / counts.sum(), 1 / (len(codes) + 1), ORDERED if ordered else LABELS)

    def ends(self, codes):
        """Return NaN (n, 2): levels have shares themselves."""
        return np.full((len(codes), 2), np.nan)

    def spread(self, codes, rng):
        """Codes as they are."""
        del rng
        return codes

    def score(self, codes):
        """Codes (n,), NaN for holes and for levels unseen, and what their log shares lack."""
        unseen = (codes == UNSEEN) | (codes >= len(self.shares))
        slopes = np.where(np.isnan(codes), 0.0, np.log1p(-self.unseen))
        slopes[unseen] = np.log(self.unseen)
        return np.where(unseen, np.nan, codes), slopes

    def range(self, low, high):
        """Codes from low to high; NaN leaves an end open."""
        return tuple(np.where(np.isnan([low, high]), [0, len(self.shares) - 1], [low, high]))

    def covered(self, codes):
        """Codes (n, 2) as they are, and 0."""
        return np.stack([self.score(codes)[0], np.zeros(len(codes))], axis=1)

    def settled(self, scores):
        """Codes as they are."""
        return scores

    def codes(self, scores, on_grid):
        """Codes (n,) as they are."""
        del on_grid
        return scores


def read_scale(codes, weight, rng, cells, bounds=None):
    """Learn the scale of a column from the codes (n,) of a fit, NaN in holes."""
    known = ~np.isnan(codes)
    weight = None if weight is None else weight[known]
    if cells.n_levels:
        return LevelScale.read(codes[known], weight, cells.n_levels, cells.ordered)
    if cells.step and (codes[known] == 0).all():  # one moment
        return LevelScale.read(codes[known], weight, 1, False)
    # beyond, steps are lost in the rounding of codes, whose density is next to their probability
    fine = np.abs(codes[known]).max() < LARGEST_WHOLE
    whole = cells.step > 0 and fine
    return NumberScale.read(codes[known], weight, rng, whole, bounds, cells.periodic)
