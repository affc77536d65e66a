"""Holes of the rows of a fit, drawn; and what nets are then asked."""

import math

import pytest
import torch

from skflow._clock import time_limit
from skflow.conditionals import _filled
from skflow.conditionals._filled import filled
from skflow.conditionals._training import AnyConditional
from skflow.training import Batch
from tests.conditionals.test_blend import D, mixed
from tests.conditionals.test_net import SIZES, net, rows

N = 40
ORDERS = torch.tensor([[0, 1, 2, 3, 4, 5], [5, 4, 3, 2, 1, 0]]).numpy()


def cells():
    values = rows(N)
    holes = torch.rand(values.shape, generator=torch.Generator().manual_seed(5)) < 0.3
    return values.masked_fill(holes, math.nan).repeat(1, 2)


def as_drawn(j, scores):
    return scores


def test_holes_are_filled_where_cells_are_known_and_left_where_they_are_asked_for():
    own, known = cells(), mixed()
    found = filled(known, own, ORDERS, as_drawn, seed=0)
    assert found.shape == (_filled.MOST_COPIES * N, 2 * D)
    copies = found.view(_filled.MOST_COPIES, N, 2 * D)
    points, spread = copies.chunk(2, dim=2)
    for j, size in SIZES.items():
        assert set(points[..., j].unique().tolist()) <= set(range(size))
    assert torch.isfinite(points).all()
    holes = torch.isnan(own.chunk(2, dim=1)[0])
    for point, asked in zip(points, spread, strict=True):
        torch.testing.assert_close(asked, own.chunk(2, dim=1)[1], equal_nan=True, atol=0, rtol=0)
        torch.testing.assert_close(point[~holes], own.chunk(2, dim=1)[0][~holes], atol=0, rtol=0)
    numbers = [j for j in range(D) if j not in SIZES]
    assert (points[0][:, numbers] != points[1][:, numbers])[holes[:, numbers]].all()


def test_what_is_drawn_is_known_by_what_it_stands_for():
    own = cells()
    exact = filled(mixed(), own, ORDERS, as_drawn, seed=0)[:N, :D]
    halves = filled(mixed(), own, ORDERS, lambda j, scores: (2 * scores).round() / 2, seed=0)
    first = torch.isnan(own[:, 0])
    torch.testing.assert_close(halves[:N, 0][first], (2 * exact[first, 0]).round() / 2)
    assert (exact[first, 0] != halves[:N, 0][first]).any()


def test_many_rows_have_fewer_copies(monkeypatch):
    monkeypatch.setattr(_filled, "MOST_ROWS", 3 * N)
    assert len(filled(mixed(), cells(), ORDERS, as_drawn, seed=0)) == 3 * N
    monkeypatch.setattr(_filled, "MOST_ROWS", N // 2)
    assert len(filled(mixed(), cells(), ORDERS, as_drawn, seed=0)) == N


def test_copies_do_not_depend_on_jobs():
    alone, two = (filled(mixed(), cells(), ORDERS, as_drawn, 0, n_jobs) for n_jobs in (None, 2))
    torch.testing.assert_close(alone, two, equal_nan=True, atol=0, rtol=0)


@pytest.mark.filterwarnings("ignore:max_seconds=0 was over")
def test_without_time_holes_stay():
    with time_limit(0):
        found = filled(mixed(), cells(), ORDERS, as_drawn, seed=0)
    torch.testing.assert_close(
        found, cells().repeat(_filled.MOST_COPIES, 1), equal_nan=True, atol=0, rtol=0
    )


def test_filled_cells_are_known_but_never_asked_for():
    own, made = cells(), net()
    points, spread = rows(N), own.chunk(2, dim=1)[1]
    known = torch.rand(points.shape, generator=torch.Generator().manual_seed(6)) < 0.5
    batch = Batch(torch.cat([points, spread], 1), known.float(), None)
    found = AnyConditional(0.0)(made, batch)
    asked = ~torch.isnan(spread) & ~known
    logs = made.log_prob(torch.where(known, points, spread.nan_to_num(0.0)), known)
    for loss, log, cell in zip(found, logs, asked, strict=True):
        torch.testing.assert_close(loss, -log[cell].sum() / max(1, int(cell.sum())))
