"""The fit of a density of a data frame: its columns read, then nets of its conditionals."""

from collections import Counter
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch

from skflow._clock import seconds_left, time_is_up, time_limit
from skflow._random import draw_seed
from skflow._threads import one_thread
from skflow._validation import check_rows
from skflow._watch import tell
from skflow.conditionals._blend import Blend
from skflow.conditionals._encoding import LABELS, NUMBER, Encoding
from skflow.conditionals._filled import filled
from skflow.conditionals._gaussian import GaussianStart
from skflow.conditionals._net import AnyOrderNet
from skflow.conditionals._shares import blend
from skflow.conditionals._training import default_config, fit_nets
from skflow.estimators.frames._reader import Reader
from skflow.tables._rows import group_rows
from skflow.training._data import assign_holders

__all__ = ["FittedTable", "learn"]

MINIMUM = 5  # rows
LONG = 20_000  # rows, of which a tenth is enough to stop by
BATCH = 256
HIDDEN, FEW_LAYERS, MANY_LAYERS = 256, 3, 5  # of nets, of which many rows have the more layers
MANY_ROWS = 2_000
LEAST_HOLES = 0.01  # of the cells, from which they are worth a second fit
FIRST = 0.5  # of the steps and of a limited time that the first fit then has
DRAWN = 0.2  # of the rest of a limited time, at most, to draw what is in the holes
FEW_ORDERS_FROM = 2_000  # columns times members from which a row's score has fewer orders
FEWEST_ORDERS = 2


@dataclass(frozen=True)
class FittedTable:
    """What a fit leaves."""

    reader: Reader
    conditionals: Blend
    orders: np.ndarray
    histories: list


def learn(estimator, X, weight, rng):
    """Fit the nets of a TableDensity to the rows of a table with weights (n,) or None."""
    with one_thread():
        asked = estimator.kinds, estimator.support
        reader, codes, points, scores = Reader.read(X, weight, rng, *asked)
    check_rows(scores, MINIMUM)
    if not scores.shape[1]:
        raise ValueError(
            f"none of the {len(reader.schema)} columns of X has cells to learn from: they "
            "are empty or skipped."
        )
    tell(f"{len(scores):,} rows of {len(reader.scales)} columns read: {_kinds_of(reader)}")
    weight = None if weight is None else weight[weight > 0]
    repeats = not any(scale.kind == NUMBER for scale in reader.scales)
    holder = _holder(codes, estimator.n_members, rng, repeats)
    cells = torch.from_numpy(np.concatenate([points, scores], axis=1))
    middles, seed = _middles(reader.scales, codes), draw_seed(rng)
    rows = _Rows(estimator, reader.scales, cells, middles, weight, holder, seed)
    steps = default_config(len(cells), estimator.max_steps).max_epochs
    twice = bool(torch.isnan(cells).float().mean() >= LEAST_HOLES)
    with time_limit(FIRST * seconds_left() if twice else None):
        first = max(1, round(FIRST * steps)) if twice else steps
        conditionals, histories, held_out = rows.fit(first, rng)
    has_levels = np.array([scale.kind != NUMBER for scale in reader.scales])
    orders = _orders(len(conditionals.nets), estimator.n_orders, has_levels, rng)
    fitted = FittedTable(reader, conditionals, orders, histories)
    return _again(fitted, held_out, rows, steps, rng) if twice else fitted


@dataclass(frozen=True)
class _Rows:
    """Rows that nets are fitted to.

    Attributes
    ----------
    estimator : TableDensity
    scales : tuple of NumberScale or LevelScale
        Of each column.
    cells : tensor of shape (n, 2 d), float64
        As :func:`rows_given` takes them, NaN in holes.
    middles : tensor of shape (n, 2 d)
        See :func:`_middles`.
    weight : ndarray of shape (n,) or None
    holder : ndarray of shape (n,)
    seed : int
        Of the cells that fits are weighed and compared by: the same for all.
    """

    estimator: Any
    scales: tuple
    cells: torch.Tensor
    middles: torch.Tensor
    weight: np.ndarray | None
    holder: np.ndarray
    seed: int

    def fit(self, steps, rng, copies=None):
        """Fit nets, in at most so many steps, to the rows or to copies with their holes filled.

        Returns
        -------
        conditionals : Blend
        histories : list
        held_out : float
            Mean log probability of the cells of held-out rows, each given some of its others.
        """
        cells, weight = self.cells.float(), None
        if self.weight is not None:
            weight = torch.from_numpy(self.weight / self.weight.mean()).float()
        copies = cells if copies is None else copies
        n_copies = len(copies) // len(cells)
        nets, histories = fit_nets(
            partial(self._begun, copies),
            copies,
            None if weight is None else weight.repeat(n_copies),
            np.tile(self.holder, n_copies),
            default_config(len(cells), steps, self.estimator.verbose),
            BATCH,
            seed=draw_seed(rng),
            n_jobs=self.estimator.n_jobs,
        )
        tell("weighing nets and shares by held-out rows")
        rows = cells, self.middles, weight, self.holder
        conditionals, held_out = blend(nets, self._columns()[1], *rows, self.seed)
        return conditionals, list(histories), held_out

    def _begun(self, copies, rows):
        """Make a net that is to start from some rows, and its starts."""
        rows = rows[rows < len(self.cells)]  # copies of a row are not more rows
        points = copies[rows].chunk(2, dim=1)[0]
        spread = self.cells[rows].chunk(2, dim=1)[1]
        columns, shares = self._columns()
        encoding = Encoding(columns)
        numbers = encoding(torch.where(torch.isnan(spread), points, spread)).numpy()
        weight = None if self.weight is None else self.weight[rows]
        starts = GaussianStart.from_scores(numbers, weight)
        hidden = _hidden_features(self.estimator.hidden_features, len(self.cells))
        return AnyOrderNet(encoding, starts[0], shares, hidden), starts

    def _columns(self):
        """Return the kind of each column and its shares, and the shares of those of labels."""
        columns = [(scale.kind, getattr(scale, "shares", None)) for scale in self.scales]
        return columns, [share for kind, share in columns if kind == LABELS]


