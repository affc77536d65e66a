"""Nets and neighbours mixed: distributions, draws, and the shares of each."""

import math

import numpy as np
import pytest
import torch

from skflow._random import seeded
from skflow.conditionals._all_neighbours import AllNeighbours
from skflow.conditionals._blend import Blend
from skflow.conditionals._kernels import Kernels
from skflow.conditionals._neighbours import Neighbours
from skflow.conditionals._orders import draw_in_order, log_prob_in_order
from skflow.conditionals._points import Points
from skflow.conditionals._shares import _likeliest, _mean_log_prob, _width, blend
from skflow.conditionals._univariate import Levels
from tests.conditionals.test_net import COLUMNS, LABELS, SIZES, net, rows, some_known

D = len(COLUMNS)
LABEL_SHARES = [share for kind, share in COLUMNS if kind == LABELS]


def mixed(share=0.6, n_nets=2, width=1.0):
    nets = [net(seed) for seed in range(n_nets)]
    columns = nets[0].encoding, LABEL_SHARES
    near = *columns, Points.of(*columns, rows(200)), rows(200)
    bandwidths = torch.full((D,), 0.3, dtype=torch.float64)
    neighbours = AllNeighbours(
        [Neighbours(*near), Kernels(*near, None, bandwidths, torch.zeros(200, D))]
    )
    others = torch.full((D, neighbours.n_kinds), (1 - share) / neighbours.n_kinds)
    return Blend(nets, neighbours, torch.cat([torch.full((D, 1), share), others], 1), width)


def shares_of(nets, values, holder):
    """Blend nets with neighbours among rows in which no number repeats."""
    middles = torch.cat([values, torch.zeros_like(values)], 1)
    return blend(nets, LABEL_SHARES, values.repeat(1, 2), middles, None, holder, seed=0)[0]


@pytest.mark.parametrize("j", range(D))
def test_a_column_is_the_mixture_of_its_parts(j):
    both, values, known = mixed(), rows(), some_known()
    known[:, j], known[:, j - 1] = False, True
    found = both.column(values, known, j).log_prob(values[:, j]).exp()
    nets = torch.stack([own.log_prob(values, known)[:, j].exp() for own in both.nets]).mean(0)
    nearest = both.neighbours.nearest(values, known)
    beside = both.neighbours.log_prob(nearest, j, values[:, j]).exp().mean(0)
    torch.testing.assert_close(found, 0.6 * nets + 0.4 * beside, atol=1e-5, rtol=1e-3)


