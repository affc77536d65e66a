"""What is expected in the holes of the rows of a fit."""

import math

import numpy as np
import pytest
import torch

from skflow.conditionals import _points
from skflow.conditionals._points import Points
from skflow.conditionals._univariate import Mixture
from tests.conditionals.test_net import COLUMNS, LABELS, net, rows

CLOSE = {"atol": 1e-4, "rtol": 1e-3}
SHARES = [share for kind, share in COLUMNS if kind == LABELS]
N = 12


def with_holes():
    values = rows(N)
    holes = torch.rand(values.shape, generator=torch.Generator().manual_seed(5)) < 0.4
    holes[0] = False
    return values.masked_fill(holes, math.nan)


def test_known_cells_are_themselves():
    values, nets = with_holes(), [net(0), net(1)]
    encoding, known = nets[0].encoding, ~torch.isnan(values)
    points = Points.expected(nets, SHARES, values)
    scores = encoding.scores_of(values).double()
    seen = ~torch.isnan(scores)
    torch.testing.assert_close(points.means[seen], scores[seen], atol=0, rtol=0)
    assert (points.variances[seen] == 0).all()
    for j, found in zip(encoding.labels, points.shares, strict=True):
        rows_seen = known[:, j]
        code = values[rows_seen, j].long()
        assert (found[rows_seen].argmax(1) == code).all()
        assert (found[rows_seen].amax(1) == 1).all()


@pytest.mark.parametrize("block", [5, 1_000])
def test_holes_hold_what_nets_expect(block, monkeypatch):
    monkeypatch.setattr(_points, "BLOCK", block)
    values, nets = with_holes(), [net(0), net(1)]
    encoding, known = nets[0].encoding, ~torch.isnan(values)
    points = Points.expected(nets, SHARES, values)
    for i, j in enumerate(encoding.scores):
        for row in (~known[:, j]).nonzero()[:, 0]:
            own = values[row, None].nan_to_num(0.0), known[row, None]
            at, mass = masses([one.column(*own, j) for one in nets], encoding, i)
            mean = (mass * at).sum()
            variance = (mass * (at - mean).square()).sum()
            torch.testing.assert_close(points.means[row, i].float(), mean, **CLOSE)
            torch.testing.assert_close(points.variances[row, i].float(), variance, **CLOSE)


def masses(cells, encoding, i):
    """Where score i may be, and how much of the mass that nets give one cell is there."""
    if i in encoding.ordered:
        mass = torch.stack([one.log_share[:, 0].exp() for one in cells]).mean(0)
        return encoding.middle[encoding.ordered.index(i), : len(mass)], mass
    grid = torch.linspace(-60, 60, 12_001)
    wide = [Mixture(*(part.expand(-1, len(grid)) for part in vars(one).values())) for one in cells]
    mass = torch.stack([one.log_prob(grid).exp() for one in wide]).mean(0)
    return grid, mass / mass.sum()


def test_labels_have_the_shares_that_nets_give_them():
    values, nets = with_holes(), [net(0), net(1)]
    known = ~torch.isnan(values)
    points = Points.expected(nets, SHARES, values)
    for j, found in zip(nets[0].encoding.labels, points.shares, strict=True):
        each = [one.column(values.nan_to_num(0.0), known, j).log_share.exp() for one in nets]
        expected = torch.stack(each).mean(0).mT[~known[:, j]].double()
        torch.testing.assert_close(found[~known[:, j]], expected, **CLOSE)


def test_nothing_is_expected_but_what_columns_hold():
    values, encoding = with_holes(), net().encoding
    points = Points.of(encoding, SHARES, values)
    holes = torch.isnan(encoding.scores_of(values))
    assert (points.means[holes] == 0).all()
    assert (points.variances[holes] == 1).all()
    some = torch.isnan(values[:, encoding.labels[0]])
    np.testing.assert_allclose(points.shares[0][some], SHARES[0][None].repeat(some.sum(), 0))