def _again(first, held_out, rows, steps, rng):
    """Fit once more to rows whose holes are drawn by what a first fit has found.

    If that is interrupted, or held-out cells are less likely by it, what was found first is kept.
    """
    if time_is_up() or _interrupted(first.histories):
        return first
    tell("drawing what may be in the holes, and fitting to the rows so filled")
    scales = first.reader.scales
    try:
        with time_limit(DRAWN * seconds_left()):
            copies = filled(
                first.conditionals,
                rows.cells.float(),
                first.orders,
                lambda j, scores: scales[j].settled(scores),
                draw_seed(rng),
                rows.estimator.n_jobs,
            )
        conditionals, histories, again = rows.fit(steps, rng, copies)
    except KeyboardInterrupt:
        return first
    if again < held_out:
        tell("the first fit is kept: held-out cells are likelier by it")
        return first
    if _interrupted(histories):
        conditionals = first.conditionals
    return replace(first, conditionals=conditionals, histories=histories)


def _hidden_features(asked, n_rows):
    """Units of each hidden layer: as asked, or by the number of rows."""
    if asked != "auto":
        return asked
    return (HIDDEN,) * (MANY_LAYERS if n_rows > MANY_ROWS else FEW_LAYERS)


def _interrupted(histories):
    return any(history.stopped_by == "interrupt" for history in histories)


def _middles(scales, codes):
    """Means and deviations (n, 2 d) of what the cells of codes (n, d) are spread over."""
    with one_thread():
        each = [scale.covered(own) for scale, own in zip(scales, codes.T, strict=True)]
    return torch.from_numpy(np.concatenate(np.stack(each).T, axis=1)).float()


def _kinds_of(reader):
    """Say how many columns are of which kind."""
    counts = Counter(scale.kind for scale in reader.scales)
    return ", ".join(f"{n} of {kind}" for kind, n in counts.items())


def _holder(codes, n_members, rng, repeats=False):
    """Member (n,) that holds each row out; rows that are equal in the table go together.

    But not if rows repeat by themselves, being of levels alone: then held-out rows are as rows to
    come only where they are drawn one by one.
    """
    if repeats:
        first = group = np.arange(len(codes))
    else:
        holes = np.isnan(codes)
        first, group = group_rows(np.column_stack([np.where(holes, 0.0, codes), holes]))
    if len(first) == 1:  # there is nothing to overfit
        first = group = np.arange(len(codes))
    n_members = min(n_members, len(first))
    n_folds = max(n_members, 10 if len(first) > LONG else 5)
    n_folds = min(n_folds, len(first))
    seed = torch.Generator().manual_seed(draw_seed(rng))
    return assign_holders(len(first), n_members, n_folds, seed).numpy()[group]


def _orders(n_members, n_orders, has_levels, rng):
    """Orders of the columns and their reverses, or as many as there are.

    Few levels come before many numbers: they tell the groups that these lie in. Numbers drawn one
    by one without them come to lie between groups.

    Parameters
    ----------
    n_members : int
    n_orders : int or "auto"
    has_levels : ndarray of shape (d,), bool
    rng : numpy.random.RandomState

    Returns
    -------
    orders : ndarray of shape (n_orders, d)
    """
    d = len(has_levels)
    if n_orders == "auto":
        n_orders = 8 if d * n_members < FEW_ORDERS_FROM else FEWEST_ORDERS
    pairs = [(order, order[::-1]) for order in (rng.permutation(d) for _ in range(0, n_orders, 2))]
    orders = np.array(pairs, dtype=np.int64).reshape(-1, d)[:n_orders]
    if 2 * has_levels.sum() < d:
        late = np.argsort(~has_levels[orders], axis=1, kind="stable")
        orders = np.take_along_axis(orders, late, axis=1)
    return np.unique(orders, axis=0)
