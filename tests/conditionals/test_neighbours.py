"""Kernel estimates of cells by the rows nearest to what is known."""

import math

import numpy as np
import pytest
import torch

from skflow.conditionals._encoding import LABELS, NUMBER, ORDERED, Encoding
from skflow.conditionals._near_rows import N_NEAREST
from skflow.conditionals._neighbours import (
    BLURS,
    MISMATCH,
    REACHES,
    WIDTHS,
    Neighbours,
)
from skflow.conditionals._points import Points

SHARES = {1: np.array([0.2, 0.5, 0.3]), 2: np.array([0.1, 0.2, 0.7])}
COLUMNS = [(NUMBER, None), (ORDERED, SHARES[1]), (LABELS, SHARES[2]), (NUMBER, None)]
N_NEW, D = 6, len(COLUMNS)


def rows(n, seed):
    generator = torch.Generator().manual_seed(seed)
    values = torch.randn(n, D, generator=generator)
    for j, share in SHARES.items():
        values[:, j] = torch.randint(0, len(share), (n,), generator=generator).float()
    return values


def holes(n, seed):
    return torch.rand(n, D, generator=torch.Generator().manual_seed(seed)) < 0.2


def neighbours(n=40, weight=None):
    values = rows(n, 0).masked_fill(holes(n, 1), math.nan)
    return Neighbours(*points(values), values, weight)


def points(values):
    """Columns, shares of labels and rows with nothing expected in their holes."""
    columns = Encoding(COLUMNS), [SHARES[2]]
    return *columns, Points.of(*columns, values)


def distances(own, values, known):
    """Mean squared distance (N,) of known cells of one row from all rows, cell by cell."""
    encoding = own.encoding
    x, z = encoding.scores_of(values[None])[0], encoding.scores_of(own.spread)
    total = torch.zeros(len(z))
    for i, j in enumerate(encoding.scores):
        if known[j]:
            total += torch.where(torch.isnan(z[:, i]), x[i] ** 2 + 1, (x[i] - z[:, i]) ** 2)
    if known[2]:
        code, other = int(values[2]), own.spread[:, 2]
        apart = torch.where(torch.isnan(other), 1 - SHARES[2][code], (other != code).float())
        total += MISMATCH * apart
    return total / max(1, int(known.sum()))


def test_weights_are_by_the_mean_squared_distance():
    own, values, known = neighbours(), rows(N_NEW, 2), ~holes(N_NEW, 3)
    index, log_weight = own.nearest(values, known)
    for row, seen, numbers, found in zip(values, known, index, log_weight.unbind(1), strict=True):
        expected = distances(own, row, seen)[numbers]
        for reach, logs in zip(REACHES, found, strict=True):
            torch.testing.assert_close(
                logs.log_softmax(0),
                (-expected / (2 * reach**2)).log_softmax(0),
                atol=1e-3,
                rtol=1e-4,
            )


def test_only_the_nearest_count():
    own, values = neighbours(2 * N_NEAREST), rows(N_NEW, 2)
    known = torch.ones(N_NEW, D, dtype=torch.bool)
    index, _ = own.nearest(values, known)
    for row, seen, numbers in zip(values, known, index, strict=True):
        every = distances(own, row, seen)
        assert len(numbers) == N_NEAREST
        rest = torch.ones(len(every), dtype=torch.bool)
        rest[numbers] = False
        assert every[numbers].max() <= every[rest].min() + 1e-5


def test_barred_rows_have_no_weight():
    own, values = neighbours(), rows(N_NEW, 2)
    known = torch.ones(N_NEW, D, dtype=torch.bool)
    barred = (torch.arange(40) < 30).expand(N_NEW, -1)
    index, log_weight = own.nearest(values, known, barred)
    assert float(log_weight.softmax(-1)[:, index < 30].max()) == 0


def test_rows_count_by_their_weights():
    weight = torch.ones(40)
    weight[:30] = 1e-20
    own, values = neighbours(weight=weight), rows(N_NEW, 2)
    index, log_weight = own.nearest(values, torch.zeros(N_NEW, D, dtype=torch.bool))
    assert float(log_weight.softmax(-1)[:, index < 30].max()) < 1e-9


@pytest.mark.parametrize("j", range(D))
def test_a_mix_of_estimates_as_each_of_them(j):
    own, values, known = neighbours(), rows(N_NEW, 2), ~holes(N_NEW, 3)
    known[:, j] = False
    nearest = own.nearest(values, known)
    each = own.log_prob(nearest, j, values[:, j])
    assert each.shape == (own.n_kinds, N_NEW)
    log_share = torch.randn(own.n_kinds, generator=torch.Generator().manual_seed(4)).log_softmax(0)
    mixed = own.column(nearest, j, log_share).log_prob(values[:, j])
    torch.testing.assert_close(
        mixed, torch.logsumexp(each + log_share[:, None], 0), atol=1e-4, rtol=1e-4
    )


@pytest.mark.parametrize("j", sorted(SHARES))
def test_shares_of_levels_add_up_to_one(j):
    own, values, known = neighbours(), rows(N_NEW, 2), ~holes(N_NEW, 3)
    nearest = own.nearest(values, known)
    mass = [
        own.log_prob(nearest, j, torch.full((N_NEW,), float(code))).exp()
        for code in range(len(SHARES[j]))
    ]
    torch.testing.assert_close(sum(mass), torch.ones(own.n_kinds, N_NEW), atol=1e-4, rtol=0)


def test_each_row_puts_its_kernel_around_its_own_cell():
    row = torch.tensor([[0.7, 1.0, 2.0, -1.0]])
    own = Neighbours(*points(row), row)
    nothing = torch.zeros(1, D), torch.zeros(1, D, dtype=torch.bool)
    nearest = own.nearest(*nothing)
    found = own.log_prob(nearest, 0, torch.tensor([0.75]))[:, 0]
    normal = [
        torch.distributions.Normal(0.7, width).log_prob(torch.tensor(0.75)) for width in WIDTHS
    ]
    torch.testing.assert_close(found, torch.stack(normal * len(REACHES)), atol=1e-4, rtol=1e-4)
    found = own.log_prob(nearest, 2, torch.tensor([0.0]))[:, 0].exp()
    expected = [blur * SHARES[2][0] for blur in BLURS] * len(REACHES)
    torch.testing.assert_close(found, torch.tensor(expected).float(), atol=1e-6, rtol=1e-4)
    # the level in the middle is wide: a narrow kernel there stays within it
    shares = own.log_prob(nearest, 1, torch.tensor([1.0]))[:, 0].exp()
    assert shares.min() > 0.99