@pytest.mark.parametrize("share", [0.6, 1.0])
def test_only_nets_where_nothing_is_known_or_all_is_theirs(share):
    both, values = mixed(share), rows()
    known = torch.zeros(values.shape, dtype=torch.bool) if share < 1 else some_known()
    known[:, 0] = False
    found = both.column(values, known, 0).log_prob(values[:, 0])
    nets = torch.stack([own.log_prob(values, known)[:, 0] for own in both.nets])
    torch.testing.assert_close(found, nets.logsumexp(0) - math.log(2), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("j", range(D))
def test_nets_are_narrowed_where_numbers_are_given_something(j):
    wide, narrow, values = mixed(1.0), mixed(1.0, width=0.5), rows()
    known = torch.ones(values.shape, dtype=torch.bool)
    known[:, j], known[::2] = False, False
    before, after = (both.column(values, known, j) for both in (wide, narrow))
    if j in SIZES or isinstance(before, Levels):
        assert torch.equal(before.log_share, after.log_share)
        return
    assert torch.equal(before.loc, after.loc)
    share = (after.log_scale - before.log_scale).exp()
    expected = torch.where(known.any(1), 0.5, 1.0).expand_as(share)
    torch.testing.assert_close(share, expected)


def test_more_rows_are_narrowed_less():
    few, many, more = (_width(5, n) for n in (100, 1_000, 100_000))
    assert few == _width(2, 200) < many < more < 1 == _width(1, 100)
    assert [_width(5, n) for n in (250, 1_000)] == pytest.approx([0.9, 0.95])


@pytest.mark.parametrize("width", [1.0, 0.5])
@pytest.mark.parametrize("j", [0, 1, 4])
def test_draws_follow_the_column(j, width):
    both, n = mixed(width=width), 20_000
    values, known = rows(1).expand(n, -1), some_known(1).expand(n, -1).clone()
    known[:, j], known[:, j - 1] = False, True
    with seeded(0), torch.no_grad():
        drawn = both.draw(values, known, j, torch.rand(n))
        cells = both.column(values[:1], known[:1], j)
    if isinstance(cells, Levels):
        shares = drawn.long().bincount(minlength=len(cells.log_share)) / n
        torch.testing.assert_close(shares, cells.log_share[:, 0].exp(), atol=0.02, rtol=0)
    else:
        for q in (0.1, 0.5, 0.9):
            assert float((drawn < cells.quantile(q)).float().mean()) == pytest.approx(q, abs=0.02)


def test_a_product_in_any_order_is_a_distribution():
    made = mixed()
    for part in made.neighbours.parts:  # which the grid can see
        part.widths = [0.2, 0.4, 0.8]
    grid = torch.linspace(-8, 8, 401)
    codes = torch.cartesian_prod(*(torch.arange(size).float() for size in SIZES.values()))
    cells = torch.cartesian_prod(grid, torch.arange(len(codes)).float())
    values = torch.zeros(len(cells), D)
    values[:, 0] = cells[:, 0]
    values[:, list(SIZES)] = codes[cells[:, 1].long()]
    nothing = torch.zeros(values.shape, dtype=torch.bool)
    for order in ([0, 1, 2, 4, 5], [5, 0, 4, 2, 1], [1, 4, 5, 2, 0]):
        mass = log_prob_in_order(made, values, nothing, order).exp().view(len(grid), -1)
        assert float(torch.trapezoid(mass.sum(1), grid.double())) == pytest.approx(1, abs=2e-3)


def test_holes_are_left_out():
    made, values = mixed(), rows()
    nothing = torch.zeros(values.shape, dtype=torch.bool)
    order = [3, 1, 0, 5, 2, 4]
    with_holes = values.clone()
    with_holes[::2, 3] = math.nan
    scores = log_prob_in_order(made, with_holes, nothing, order)
    close = {"rtol": 1e-4, "atol": 1e-4}
    without = log_prob_in_order(made, values, nothing, order[1:])
    torch.testing.assert_close(scores[::2], without[::2], **close)
    whole = log_prob_in_order(made, values, nothing, order)
    torch.testing.assert_close(scores[1::2], whole[1::2], **close)


def test_draws_fill_what_is_asked_for():
    made, values = mixed(), rows(50)
    holes = ~some_known(50)
    given = values.masked_fill(holes, math.nan)
    with seeded(0):
        drawn = draw_in_order(made, given, [0, 1, 2, 3, 4], torch.rand(50, 5), lambda _, z: z)
    assert torch.equal(drawn[~holes], values[~holes])
    assert torch.isnan(drawn[:, 5]).equal(holes[:, 5])
    assert not torch.isnan(drawn[:, :5]).any()
    for j, size in SIZES.items():
        known = drawn[:, j][~torch.isnan(drawn[:, j])]
        assert ((known >= 0) & (known < size) & (known == known.round())).all()


class TestShares:
    def test_are_the_likeliest(self):
        generator = torch.Generator().manual_seed(0)
        logs = torch.randn(5_000, 3, generator=generator)
        found = _likeliest(logs, torch.ones(len(logs)), torch.full((3,), 1 / 3))
        assert float(found.sum()) == pytest.approx(1, abs=1e-5)
        best = float((logs + found.log()).logsumexp(1).mean())
        for k in range(3):
            other = found.clone()
            other[k] += 0.05
            assert float((logs + (other / other.sum()).log()).logsumexp(1).mean()) < best

    def test_of_little_are_those_before(self):
        start = torch.tensor([0.9, 0.1])
        found = _likeliest(torch.tensor([[-9.0, 0.0]]), torch.ones(1), start)
        assert float(found[1]) == pytest.approx(3 / 21, abs=0.01)

    def test_make_a_likelihood_of_the_cells_that_are_asked_for(self):
        logs = torch.tensor([[[0.0, -2.0], [-1.0, -1.0]], [[-3.0, 0.0], [0.0, 0.0]]])
        logs[1, 1] = math.nan
        shares = torch.tensor([[0.75, 0.25], [0.5, 0.5]])
        found = _mean_log_prob(logs, torch.tensor([1.0, 2.0]), shares)
        first = math.log(0.75 + 0.25 * math.exp(-2)), -1.0
        second = math.log(0.75 * math.exp(-3) + 0.25)
        assert found == pytest.approx((sum(first) + 2 * second) / 4, rel=1e-5)

    def test_of_neighbours_where_rows_nearly_repeat(self):
        """Each row has a near double in another fold, of which an untrained net knows nothing."""
        half = rows(200)
        values = torch.cat([half, half + 0.01 * torch.randn(half.shape)])
        for j, share in SIZES.items():
            values[:, j] = values[:, j].round().clamp(0, share - 1)
        holder = np.repeat([0, 1], 200)
        found = shares_of([net(0), net(1)], values, holder)
        numbers = [0, 3]
        assert float(found.shares[numbers, 0].max()) < 0.5

    def test_of_nets_where_rows_say_nothing_of_each_other(self):
        values = rows(400)
        holder = np.repeat([0, 1], 200)
        untrained = [net(0, trained=False), net(1, trained=False)]
        found = shares_of(untrained, values, holder)
        numbers = [0, 3]
        assert float(found.shares[numbers, 0].min()) > 0.6
        torch.testing.assert_close(found.shares.sum(1), torch.ones(D), atol=1e-4, rtol=0)
